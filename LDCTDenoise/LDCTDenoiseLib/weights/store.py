"""Where models live: the ones that come with the program, and the user's folder. Cards are listed, weights checked."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import InputError
from .cards import FAMILIES, Card, is_id
from .home import user_folder
from .safetensors_file import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

SHIPPED = Path(__file__).parent / "models"
PRESENT = "present"


def imported_folder() -> Path:
    """Where imported models lie, each a card and its weights."""
    return user_folder() / "models"


def list_models() -> list[Card]:
    """The cards of all models that can be read; `availability` says which are ready for use."""
    return list_cards()[0]


def list_cards() -> tuple[list[Card], list[str]]:
    """All cards, shipped ones first, then the user's; and one sentence for every card that cannot be used.

    A shipped card may wait for its weights (they cannot be shipped); the user's import then takes its place.
    """
    cards, problems = shipped_cards()
    imported, more = _read_folder(imported_folder())
    for card in imported:
        if card.id in cards and not awaits_weights(cards[card.id]):
            more.append(f"The model card {card.id}.json in {card.folder} is not used: that id is the program's own.")
        else:
            cards[card.id] = card
    return list(cards.values()), problems + more


def shipped_cards() -> tuple[dict[str, Card], list[str]]:
    """The cards that come with the program by id, networks first; and what is wrong with the others."""
    cards, problems = _read_folder(SHIPPED)
    cards.sort(key=lambda card: (FAMILIES.index(card.family), card.id))
    return {card.id: card for card in cards}, problems


def awaits_weights(card: Card) -> bool:
    """Whether this is a card without weights of a model that needs some: an import can fill it."""
    return card.family != "classical" and card.weights is None


def find_card(id: str) -> Card:
    """The card of a model that is ready for use.

    Raises InputError for an unknown id, naming the nearest and all others; for a known one whose weights are not
    here, saying how to get them; for a user's card that cannot be read, saying what is wrong with it.
    """
    cards = {card.id: card for card in list_models()}
    if id not in cards:
        own = imported_folder() / f"{id}.json"
        if is_id(id) and own.is_file():
            Card.from_file(own)  # raises: it would be in the list if it could be read
        near = difflib.get_close_matches(id, cards, n=1)
        suggestion = f"; did you mean {near[0]}?" if near else "."
        raise InputError(f"There is no model {id!r}{suggestion} There are: {', '.join(cards)}.")
    state = availability(cards[id])
    if state != PRESENT:
        raise InputError(state)
    return cards[id]


def availability(card: Card) -> str:
    """PRESENT, or one sentence that says how to get the weights. Looks at the file's size, not at its checksum."""
    if card.family == "classical":
        return PRESENT
    try:
        size = None if card.weights is None else _weights_path(card).stat().st_size
    except OSError:
        size = None
    if size is None:
        return f"The weights of {card.id} are not here: {_how_to_get(card)}."
    return PRESENT if size == card.size else _damaged(card)


def load_state_dict(card: Card) -> dict[str, Tensor]:
    """The weights of a model by name, float32 on the CPU (a whole number, e.g. a counter, keeps its type).

    Size and checksum are verified on the very bytes that are used. Raises InputError if the weights are missing,
    differ from the card, or are not finite, and if PyTorch is missing.
    """
    torch = require_torch()
    if card.family == "classical":
        raise InputError(f"The method {card.id} has no weights.")
    state = availability(card)
    if state != PRESENT:
        raise InputError(state)
    try:
        data = _weights_path(card).read_bytes()
    except OSError as error:
        raise InputError(f"The weights of {card.id} could not be read ({error.strerror}).") from error
    if len(data) != card.size or hashlib.sha256(data).hexdigest() != card.sha256:
        raise InputError(_damaged(card))
    try:
        tensors = read_tensors(data)
    except InputError as error:
        raise InputError(f"The weights file of {card.id} is not a safetensors file: {_how_to_get(card)}.") from error
    del data
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            tensors[name] = tensor.to(torch.float32)
            if not torch.isfinite(tensors[name]).all():
                raise InputError(f"The weights of {card.id} are not finite numbers: {_how_to_get(card)}.")
    return tensors


def save_weights(
    folder: str | PathLike[str],
    card: Card,
    state_dict: Mapping[str, Tensor],
    dtype: Literal["float32", "float16"] = "float32",
    *,
    file_name: str | None = None,
) -> Card:
    """Writes weights as safetensors and beside them `<id>.json`, `card` with their name, checksum and size.

    state_dict  tensors by name; floating ones are stored as `dtype`, whole numbers as they are
    file_name   of the weights, "<id>.safetensors" unless given. With a new name for new content, a model that
                exists already is replaced in one step: its card changes from the old file to the new one.

    Both files appear whole or not at all, the card last, so that no card names a file that is not there. An existing
    model of that id is replaced and its former weights removed. Returns the completed card.
    Raises InputError if a value is not finite in `dtype`, or if the folder cannot be written to.
    """
    torch = require_torch()
    from ..atomic import atomic_output

    folder = Path(folder)
    number = {"float32": torch.float32, "float16": torch.float16}[dtype]
    tensors = {}
    for name, tensor in state_dict.items():
        kind = number if tensor.is_floating_point() else tensor.dtype
        tensors[name] = tensor.detach().to("cpu", kind)
        if not torch.isfinite(tensors[name]).all():
            raise InputError(f"The weights {name} of {card.id} are not finite numbers in {dtype}; nothing was saved.")
    data = write_tensors(tensors)
    del tensors
    complete = replace(
        card,
        weights=file_name or f"{card.id}.safetensors",
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        folder=folder,
    )
    former = _former_weights(folder / f"{card.id}.json")
    with atomic_output(folder / f"{card.id}.json", overwrite=True) as aside:
        aside.with_name(complete.weights).write_bytes(data)
        aside.write_text(complete.to_json(), encoding="utf-8", newline="\n")
    if former is not None and former.name != complete.weights:
        with contextlib.suppress(OSError):  # Windows keeps a file that someone has open; it does no harm
            former.unlink()
    return complete


def save_card(card: Card, **changes) -> Card:
    """Writes the card with other values to its own place: figures that were measured, not weights."""
    from ..atomic import atomic_output

    if card.folder is None:
        raise ValueError(f"the card {card.id} was never saved")
    changed = replace(card, **changes)
    with atomic_output(card.folder / f"{card.id}.json", overwrite=True) as aside:
        aside.write_text(changed.to_json(), encoding="utf-8", newline="\n")
    return changed


def require_torch():
    """The module torch; InputError where it is missing."""
    try:
        import torch
    except ImportError as error:
        raise InputError("Weights need PyTorch, which is not installed: pip install torch.") from error
    return torch


def _read_folder(folder: Path) -> tuple[list[Card], list[str]]:
    cards, problems = [], []
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix == ".json" and not path.name.startswith("."))
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [f"The folder of models {folder} could not be read ({error.strerror})."]
    for path in files:
        try:
            cards.append(Card.from_file(path))
        except InputError as error:
            problems.append(str(error))
    return cards, problems


def _weights_path(card: Card) -> Path:
    if card.folder is None:
        raise ValueError(f"the card {card.id} was never saved, so there is no place where its weights could be")
    return card.folder / card.weights


def _former_weights(card_file: Path) -> Path | None:
    """The weights file of the card that is about to be replaced, if there is a good one."""
    try:
        former = Card.from_file(card_file)
    except InputError:
        return None
    return None if former.weights is None else _weights_path(former)


def _damaged(card: Card) -> str:
    return f"The weights file of {card.id} is damaged (it differs from its checksum): {_how_to_get(card)}."


def _how_to_get(card: Card) -> str:
    """What to do, as the end of a sentence."""
    if card.obtain is not None:
        return card.obtain.rstrip(".")
    if card.folder == SHIPPED:
        return "install this program again"
    return f"import them again with ldct-denoise import-weights FILE --id {card.id}"
