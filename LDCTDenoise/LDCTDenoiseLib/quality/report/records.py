"""The records of the images: everything that `denoise` wrote down, image beside image, so that differences show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ..numbers import NOTHING
from .figures import Figures
from .text import esc, plain

# What tells one result from another comes first; the rest follows as recorded.
_FIRST = (
    "software", "version", "model", "model_version", "checksum", "parameters", "seed", "strength", "draws", "steps",
    "device", "precision",
)  # fmt: skip
_LEFT_OUT = ("use",)  # the page says it at head and foot
_ABREAST = 4  # records beside each other on a page


def record_tables(document: Mapping[str, Any], figures: Figures) -> str:
    """HTML; a sentence on the methods that came without a record."""
    records = document.get("records") or {}
    names = [*figures.images, *(name for name in records if name not in figures.images)]
    held = [(figures.title(name), dict(_entries(records[name]))) for name in names if records.get(name)]
    unknown = ", ".join(esc(figures.title(name)) for name in figures.methods() if not records.get(name))
    told = f"<p>No record came with {unknown}: how it was made is not known here.</p>" if unknown else ""
    tables = "".join(_table(held[start : start + _ABREAST]) for start in range(0, len(held), _ABREAST))
    return told + tables + _measured_with(document)


def _measured_with(document: Mapping[str, Any]) -> str:
    """A sentence on what measured the figures."""
    facts = document.get("measured_with") or {}
    if not facts:
        return ""
    versions = ", ".join(f"{name} {version}" for name, version in (facts.get("versions") or {}).items())
    said = f"Measured with {facts.get('software', '')} {facts.get('version', '')}, {facts.get('date', '')}; {versions}."
    return f"<p>{esc(said)}</p>"


def _table(records: list[tuple[str, dict[str, str]]]) -> str:
    """A row an entry; what neighbours share is written once across them."""
    head = "".join(f"<th>{esc(title)}</th>" for title, _ in records)
    rows = []
    for name in dict.fromkeys(name for _, entries in records for name in entries):
        cells = ""
        for value, same in groupby(entries.get(name, NOTHING) for _, entries in records):
            width = len(list(same))
            cells += f'<td colspan="{width}">{esc(value)}</td>' if width > 1 else f"<td>{esc(value)}</td>"
        rows.append(f"<tr><th>{esc(name.replace('_', ' '))}</th>{cells}</tr>")
    return (
        f'<div class="wide"><table class="records" style="--n:{len(records)}"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _entries(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    order = [key for key in _FIRST if key in record]
    order += [key for key in record if key not in _FIRST and key not in _LEFT_OUT]
    for key in order:
        yield from _flat(str(key), record[key])


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Nested entries with a dot in their names."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _flat(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        yield name, ", ".join(plain(item) for item in value) or "none"
    elif isinstance(value, bool):
        yield name, "yes" if value else "no"
    elif isinstance(value, float):
        yield name, f"{value:.6g}"
    else:
        yield name, plain(value) if value or value == 0 else "none"
