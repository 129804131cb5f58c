"""A document's figures by image and key, and what changed from the input."""

from __future__ import annotations

from typing import Any

from ..measurement.definitions import GROUPS
from ..measurement.subject import INPUT
from ..numbers import finite, number, signed
from .text import plain

_NO_CHANGE = ("_ratio", "_change", "_rois", "_reduction")  # figures that compare already, or count
_POINTS = ("%", "dB")  # units whose change is a difference, not a percentage
_DIFFERENCES = ("ssim_", "roi_mean", "cnr_contrast")  # figures of which the same is true


class Figures:
    """The face of a document that tables and plots read.

    images  names in the document's order, the input first, the reference last where there is one
    keys    of the figures, in the order of the definitions, then of first appearance
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.images: list[str] = [str(name) for name in document.get("images", [])]
        self.reference: str | None = document.get("reference")
        self._titles = document.get("titles", {})
        self._definitions = document.get("definitions", {})
        self._found: dict[tuple[str, str], tuple[float | None, float | None]] = {}
        for row in document.get("figures", []):
            self._found[row["image"], row["key"]] = (finite(row.get("value")), finite(row.get("error")))
        appeared = dict.fromkeys(key for _, key in self._found)
        known = [key for key in self._definitions if key in appeared]
        self.keys = [*known, *(key for key in appeared if key not in self._definitions)]

    def methods(self) -> list[str]:
        """All but the input and the reference."""
        return [name for name in self.images if name not in (INPUT, self.reference)]

    def title(self, image: str) -> str:
        return plain(self._titles.get(image, image)) or "unnamed"

    def value(self, image: str, key: str) -> float | None:
        return self._found.get((image, key), (None, None))[0]

    def error(self, image: str, key: str) -> float | None:
        return self._found.get((image, key), (None, None))[1]

    def has(self, image: str, key: str) -> bool:
        """Whether somebody tried to measure it."""
        return (image, key) in self._found

    def name(self, key: str) -> str:
        return plain(self._definition(key, "title", key.replace("_", " ")))

    def unit(self, key: str) -> str:
        return plain(self._definition(key, "unit", ""))

    def digits(self, key: str) -> int:
        return max(0, min(6, int(self._definition(key, "digits", 2))))

    def meaning(self, key: str) -> str:
        return plain(self._definition(key, "meaning", ""))

    def groups(self) -> dict[str, list[str]]:
        """Heading → keys, in order of first appearance."""
        found: dict[str, list[str]] = {}
        for key in self.keys:
            group = str(self._definition(key, "group", "other"))
            found.setdefault(GROUPS.get(group, plain(group).capitalize()), []).append(key)
        return found

    def change(self, image: str, key: str) -> tuple[int, str]:
        """Direction (−1, 0, 1) and text of the change from the input: "−42 %", "+4.9 dB"; nothing where none."""
        before, after = self.value(INPUT, key), self.value(image, key)
        if image == INPUT or before is None or after is None or key.endswith(_NO_CHANGE):
            return 0, ""
        unit, digits = self.unit(key), self.digits(key)
        if unit in _POINTS or key.startswith(_DIFFERENCES):
            text = signed(after - before, digits)
            said = f"{text} {'points' if unit == '%' else unit}".rstrip()
        elif before > 0:
            text = signed(100 * (after / before - 1), 0)
            said = f"{text} %"
        else:
            return 0, ""
        if number(0.0, digits) == text or text == "0":
            return 0, said
        return (1 if text.startswith("+") else -1), said

    def _definition(self, key: str, field: str, default: Any) -> Any:
        found = self._definitions.get(key, {}).get(field)
        return default if found is None else found
