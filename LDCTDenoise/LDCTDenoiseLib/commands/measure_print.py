"""What `ldct-denoise measure` says on a terminal: figures in groups, a column for every image, verdicts, notices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..quality.measurement.definitions import GROUPS
from ..quality.numbers import NOTHING, with_error
from ..quality.report.text import plain
from ..quality.report.verdicts import WORDS


def print_answer(answer: dict, outputs: Sequence[Path]) -> None:
    """Plain text on standard output."""
    titles = {name: plain(title) for name, title in answer["titles"].items()}
    for group, heading in GROUPS.items():
        keys = [key for key, facts in answer["definitions"].items() if facts["group"] == group]
        if lines := _table(answer, keys, titles):
            print(f"{heading}\n{lines}\n")
    for one in answer["verdicts"]:
        print(plain(f"{titles[one['image']]}, {WORDS[one['light']]}: {one['text']}"))
    measured, total = len(answer["input"]["slices"]), answer["input"]["slices_total"]
    squares = len((answer["rois"] or {}).get("corners", []))
    print(f"\nMeasured on {measured} of {total} slices; noise in {squares} squares. ± is one standard error.")
    for text in answer["notices"]:
        print(f"Note: {plain(text)}")
    for path in outputs:
        print(f"Written: {plain(path)}")
    print(answer["research_use"])


def _table(answer: dict, keys: list[str], titles: dict[str, str]) -> str:
    """A line for each figure that some image has."""
    from ..quality.table import align

    values = {(one["image"], one["key"]): one for one in answer["figures"]}
    rows = [["", *(titles[name] for name in answer["images"]), ""]]
    for key in keys:
        facts = answer["definitions"][key]
        cells = [_cell(values.get((name, key)), facts["digits"]) for name in answer["images"]]
        if any(cell not in ("", NOTHING) for cell in cells):
            rows.append([facts["title"], *cells, facts["unit"]])
    return align(rows, left=(0, len(rows[0]) - 1)) if len(rows) > 1 else ""


def _cell(one: dict | None, digits: int) -> str:
    """ "9.4 ± 0.2", "–" for what could not be measured, nothing for what makes no sense for that image."""
    if one is None:
        return ""
    return with_error(one["value"], one["error"], digits)
