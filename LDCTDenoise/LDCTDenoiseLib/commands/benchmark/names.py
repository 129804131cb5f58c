"""How a row of a benchmark is called, and a time written, in its table, picture and notices."""

from __future__ import annotations

import math

from .rounds import Result


def seconds(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}" if value > 0 else "0"


def name(result: Result) -> tuple[str, str, str]:
    """A classical method has no way or precision to choose."""
    if not result.is_network:
        return result.row.model, "–", "–"
    return result.row.model, result.facts["way"], result.facts["precision"]


def title(result: Result) -> str:
    return " ".join(word for word in name(result) if word != "–")
