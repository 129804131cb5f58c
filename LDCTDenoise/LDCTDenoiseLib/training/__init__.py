"""The laboratory: objectives, data, loop and evaluation. Nothing here is needed to denoise.

The objectives are loaded when they are first used: evaluating classical methods needs no torch.
"""

__all__ = ["decibel_loss", "drift", "drifting_loss"]


def __getattr__(name: str):
    if name in __all__:
        from . import objectives

        return getattr(objectives, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
