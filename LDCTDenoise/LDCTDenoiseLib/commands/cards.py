"""A model named on the command line: by its id, or by where its card lies, for those of a training run."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError


def card_of(text: str):
    """The card of an id, of a folder that holds one model, or of a card's own file (.json). Raises InputError."""
    from ..weights.cards import Card
    from ..weights.store import PRESENT, availability, find_card

    path = Path(text)
    if not path.is_dir() and path.suffix != ".json":
        return find_card(text)
    files = [path] if path.suffix == ".json" else sorted(path.glob("*.json"))
    if len(files) != 1:
        raise InputError(f"The folder {path} holds {len(files)} cards (.json) and not one: name the card's file.")
    card = Card.from_file(files[0])
    if (state := availability(card)) != PRESENT:
        raise InputError(state)
    return card
