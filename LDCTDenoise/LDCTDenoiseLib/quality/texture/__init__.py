"""Noise: how much, where, and of what grain; in squares found by themselves or regions that a user drew."""
