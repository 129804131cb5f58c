"""The authors' checkpoints, recognised by their content, become a model of this program: a card and safetensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Literal

from ..errors import InputError
from .cards import Card, is_id
from .checkpoint_file import open_checkpoint
from .checkpoint_tensors import check_finite, check_names, check_tensors, sha256_of, training_step, unwrapped
from .founddiff_checkpoints import founddiff_state, is_average, is_founddiff
from .store import awaits_weights, imported_folder, save_weights, shipped_cards

FOUNDDIFF = "founddiff-official"  # the id that a checkpoint of FoundDiff gets


def import_checkpoint(
    path: str | PathLike[str],
    id: str | None = None,
    *,
    beside: str | PathLike[str] | None = None,
    dtype: Literal["float32", "float16"] = "float32",
) -> Card:
    """Converts an authors' checkpoint `path` into a model in the user's folder, and returns its card.

    path    what `torch.save` wrote. RDDM: a dict with `model` (state dict) and perhaps `ema` (list of tensors in the
            order of the network's parameters, preferred when present) and `step`; or a bare state dict. FoundDiff:
            see `founddiff_state`.
    id      of the model; unless given, it follows from fine, balanced or smooth in the file's name, and is
            founddiff-official for FoundDiff. "fine" and "rddm-fine" mean rddm-fine-official, since the names without
            it are those of this program's own models.
    beside  a second file that belongs to the first, in any order: FoundDiff's DA-CLIP.pth
    dtype   of the stored weights; float16 takes half the space

    A model that was imported before under the same id is replaced, in one step.
    Raises InputError, with nothing changed, if the file is no such checkpoint or its weights do not fit.
    """
    paths = [Path(path)] if beside is None else [Path(path), Path(beside)]
    id = None if id is None else _full_id(id)
    checkpoints = {path: open_checkpoint(path) for path in paths}
    checkpoint = checkpoints[paths[0]]
    if is_founddiff(checkpoint):
        card = _card(FOUNDDIFF if id is None else id, "founddiff")
        state, sources = founddiff_state(checkpoints, card.network)
    elif beside is not None:
        raise InputError(f"Two files are imported together only for FoundDiff, and {paths[0].name} is none of it.")
    else:
        state = _state_dict(checkpoint, paths[0].name)
        card = _card(_id_from_name(paths[0].name) if id is None else id, "rddm")
        state, sources = _rddm_weights(checkpoint, state, card, paths[0].name), paths

    checksums = [sha256_of(path) for path in sources]
    card = replace(card, training_data=f"{card.training_data} {_origin(checkpoints[sources[0]], checksums)}")
    # another source, another file: the card then switches from the old weights to the new ones in one step
    name = "-".join([card.id, *(checksum[:8] for checksum in checksums), *(["float16"] if dtype == "float16" else [])])
    return save_weights(imported_folder(), card, state, dtype, file_name=f"{name}.safetensors")


def _origin(checkpoint: Mapping[str, object], checksums: list[str]) -> str:
    """Where the weights are from, for the card."""
    text = f"Imported from a checkpoint with the SHA-256 {' and one with '.join(checksums)}"
    if (step := training_step(checkpoint)) is not None:
        text += f", training step {step}"
    return text + (", moving average of the weights." if _has_average(checkpoint) else ", weights of the last step.")


def _has_average(checkpoint: Mapping[str, object]) -> bool:
    return checkpoint.get("ema") is not None if "model" in checkpoint else is_average(checkpoint)


def _rddm_weights(
    checkpoint: Mapping[str, object], state: dict[str, object], card: Card, file_name: str
) -> dict[str, object]:
    """The weights of the card's network, checked; the average where there is one."""
    shapes = _expected_shapes(card)
    check_names(state, shapes, file_name, "RDDM")
    check_tensors(state, shapes, file_name, "RDDM")
    if _has_average(checkpoint):
        state = _averaged(checkpoint["ema"], shapes, file_name)
        check_tensors(state, shapes, file_name, "RDDM", where="ema: ")
    check_finite(state, file_name)
    return state


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


def _card(id: str, family: str) -> Card:
    """The card to fill: the shipped one that waits for these weights, or one of the user's own."""
    name = {"rddm": "RDDM", "founddiff": "FoundDiff"}[family]
    waiting = [card for card in shipped_cards()[0].values() if awaits_weights(card)]
    for card in waiting:
        if card.id == id and card.family == family:
            return card
        if card.id == id:
            raise InputError(f"{id} is not a model of {name}, which this checkpoint is; choose another name with --id.")
    pattern = next((card for card in waiting if card.family == family), None)  # for its network and HU window
    if pattern is None:
        raise RuntimeError(f"no card of the program describes the network of a checkpoint of {name}")
    return replace(
        pattern,
        id=id,
        title=f"{name} {id} (imported weights)",
        description=f"{name} with imported weights; their file does not say how they were trained.",
        licence="Not known: ask whoever trained the weights.",
        training_data="Not known.",
        obtain=None,
    )


def _state_dict(checkpoint: object, file_name: str) -> dict[str, object]:
    """The named values of the model, without the prefixes of wrappers; whether they are RDDM's is not yet known."""
    state = checkpoint.get("model", checkpoint) if isinstance(checkpoint, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(name, str) for name in state):
        raise InputError(f"{file_name} is a PyTorch file, but holds no model; give the checkpoint of RDDM.")
    return unwrapped(state)


def _expected_shapes(card: Card) -> dict[str, tuple[int, ...]]:
    """Name → shape of every parameter of the card's network, in the order of an `ema` list."""
    import torch

    from ..networks import RDDMUNet

    with torch.device("meta"):  # names and shapes only: no memory, no random numbers
        network = RDDMUNet(**card.network)
    return {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}


def _averaged(ema: object, shapes: Mapping[str, object], file_name: str) -> dict[str, object]:
    """The `ema` list under the names of the parameters."""
    if not isinstance(ema, (list, tuple)):
        raise InputError(f"{file_name} does not fit: its moving average (ema) is not a list of tensors.")
    if len(ema) != len(shapes):
        raise InputError(
            f"{file_name} does not fit: its moving average (ema) has {len(ema)} tensors, not {len(shapes)}."
        )
    return dict(zip(shapes, ema, strict=True))
