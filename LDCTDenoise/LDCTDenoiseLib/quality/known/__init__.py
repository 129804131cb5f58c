"""Cases whose answer is known, for the figures themselves."""
