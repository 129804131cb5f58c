"""One denoiser for every card: a new method is one file here and one line in `load_denoiser`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from .contract import Denoiser

if TYPE_CHECKING:
    from ..weights.cards import Card

__all__ = ["Denoiser", "load_denoiser"]


def load_denoiser(card: Card) -> Denoiser:
    """The method that a card describes, its weights read and checked.

    Raises InputError where torch, another package or the weights are missing, or do not fit the network.
    """
    if card.family == "classical":
        from .classical import make_filter

        return make_filter(card.id, **card.parameters)
    if card.family == "rddm":
        return _load_rddm(card)
    raise InputError(f"The model {card.id} is of the family {card.family}, which this version does not know.")


def _load_rddm(card: Card) -> Denoiser:
    try:
        from ..networks import RDDMUNet
    except ImportError as error:
        raise InputError(
            f"{card.title} needs PyTorch, which is not installed: install it with pip install torch, "
            "or choose a classical method such as nlm."
        ) from error
    from ..weights.store import load_state_dict
    from .rddm import HIGHEST, LOWEST, RDDM

    if card.hu_window not in (None, (LOWEST, HIGHEST)):
        raise InputError(f"The card of {card.id} has another HU window than [{LOWEST:g}, {HIGHEST:g}], RDDM's own.")
    weights = load_state_dict(card)
    try:
        network = RDDMUNet(**card.network)
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"The weights of {card.id} do not fit the network of its card: import them again.") from error
    return RDDM(card.id, network)
