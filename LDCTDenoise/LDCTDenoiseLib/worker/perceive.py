"""do: perceive. Dose and anatomy as a few slices of a volume look, and what they suggest."""

from __future__ import annotations

from ..errors import InputError
from ..inference.perceive import SLICES_AT_ONCE, perceive_volume, place_perception
from ..inference.progress import JsonLines
from ..methods.perception import DEFAULT_MODEL, load_perception
from ..methods.suggestion import ready_models, suggest
from ..weights.store import find_card
from .arrays import read_volume
from .kept import Kept
from .protocol import Request


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    card = find_card(request.choice("model", DEFAULT_MODEL))
    talk.progress(0, 1, "load")
    volume = read_volume(request, talk.notice)
    numbers = [int(number) for number in request.numbers("numbers", volume.axial_count)]
    total = request.whole("total_slices", None)
    if total is None or numbers != sorted(set(numbers)) or not 0 <= numbers[0] <= numbers[-1] < total:
        raise InputError("The request to the worker names other slices than it holds; this is a defect of the panel.")
    device = request.choice("device", "auto")
    perception, at_once = kept.perception((card, device), lambda: _placed(card, device, talk))
    talk.progress(1, 1, "load")
    found = perceive_volume(volume, perception, numbers=numbers, total=total, progress=talk.progress, at_once=at_once)
    return {**found.summary(), "suggestion": suggest(found.whole_dose.median, ready_models()).to_dict()}


def _placed(card, device: str, talk: JsonLines):
    perception = load_perception(card)
    name, notice = place_perception(perception, device)
    if notice:
        talk.notice(notice)
    return perception, 1 if name == "cpu" else SLICES_AT_ONCE
