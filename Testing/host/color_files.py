"""Slicer's colour tables that come as files; slicer-core has none, so the few that modules use are made here."""

from __future__ import annotations

from pathlib import Path

# ColorBrewer's red-blue scale, from blue over near-white to red
ANCHORS = ((5, 48, 97), (33, 102, 172), (67, 147, 195), (146, 197, 222), (209, 229, 240), (247, 247, 247),
           (253, 219, 199), (244, 165, 130), (214, 96, 77), (178, 24, 43), (103, 0, 31))  # fmt: skip
COLORS = 255  # odd: zero has a colour of its own, the one in the middle


def write_color_files(folder: Path) -> None:
    """The files that vtkSlicerColorLogic looks for in its share folder; the node's ID follows from the file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["# blue, white in the middle, red"]
    for index in range(COLORS):
        place = index * (len(ANCHORS) - 1) / (COLORS - 1)
        low = min(int(place), len(ANCHORS) - 2)
        share = place - low
        color = (round(a + (b - a) * share) for a, b in zip(ANCHORS[low], ANCHORS[low + 1], strict=True))
        lines.append(f"{index} {index} {' '.join(map(str, color))} 255")
    (folder / "DivergingBlueRed.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
