"""Edges and structure: are edges as sharp as they were, and is there anatomy in what was taken away?"""

from __future__ import annotations

import numpy as np

from ..edges.places import GROUPS, Edges, find_edges
from ..edges.response import edge_response
from ..edges.structure import structure_score
from .document import Findings
from .subject import INPUT, REFERENCE, Subject

MOST_DRAWN = 4000  # edges that the document names, for pictures


def measure_structure(subject: Subject, found: Findings) -> None:
    """Edges are those of the input, for all images; the score is of what each method took from the input."""
    edges = find_edges(subject.input, subject.pixel)
    found.edges = _drawn(edges, subject)
    for group in GROUPS:
        found.curve(f"edge_{group}", f"Mean profile of {group} edges", ("distance", "mm"), ("share of contrast", ""))
        widths = {}
        for name, hu in subject.stacks.items():
            response = edge_response(hu, edges, group, subject.pixel)
            widths[name] = response.width
            found.figure(name, f"edge_{group}", response.width, response.width_error)
            if name != INPUT:
                found.figure(name, f"edge_{group}_change", 100 * (response.width / widths[INPUT] - 1))
            if group == "strong":
                found.figure(name, "mtf50_strong", response.mtf50)
            if np.isfinite(response.width):
                found.line(f"edge_{group}", name, response.position_mm, response.profile, response.error)
    for name, hu in subject.stacks.items():
        if name in (INPUT, REFERENCE):
            continue
        score = structure_score(subject.input, hu, edges, subject.pixel)
        found.figure(name, "structure", score.score, score.error)
        found.figure(name, "structure_strong", score.strong, score.strong_error)
        found.figure(name, "structure_faint", score.faint, score.faint_error)
        found.verdict(name, "structure", score.light, score.sentence)


def _drawn(edges: Edges, subject: Subject) -> list[list[float]]:
    """[slice as stored, row, column] of at most 4000 places, evenly from all."""
    step = max(1, -(-len(edges) // MOST_DRAWN))
    return [[subject.numbers[int(s)], round(float(r), 1), round(float(c), 1)] for s, r, c in edges.places[::step]]
