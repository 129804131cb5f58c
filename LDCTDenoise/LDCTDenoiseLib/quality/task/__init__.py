"""What an image is for: whether a faint lesion put into it can still be found."""
