"""The authors' checkpoints, recognised by their content, become a model of this program: a card and safetensors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from .cards import Card, is_id
from .checkpoint_file import open_checkpoint
from .store import awaits_weights, imported_folder, save_weights, shipped_cards

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name
_FOUNDDIFF = ("model.unet0.", "ema_model.model.unet0.", "prompt_learner.", "clip_model.")


def import_checkpoint(path: str | PathLike[str], id: str | None = None) -> Card:
    """Converts the authors' RDDM checkpoint `path` into a model in the user's folder, and returns its card.

    path  what `torch.save` wrote: a dict with `model` (state dict) and perhaps `ema` (list of tensors in the order of
          the network's parameters, preferred when present) and `step`; or a bare state dict
    id    of the model; unless given, it follows from fine, balanced or smooth in the file's name. "fine" and
          "rddm-fine" mean rddm-fine-official, since the names without it are those of this program's own models.

    A model that was imported before under the same id is replaced, in one step.
    Raises InputError, with nothing changed, if the file is no such checkpoint or its weights do not fit.
    """
    path = Path(path)
    id = None if id is None else _full_id(id)
    checkpoint = open_checkpoint(path)
    if _is_founddiff(checkpoint):
        raise InputError(f"{path.name} is a checkpoint of FoundDiff, which this version cannot import yet.")
    state = _state_dict(checkpoint, path.name)
    card = _card(_id_from_name(path.name) if id is None else id)

    shapes = _expected_shapes(card)
    _check_names(state, shapes, path.name)
    _check_tensors(state, shapes, path.name)
    ema = checkpoint.get("ema") if "model" in checkpoint else None
    if ema is not None:
        state = _averaged(ema, shapes, path.name)
        _check_tensors(state, shapes, path.name, "ema: ")
    _check_finite(state, path.name)

    checksum = _sha256(path)
    origin = f"Imported from a checkpoint with the SHA-256 {checksum}"
    if (step := _step(checkpoint)) is not None:
        origin += f", training step {step}"
    origin += ", moving average of the weights." if ema is not None else ", weights of the last step."
    card = replace(card, training_data=f"{card.training_data} {origin}")
    # another source, another file: the card then switches from the old weights to the new ones in one step
    return save_weights(imported_folder(), card, state, file_name=f"{card.id}-{checksum[:8]}.safetensors")


def _full_id(id: str) -> str:
    """The id to import as, or InputError if it cannot be one or belongs to a model of the program."""
    if not is_id(id):
        raise InputError(f"{id!r} cannot be a model's id: use small letters, digits and hyphens, at most 64.")
    cards, _ = shipped_cards()
    for name in (id, f"{id}-official", f"rddm-{id}-official"):
        if name in cards and awaits_weights(cards[name]):
            return name
    if id in cards:
        raise InputError(f"{id} is a model that comes with this program; choose another name with --id.")
    return id


def _id_from_name(file_name: str) -> str:
    """The id of the shipped card whose variant the file's name has as a word; InputError if that is not just one."""
    waiting = [id for id, card in shipped_cards()[0].items() if card.family == "rddm" and awaits_weights(card)]
    variants = {id: id.removeprefix("rddm-").removesuffix("-official") for id in waiting}
    found = [
        id
        for id, variant in variants.items()
        if re.search(rf"(?<![a-z])(rddm)?{re.escape(variant)}(?![a-z])", file_name.lower())
    ]
    if len(found) != 1:
        raise InputError(
            f"The name {file_name} does not tell which variant this is; say so with --id and one of "
            f"{', '.join(waiting)}, or a name of your own."
        )
    return found[0]


def _card(id: str) -> Card:
    """The card to fill: the shipped one that waits for these weights, or one of the user's own."""
    waiting = {card.id: card for card in shipped_cards()[0].values() if card.family == "rddm" and awaits_weights(card)}
    if id in waiting:
        return waiting[id]
    if not waiting:
        raise RuntimeError("no card of the program describes the network of an RDDM checkpoint")
    return replace(
        next(iter(waiting.values())),  # for its network and HU window
        id=id,
        title=f"RDDM {id} (imported weights)",
        description="RDDM with imported weights; their file does not say how they were trained.",
        licence="Not known: ask whoever trained the weights.",
        training_data="Not known.",
        obtain=None,
    )


def _is_founddiff(checkpoint: object) -> bool:
    """DA-CLIP.pth is a state dict, model-400.pt has one in `model` and one, with the average, in `ema`."""
    if not isinstance(checkpoint, Mapping):
        return False
    for part in (checkpoint, checkpoint.get("model"), checkpoint.get("ema")):
        if isinstance(part, Mapping) and any(isinstance(name, str) and name.startswith(_FOUNDDIFF) for name in part):
            return True
    return False


def _state_dict(checkpoint: object, file_name: str) -> dict[str, object]:
    """The named values of the model, without the prefixes of wrappers; whether they are RDDM's is not yet known."""
    state = checkpoint.get("model", checkpoint) if isinstance(checkpoint, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(name, str) for name in state):
        raise InputError(f"{file_name} is a PyTorch file, but holds no model; give the checkpoint of RDDM.")
    state = dict(state)
    for prefix in _WRAPPERS:
        if all(name.startswith(prefix) for name in state):
            state = {name[len(prefix) :]: value for name, value in state.items()}
    return state


def _expected_shapes(card: Card) -> dict[str, tuple[int, ...]]:
    """Name → shape of every parameter of the card's network, in the order of an `ema` list."""
    import torch

    from ..networks import RDDMUNet

    with torch.device("meta"):  # names and shapes only: no memory, no random numbers
        network = RDDMUNet(**card.network)
    return {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}


def _check_names(state: Mapping[str, object], shapes: Mapping[str, object], file_name: str) -> None:
    missing = [name for name in shapes if name not in state]
    extra = [name for name in state if name not in shapes]
    if len(missing) > len(shapes) / 2:
        raise InputError(f"{file_name} is a PyTorch file, but its model is not RDDM; give the checkpoint of RDDM.")
    problems = []
    if missing:
        problems.append(f"{len(missing)} of the {len(shapes)} weights of RDDM missing (first {missing[0]})")
    if extra:
        problems.append(f"{len(extra)} of its weights unknown to RDDM (first {extra[0][:80]!r})")
    if problems:
        raise InputError(f"{file_name} does not fit: {' and '.join(problems)}.")


def _averaged(ema: object, shapes: Mapping[str, object], file_name: str) -> dict[str, object]:
    """The `ema` list under the names of the parameters."""
    if not isinstance(ema, (list, tuple)):
        raise InputError(f"{file_name} does not fit: its moving average (ema) is not a list of tensors.")
    if len(ema) != len(shapes):
        raise InputError(
            f"{file_name} does not fit: its moving average (ema) has {len(ema)} tensors, not {len(shapes)}."
        )
    return dict(zip(shapes, ema, strict=True))


def _check_tensors(
    state: Mapping[str, object], shapes: Mapping[str, tuple[int, ...]], file_name: str, where: str = ""
) -> None:
    """InputError unless every value is an ordinary floating-point tensor of the expected shape."""
    import torch

    for name, shape in shapes.items():
        value = state[name]
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.device.type != "cpu":
            raise InputError(f"{file_name} does not fit: {where}{name} is not an ordinary tensor.")
        if tuple(value.shape) != shape:
            raise InputError(
                f"{file_name} does not fit: {where}{name} is {_times(value.shape)} and not {_times(shape)}, "
                "so this is another network than the authors' RDDM."
            )
        if not value.is_floating_point():
            raise InputError(f"{file_name} does not fit: {where}{name} holds {value.dtype}, not real numbers.")


def _check_finite(state: Mapping[str, Tensor], file_name: str) -> None:
    import torch

    for name, tensor in state.items():
        if not torch.isfinite(tensor.to(torch.float32)).all():
            raise InputError(f"{file_name} is of no use: its weights {name} are not all finite numbers.")


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape) or "a single number"


def _step(checkpoint: Mapping[str, object]) -> int | None:
    """The training step, where the checkpoint tells it as a number or a tensor of one."""
    step = checkpoint.get("step") if "model" in checkpoint else None
    if hasattr(step, "numel") and step.numel() == 1:
        step = step.item()
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
