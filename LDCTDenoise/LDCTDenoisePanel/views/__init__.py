"""Before, after and difference side by side, in views of their own; the user's own views stay as they are."""
