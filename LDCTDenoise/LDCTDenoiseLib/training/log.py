"""What a run leaves to read: log.csv, validation.csv, notices.txt and curves.png in its folder."""

from __future__ import annotations

import csv
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from ..atomic import atomic_output
from ..errors import InputError

STEPS, VALIDATION, NOTICES, CURVES = "log.csv", "validation.csv", "notices.txt", "curves.png"


class RunLog:
    """The log of a run in its folder; after a resume, what was logged beyond step `start` is forgotten."""

    def __init__(self, folder: Path, notice: Callable[[str], None], start: int = 0):
        self.folder, self._say, self._rows = folder, notice, []
        for name in (STEPS, VALIDATION):
            _forget(folder / name, start)
        self.pictures = find_spec("matplotlib") is not None
        if not self.pictures:
            notice("Without matplotlib there are no curves and no sample sheets: pip install matplotlib.")

    def add(self, figures: dict[str, float]) -> None:
        """The figures of one step, for the next mean."""
        self._rows.append(figures)

    def write_means(self, step: int, seconds: float) -> dict[str, float]:
        """A row of the means since the last one, which are returned."""
        means = {key: sum(row[key] for row in self._rows) / len(self._rows) for key in self._rows[0]}
        self._rows = []
        _append(self.folder / STEPS, {"step": step, "seconds": round(seconds, 1), **means})
        return means

    def write_validation(self, step: int, seconds: float, figures: dict[str, float]) -> None:
        _append(self.folder / VALIDATION, {"step": step, "seconds": round(seconds, 1), **figures})

    def notice(self, text: str) -> None:
        """Said at once, and kept."""
        with (self.folder / NOTICES).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
        self._say(text)

    def draw_curves(self, phases: list[tuple[str, int]]) -> None:
        """Learning curves from the CSV files; `phases` are names and last steps."""
        if self.pictures:
            draw_curves(self.folder, phases)


def draw_curves(folder: Path, phases: list[tuple[str, int]]) -> None:
    """curves.png: loss, L1, gradient and validation over the steps, a line where a phase ends."""
    from matplotlib.figure import Figure  # the object interface: no display, no global state

    steps, validation = _columns(folder / STEPS), _columns(folder / VALIDATION)
    figure = Figure(figsize=(12, 8), dpi=100, layout="constrained")
    panels = (
        ("loss", steps, {"loss": "mean of 25 steps", "rank": "dose", "contrast": "anatomy", "prompt": "prompts"}, True),
        ("mean |output − normal dose|, HU", steps, {"l1_hu": "training patches"}, False),
        ("gradient norm and residual strength", steps, {"gradient": "gradient", "residual": "generated ÷ real"}, True),
        (
            "validation",
            validation,
            {
                "gain_db": "gain, dB",
                "worst_db": "worst, dB",
                "noise_ratio": "noise ×",
                "dose_rank": "dose, rank correlation",
                "anatomy_right": "right anatomies",
            },
            False,
        ),
    )
    for axes, (title, columns, lines, logarithmic) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        for key, label in lines.items():
            if key in columns:
                axes.plot(columns["step"], columns[key], label=label, linewidth=1)
        if axes.lines:
            axes.legend(fontsize=8)
            if logarithmic:
                axes.set_yscale("log")
        reached = axes.get_xlim()[1]
        for name, last in phases[:-1]:
            if last < reached:
                axes.axvline(last, color="0.7", linewidth=0.8)
                axes.text(
                    last, 1.0, f"{name} ", transform=axes.get_xaxis_transform(), ha="right", va="bottom", fontsize=6
                )
        axes.set_title(title, fontsize=10, pad=12)
        axes.set_xlabel("step", fontsize=8)
        axes.grid(alpha=0.3)
    with atomic_output(folder / CURVES, overwrite=True) as aside:
        figure.savefig(aside)


def _columns(path: Path) -> dict[str, list[float]]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: [float(row[key]) for row in rows] for key in (rows[0] if rows else ())}


def _append(path: Path, row: dict) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerow(row)


def _forget(path: Path, start: int) -> None:
    """Drop the rows beyond step `start`: they will be written again, and are not what the checkpoint became."""
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        kept = [lines[0]] + [line for line in lines[1:] if int(line.split(",")[0]) <= start]
    except (IndexError, ValueError) as error:
        raise InputError(f"{path} is damaged; remove it.") from error
    with atomic_output(path, overwrite=True) as aside:
        aside.write_text("\n".join(kept) + "\n", encoding="utf-8")
