"""Figures as people read them: rows of text for a table node, from a document of the library or of the same form."""

from __future__ import annotations

import math

import vtk
from slicer.i18n import tr as _

COLUMNS = ("Quantity", "Before", "After", "Change", "Unit")
NORMAL = "Normal dose"  # a sixth column, where there is one
INPUT = "input"
_DIFFERENCES = ("dB", "%", "")  # units in which a change is a difference; in others it is a percentage


def afterOf(document: dict) -> str:
    """The name of the measured result among the images of a document."""
    return next((name for name in document["images"] if name not in (INPUT, document.get("reference"))), INPUT)


def rowsOf(document: dict) -> list[dict]:
    """Rows with quantity, before, after, change, unit and normal, all text, in the order of the definitions.

    A figure that could not be measured in any image has no row.
    """
    values: dict[str, dict] = {}
    for figure in document["figures"]:
        if figure["value"] is not None:
            values.setdefault(figure["key"], {})[figure["image"]] = figure
    after, reference = afterOf(document), document.get("reference")
    definitions = document["definitions"]
    known = [key for key in definitions if key in values] + [key for key in values if key not in definitions]
    rows = []
    for key in known:
        of, definition = values[key], definitions.get(key) or {"title": key, "unit": "", "digits": 2}
        digits, unit = definition["digits"], definition["unit"]
        rows.append(
            {
                "quantity": definition["title"],
                "before": numberText(of.get(INPUT), digits),
                "after": numberText(of.get(after), digits) if after != INPUT else "",
                "change": _changeText(of.get(INPUT), of.get(after), digits, unit) if after != INPUT else "",
                "unit": unit,
                "normal": numberText(of.get(reference), digits) if reference else "",
            }
        )
    return rows


def renewTable(table, rows: list[dict]) -> None:
    """Writes the rows into a vtkTable of text; columns that are there stay, for a view may be showing them."""
    names = {name: name.lower() for name in COLUMNS}
    if any(row["normal"] for row in rows):
        names[NORMAL] = "normal"
    for index in reversed(range(table.GetNumberOfColumns())):
        column = table.GetColumn(index)
        if column.GetName() not in names or not column.IsA("vtkStringArray"):
            table.RemoveColumn(index)
        else:
            column.SetNumberOfValues(len(rows))
    for name, key in names.items():
        column = table.GetColumnByName(name)
        if column is None:
            column = vtk.vtkStringArray()
            column.SetName(name)
            column.SetNumberOfValues(len(rows))
            table.AddColumn(column)
        for number, row in enumerate(rows):
            column.SetValue(number, row[key])
        column.Modified()
    table.Modified()


def numberText(figure: dict | None, digits: int) -> str:
    """ "9.8 ± 0.2", "−1.3"; nothing for nothing."""
    if figure is None or figure["value"] is None:
        return ""
    text = _number(figure["value"], digits)
    error = figure.get("error")
    return text if error is None or not math.isfinite(error) else f"{text} ± {_number(error, digits)}"


def _changeText(before: dict | None, after: dict | None, digits: int, unit: str) -> str:
    """ "−54 %", "+4.9 dB"; nothing where there is nothing to compare."""
    if before is None or after is None or not math.isfinite(after["value"] - before["value"]):
        return ""
    if unit in _DIFFERENCES:
        return f"{_signed(after['value'] - before['value'], digits)} {unit}".strip()
    return _signed(100 * (after["value"] / before["value"] - 1), 0) + " %" if before["value"] > 0 else ""


def _number(value: float, digits: int) -> str:
    if not math.isfinite(value):
        return _("none") if math.isnan(value) else "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}f}"
    return (text.lstrip("-") if float(text) == 0 else text).replace("-", "−")


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")
