"""The perception that stage 2 is trained with: from the weights that stage 1 exported, or from its checkpoint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import InputError
from ..networks import DACLIP
from ..networks.daclip import is_text
from ..weights.cards import Card
from ..weights.safetensors_file import read_tensors

PREFIX, READOUT = "perception.", "perception_readout."


@dataclass(frozen=True)
class TrainedPerception:
    """network    frozen, without the text branch
    arguments  of DACLIP
    readout    tensors `perception_readout.*`, and the anatomies that they tell apart; none from a checkpoint
    source     what the network was trained with, in words
    """

    network: DACLIP
    arguments: dict[str, Any]
    readout: dict[str, Tensor]
    anatomies: tuple[str, ...]
    source: str

    @property
    def widths(self) -> dict[str, int]:
        """Of the embeddings, as the denoising network's arguments name them."""
        return {
            "dose_features": self.network.head1[-1].out_features,
            "anatomy_features": self.network.head2[-1].out_features,
        }


def fingerprint(path: Path) -> str:
    """Of the file's content: another perception makes another run."""
    return hashlib.sha256(_bytes(path)).hexdigest()[:16]


def load_perception(path: Path, device: str = "cpu") -> TrainedPerception:
    """From `<id>.safetensors` with its card beside it, or from a checkpoint. InputError where it is neither."""
    path = Path(path)
    tensors, arguments, anatomies, source = (_exported if path.suffix == ".safetensors" else _checkpoint)(path)
    weights = {name.removeprefix(PREFIX): v.float() for name, v in tensors.items() if name.startswith(PREFIX)}
    try:
        network = DACLIP(**arguments)
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, ValueError, LookupError) as error:
        raise InputError(f"The perception in {path} does not fit what is said about it: export it again.") from error
    network = network.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    readout = {name: v.float() for name, v in tensors.items() if name.startswith(READOUT)}
    return TrainedPerception(network, arguments, readout, tuple(anatomies), source)


def _exported(path: Path) -> tuple[dict, dict, list, str]:
    card = Card.from_file(path.with_suffix(".json"))
    if not isinstance(card.network.get("perception"), dict):
        raise InputError(f"{path} holds no perception of the family founddiff.")
    return read_tensors(_bytes(path)), card.network["perception"], card.network.get("anatomies", []), card.training_data


def _checkpoint(path: Path) -> tuple[dict, dict, list, str]:
    _bytes(path)  # says what is wrong with the file
    try:
        stored = torch.load(path, map_location="cpu", weights_only=True)
        recipe, average = stored["recipe"], stored["average"]
        if recipe["family"] != "perception":
            raise ValueError(recipe["family"])
        arguments = {key: value for key, value in recipe["network"].items() if key != "text"}
        source = f"{stored['step']} steps on {len(recipe['series'])} series ({', '.join(recipe['series'])})."
    except Exception as error:  # a damaged archive makes PyTorch raise nearly anything
        raise InputError(f"{path} is no checkpoint of a perception that was trained here.") from error
    return {f"{PREFIX}{name}": v for name, v in average.items() if not is_text(name)}, arguments, [], source


def _bytes(path: Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}).") from error
