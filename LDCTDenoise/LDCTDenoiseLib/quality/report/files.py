"""What a measurement leaves behind: the page, the document as JSON, the figures as CSV; whole or not at all."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np

from ...atomic import atomic_output
from .figures import Figures
from .page import report_html
from .pictures import Pictures
from .text import plain


def write_report(
    path: str | PathLike[str], document: Mapping[str, Any], pictures: Pictures | None = None, overwrite: bool = False
) -> None:
    """One HTML file that needs no other and no network.

    document  of `measure`
    pictures  the slice to show; without it the page has no pictures
    Raises InputError without matplotlib, where `path` exists already, or where it cannot be written.
    """
    with atomic_output(path, overwrite) as draft:
        draft.write_text(report_html(_jsonable(document), pictures), encoding="utf-8", newline="\n")


def write_document(path: str | PathLike[str], document: Mapping[str, Any], overwrite: bool = False) -> None:
    """UTF-8 JSON; what is no finite number is null. Raises InputError as `atomic_output` does."""
    with atomic_output(path, overwrite) as draft, draft.open("w", encoding="utf-8", newline="\n") as stream:
        json.dump(_jsonable(document), stream, ensure_ascii=False, allow_nan=False, indent=1)
        stream.write("\n")


def write_figures_csv(path: str | PathLike[str], document: Mapping[str, Any], overwrite: bool = False) -> None:
    """UTF-8 CSV in the long form image, key, value, error, unit; what was not measured stays empty.

    Raises InputError as `atomic_output` does.
    """
    figures = Figures(_jsonable(document))
    with atomic_output(path, overwrite) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("image", "key", "value", "error", "unit"))
        for image in figures.images:
            for key in figures.keys:
                if figures.has(image, key):
                    pair = (figures.value(image, key), figures.error(image, key))
                    said = ["" if v is None else f"{v:.6g}" for v in pair]
                    writer.writerow((_harmless(image), _harmless(key), *said, figures.unit(key)))


def _jsonable(value: Any) -> Any:
    """Plain lists, dicts, texts and numbers; None for NaN and infinity; broken Unicode replaced."""
    if isinstance(value, Mapping):
        return {str(_jsonable(key)): _jsonable(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _jsonable(value.tolist())
    if isinstance(value, list | tuple):
        return [_jsonable(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _harmless(name: str) -> str:
    """A spreadsheet takes a text that begins like a formula for one."""
    text = plain(name)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
