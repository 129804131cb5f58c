"""Figures of a result: asked of the worker for whole volumes, computed here while a region or a line is moved."""
