"""Traffic lights that are read without colour: a shape and a word each, and the sentence that says what it means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .figures import Figures
from .text import esc

WORDS = {"green": "good", "amber": "caution", "red": "warning", "none": "cannot tell"}
_BESIDE = {"detectability": "kept_5mm_15hu"}  # verdicts on more than one figure, and the figure they stand beside
_SHAPES = {
    "green": '<circle cx="8" cy="8" r="7"/><path class="sign" d="M4.6 8.4l2.4 2.5 4.4-5.2"/>',
    "amber": '<path d="M8 1.2L15.4 14.6H.6z"/><path class="sign" d="M8 6v4.2M8 11.6v1.3"/>',
    "red": '<path d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1z"/>'
    '<path class="sign" d="M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6"/>',
    "none": '<circle cx="8" cy="8" r="6.8"/><path class="sign" d="M4.8 8h6.4"/>',
}


def light(colour: str) -> str:
    """The symbol alone."""
    colour = colour if colour in WORDS else "none"
    head = f'<svg class="light {colour}" viewBox="0 0 16 16" role="img" aria-label="{WORDS[colour]}">'
    return f"{head}{_SHAPES[colour]}</svg>"


def verdict_list(document: Mapping[str, Any], figures: Figures) -> str:
    """Every verdict with its image, the worst first; empty without any."""
    worst = ("red", "amber", "none", "green")
    found = sorted(document.get("verdicts", []), key=lambda v: worst.index(v["light"]) if v["light"] in worst else 2)
    rows = "".join(
        f"<li>{light(v['light'])} <span><b>{esc(figures.title(v['image']))}, {esc(_small(figures.name(v['key'])))}: "
        f"{WORDS.get(v['light'], WORDS['none'])}.</b> {esc(v.get('text', ''))}</span></li>"
        for v in found
    )
    return f'<ul class="verdicts">{rows}</ul>' if rows else ""


def lights_of(document: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """(image, key) → the symbol beside the figure."""
    return {(v["image"], _BESIDE.get(v["key"], v["key"])): light(v["light"]) for v in document.get("verdicts", [])}


def _small(title: str) -> str:
    """ "Noise level" → "noise level", "NPS mean" as it is."""
    return title[0].lower() + title[1:] if title[1:2].islower() else title
