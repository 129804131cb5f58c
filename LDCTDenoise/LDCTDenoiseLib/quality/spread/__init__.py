"""The spread of several draws, and whether it may be called an uncertainty."""
