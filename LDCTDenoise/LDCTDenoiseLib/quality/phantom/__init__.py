"""Drawn phantoms, and what a method keeps of them."""
