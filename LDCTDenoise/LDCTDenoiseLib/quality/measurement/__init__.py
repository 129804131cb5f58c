"""Every figure of a subject: noise and texture, HU shift, edges and structure, regions, likeness to the normal dose."""

from __future__ import annotations

from collections.abc import Callable

from .document import RESEARCH_USE, Findings, document, rows_of
from .likeness import measure_likeness
from .regions import measure_regions
from .shift import measure_shift, tissues_of
from .structure import measure_structure
from .subject import INPUT, MOST_SLICES, REFERENCE, Subject, spread_evenly
from .texture import compare_noise, measure_noise, measure_texture

__all__ = ["INPUT", "MOST_SLICES", "REFERENCE", "RESEARCH_USE", "Subject", "measure", "rows_of", "spread_evenly"]

Progress = Callable[[int, int, str], None]


def measure(subject: Subject, progress: Progress | None = None, more: Callable[[Findings], None] | None = None) -> dict:
    """The document of a subject: figures with errors and definitions, curves, verdicts, places.

    progress  called as progress(done, total, "measure")
    more      adds figures of its own in the end (detectability, time) before the document is closed
    Raises InputError where a user's region cannot be measured.
    """
    found = Findings()
    images = list(subject.stacks)
    compared = [name for name in images if name != REFERENCE] if subject.reference is not None else []
    steps = [
        *(lambda name=name: measure_noise(subject, found, name) for name in images),
        lambda: compare_noise(subject, found),
        lambda: measure_texture(subject, found),
        lambda: measure_regions(subject, found),
        lambda: measure_structure(subject, found),
    ]
    masks: dict = {}
    steps += [
        lambda: masks.update(tissues_of(subject)),
        lambda: measure_shift(subject, found, masks),
        *(lambda name=name: measure_likeness(subject, found, masks, name) for name in compared),
    ]
    for number, step in enumerate(steps):
        if progress is not None:
            progress(number, len(steps), "measure")
        step()
    if more is not None:
        more(found)
    if progress is not None:
        progress(len(steps), len(steps), "measure")
    return document(subject, found)
