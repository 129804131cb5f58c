"""Edges: where they are, how sharp, and whether what was removed holds some of them."""
