"""The laboratory: objectives, data, loop and evaluation. Nothing here is needed to denoise."""

from .objectives import drift, drifting_loss

__all__ = ["drift", "drifting_loss"]
