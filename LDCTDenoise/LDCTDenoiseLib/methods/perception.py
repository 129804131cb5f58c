"""Perception: what a model of the family founddiff sees in slices before it denoises them: dose and anatomy.

The embeddings alone say neither: they only lie near or far from one another. A readout that was trained with the
perception (`perception_readout.*` beside it in the weights, names in the card) gives them a scale and names. The
authors' weights have none, so nothing is told from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import InputError
from .contract import check_batch

if TYPE_CHECKING:
    from torch import Tensor

    from ..networks import DACLIP
    from ..weights.cards import Card

DEFAULT_MODEL = "founddiff"
READOUT = "perception_readout."  # before the names of its weights
LEAST_DOSE, MOST_DOSE = 0.01, 1.5  # fractions of the usual dose; what is beyond was never seen by any training


class Embedder(Protocol):
    def perceive(self, slices_hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 [n, rows, columns] HU → dose embeddings [n, …] and anatomy embeddings [n, …]."""
        ...

    def place(self, device: str) -> None: ...


class Encoder:
    """DA-CLIP's image branch alone, float32: what FoundDiff perceives with, without what it denoises with."""

    def __init__(self, network: DACLIP):
        self._network = network.eval().requires_grad_(False)

    def place(self, device: str) -> None:
        self._network = self._network.to(device)

    def perceive(self, slices_hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        import torch

        from .founddiff import to_network

        slices = torch.from_numpy(check_batch(slices_hu, range(len(slices_hu))))
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            dose, anatomy = self._network(to_network(slices[:, None]).to(device))
        return dose.cpu().numpy(), anatomy.cpu().numpy()


class Readout(Protocol):
    def __call__(self, dose_embedding: Tensor, anatomy_embedding: Tensor) -> tuple[Tensor, Tensor]:
        """→ natural logarithm of the dose fraction [n], probabilities of the anatomies [n, anatomies]."""
        ...


class Perception:
    """HU slices in; dose fractions and probabilities of anatomies out. Slice by slice, nothing is random."""

    def __init__(self, id: str, embedder: Embedder, readout: Readout, anatomies: tuple[str, ...]):
        self.id, self.anatomies = id, anatomies
        self._embedder, self._readout = embedder, readout

    def place(self, device: str) -> None:
        """Compute on `device` from now on; the readout is small and stays on the processor."""
        self._embedder.place(device)

    def perceive(self, slices_hu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float32 [n, rows, columns] HU → dose fractions [n] and probabilities [n, anatomies], float64.

        Raises InputError where the weights give no numbers.
        """
        import torch

        dose, anatomy = self._embedder.perceive(slices_hu)
        with torch.inference_mode():
            logs, chances = self._readout(torch.as_tensor(dose).float(), torch.as_tensor(anatomy).float())
        logs = logs.double().reshape(len(slices_hu)).numpy()
        chances = chances.double().reshape(len(slices_hu), -1).numpy()
        if not (np.isfinite(logs).all() and np.isfinite(chances).all()):
            raise InputError(f"{self.id} perceived values that are not numbers: its weights are damaged.")
        return np.exp(logs).clip(LEAST_DOSE, MOST_DOSE), chances


def perceives(card: Card) -> bool:
    """Whether the model of the card can tell dose and anatomy, as the card says; nothing is loaded."""
    return card.family == "founddiff" and bool(card.network.get("anatomies"))


def load_perception(card: Card) -> Perception:
    """The perception of a founddiff model with its readout.

    Raises InputError for a model that cannot tell, and as `load_denoiser` where torch or the weights are missing.
    """
    if card.family != "founddiff":
        raise InputError(
            f"{card.id} perceives neither dose nor anatomy: choose a model of the family founddiff, such as "
            f"{DEFAULT_MODEL}."
        )
    if not perceives(card):
        raise InputError(
            f"What {card.id} perceives cannot be told, neither the dose nor the anatomy: its weights hold embeddings "
            f"without a scale or names; choose {DEFAULT_MODEL}, which has both."
        )
    from . import _below, _filled, _networks, _weights

    networks, weights = _networks(card), _weights(card)
    encoder = _filled(card, networks.DACLIP, card.network.get("perception"), _below("perception.", weights))
    return Perception(card.id, Encoder(encoder), *_load_readout(card, _below(READOUT, weights)))


def _load_readout(card: Card, weights: dict[str, Tensor]) -> tuple[Readout, tuple[str, ...]]:
    from ..networks.perception_readout import PerceptionReadout

    names = tuple(card.network["anatomies"])
    try:
        readout = PerceptionReadout.from_state_dict(weights)
        if len(readout.centres) != len(names):
            raise ValueError(f"{len(readout.centres)} anatomies have {len(names)} names")
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        raise InputError(f"The perception of {card.id} does not fit its card: import it again.") from error
    return readout, names
