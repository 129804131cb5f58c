"""Which packages a method needs beyond those that always are there; asked without importing any of them."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..weights.cards import Card

TITLES = {"torch": "PyTorch", "skimage": "scikit-image"}  # module → what people call it
_INSTALL = {"torch": "torch", "skimage": "scikit-image"}  # module → what pip calls it


def missing_packages(card: Card) -> tuple[str, ...]:
    """Names of the modules that the model of the card needs and this Python lacks: "torch", "skimage"."""
    from .classical import FILTERS  # for a network they are not wanted

    method = FILTERS.get(card.id) if card.family == "classical" else None
    needed = ("torch",) if method is None else method.packages
    return tuple(name for name in needed if not _is_there(name))


def what_is_missing(modules: tuple[str, ...]) -> str:
    """The sentence for a user, or nothing where nothing is missing."""
    if not modules:
        return ""
    titles = " and ".join(TITLES[name] for name in modules)
    install = " ".join(_INSTALL[name] for name in modules)
    return f"{titles} is needed, which is not installed: pip install {install}."


def why_no_torch(error: ImportError) -> str:
    """What to tell of an import of torch that failed, after "needs PyTorch, which ": it may be there and not load."""
    if getattr(error, "name", None) == "torch" and not _is_there("torch"):
        return "is not installed: install it with pip install torch"
    return f"is installed but does not load ({type(error).__name__}; too little memory, or a damaged installation)"


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # a finder that refuses, or a module made up in memory
        return False
