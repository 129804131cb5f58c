"""One denoiser for every card: a new method is one file here and one line in `load_denoiser`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from .contract import Denoiser
from .requirements import why_no_torch

if TYPE_CHECKING:
    from torch import Tensor

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
    if card.family == "founddiff":
        return _load_founddiff(card)
    raise InputError(f"The model {card.id} is of the family {card.family}, which this version does not know.")


def _load_rddm(card: Card) -> Denoiser:
    networks = _networks(card)
    from .rddm import HIGHEST, LOWEST, RDDM

    _check_window(card, "RDDM", (LOWEST, HIGHEST))
    return RDDM(card.id, _filled(card, networks.RDDMUNet, card.network, _weights(card)))


def _load_founddiff(card: Card) -> Denoiser:
    """Both networks from one file, by the beginnings of the names; the readout of perception is not for denoising."""
    networks = _networks(card)
    from .founddiff import HIGHEST, LOWEST, PUBLISHED_STEPS, FoundDiff

    _check_window(card, "FoundDiff", (LOWEST, HIGHEST))
    arguments, start = dict(card.network), card.network.get("start", networks.STARTS[0])
    if start not in networks.STARTS or not isinstance(arguments.get("unet"), dict):
        raise InputError(f"The card of {card.id} describes no network of the family founddiff: import it again.")
    weights = _weights(card)
    unet = _filled(card, networks.DADiffUNet, arguments["unet"], _below("unet.", weights))
    perception = None
    if unet.is_conditioned:
        perception = _filled(card, networks.DACLIP, arguments.get("perception"), _below("perception.", weights))
    return FoundDiff(card.id, unet, perception, start, card.steps or PUBLISHED_STEPS)


def _networks(card: Card):
    """The module of the networks; InputError where torch is missing."""
    try:
        from .. import networks
    except ImportError as error:
        raise InputError(
            f"{card.title} needs PyTorch, which {why_no_torch(error)}, or choose a classical method such as nlm."
        ) from error
    return networks


def _check_window(card: Card, family: str, window: tuple[float, float]) -> None:
    if card.hu_window not in (None, window):
        lowest, highest = window
        raise InputError(f"The card of {card.id} has another HU window than [{lowest:g}, {highest:g}], {family}'s own.")


def _weights(card: Card) -> dict[str, Tensor]:
    from ..weights.store import load_state_dict

    return load_state_dict(card)


def _below(prefix: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items() if name.startswith(prefix)}


def _filled(card: Card, network: type, arguments: dict, weights: dict[str, Tensor]):
    """The network with its weights, strictly; InputError where they do not fit."""
    try:
        made = network(**arguments)
        made.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"The weights of {card.id} do not fit the network of its card: import them again.") from error
    return made
