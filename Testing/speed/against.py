"""Two libraries at the same work, in turn, each time in a new process."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from .checkout import ROOT, Checkout, NotMeasured
from .child import MODEL_OF_RANDOM_WEIGHTS
from .slices import write_series, write_volume
from .table import Table, load, machine, write_csv
from .verdict import LEAST, TITLES, Row, worse

SIDE = 512
TELLING = 4  # rounds whose quartiles mean something
SAME_HU = 1e-3  # root mean square: float32, rounded in another order
ALIKE_HU = 1.0  # of a lower precision: the self-check lets each side be 0.5 HU from float32
CHECKED = 2  # slices
MODELS = (
    "rddm-balanced", MODEL_OF_RANDOM_WEIGHTS, "founddiff",
    "nlm", "bilateral", "tv", "gaussian", "median", "anisotropic-diffusion",
)  # fmt: skip
QUICK = "rddm-balanced"  # the model from Python and from file to file
FIGURES = {"whole": "s", "start": "s", "slice": "s a slice", "import": "s", "peak": "MB"}
_FILES = ("read DICOM", "write DICOM", "write .nrrd", "read .nrrd", "write .nii.gz", "read .nii.gz")
_SAID = {
    "whole": "whole command", "start": "start to the first slice", "slice": "a slice", "peak": "peak memory",
    "import": "import",
}  # fmt: skip


class Comparison:
    """Measures what both sides do, and keeps the rows, the runs and the faults."""

    def __init__(self, before: Checkout, now: Checkout, folder: Path, wish: argparse.Namespace):
        self.sides, self.folder, self.wish = (before, now), folder, wish
        self.rows: list[Row] = []
        self.runs: list[dict] = []
        self.faults: list[str] = []
        self._table = Table(TITLES, (56, 9, 8, 8, 12, 13), texts=2)

    def models(self) -> None:
        """Each model on a volume in a file, and whether both sides answer the same."""
        volume = write_volume(self.folder / "slices.nrrd", self.wish.slices, SIDE)
        for model in self.wish.models:
            own = model != MODEL_OF_RANDOM_WEIGHTS
            if not own:
                self._random_weights()
            outputs = {side: self.folder / f"{side.name}.nrrd" for side in self.sides}
            words = ["denoise", volume, "{out}", "--model", model, "--device", self.wish.device]
            job = partial(_command, words=words, outputs=outputs, own_models=own)
            if not self._measure(model, job, ("slice", "start", "peak")):
                continue
            precision = self.runs[-1]["precision"]
            if precision == "float32":
                self._same_answer(model, outputs, SAME_HU)
                continue
            self._same_answer(f"{model} in {precision}", outputs, ALIKE_HU)
            for side in self.sides:
                job(side, words=[*words, "--precision", "float32", "--slices", f"0:{min(CHECKED, self.wish.slices)}"])
            self._same_answer(f"{model} in float32", outputs, SAME_HU)

    def file_to_file(self) -> None:
        """A DICOM series to a DICOM series, and reading and writing alone."""
        series = write_series(self.folder / "series", self.wish.series, SIDE)
        name = f"{self.wish.series} slices"
        outputs = {side: self.folder / f"series-{side.name}" for side in self.sides}
        words = ["denoise", series, "{out}", "--model", QUICK, "--device", self.wish.device]
        job = partial(_command, words=words, outputs=outputs, own_models=True)
        self._measure(f"DICOM to DICOM, {QUICK}, {name}", job, ("whole", "peak"))

        def read_and_write(side: Checkout) -> dict:
            shutil.rmtree(outputs[side], ignore_errors=True)
            outputs[side].mkdir()
            return side.measured("files", series, outputs[side])

        self._measure(name, read_and_write, (*_FILES, "peak"))
        for folder in (series, *outputs.values()):
            shutil.rmtree(folder, ignore_errors=True)

    def starts(self) -> None:
        """What a command costs that does nothing, and the library in somebody's own program."""
        self._measure("ldct-denoise --help", lambda side: side.command("--help"), ("whole",))
        self._measure("ldct-denoise models", lambda side: side.command("models"), ("whole",))
        volume = write_volume(self.folder / "slices.nrrd", self.wish.slices, SIDE)
        self._measure(f"in Python, {QUICK}", lambda side: side.measured("python", volume, QUICK), ("import", "slice"))

    def _measure(self, what: str, job: Callable[[Checkout], dict], keys: tuple[str, ...]) -> bool:
        """Adds a row for every key; whether both sides could do it. A first round, to warm the disk, does not count."""
        ending = "_cpu" if self.wish.clock == "cpu" else ""
        rows = {key: Row(f"{what}: {_SAID.get(key, key)}", FIGURES.get(key, "s")) for key in keys}
        for number in range(-1, self.wish.rounds):
            facts = {}
            for side in self.sides if number % 2 else self.sides[::-1]:
                try:
                    facts[side] = job(side)
                except NotMeasured as error:
                    self._not_measured(what, side, error)
                    return False
                self.runs.append({"what": what, "side": side.name, "round": number, **facts[side]})
            for key, row in rows.items() if number >= 0 else ():
                one, other = (facts[side].get(key if key == "peak" else key + ending) for side in self.sides)
                if one is not None and other is not None:
                    row.rounds.append((one, other))
        for row in rows.values():
            if row.rounds:
                self.rows.append(row)
                self._table.add(row.cells())
        return True

    def _not_measured(self, what: str, side: Checkout, error: NotMeasured) -> None:
        """What only one side can do cannot be compared; that this one cannot any more is a fault."""
        print(f"{what}: {error}", flush=True)
        if side is self.sides[1]:
            self.faults.append(f"{what} cannot be done now: {error}")

    def _same_answer(self, what: str, outputs: dict[Checkout, Path], limit: float) -> None:
        found = self.sides[1].measured("differ", *outputs.values())
        self.runs.append({"what": what, "side": "difference", **found})
        told = f"{found['rms']:.2g} HU apart (root mean square; {found['worst']:.2g} at most)"
        print(f"{what}: before and now {told}", flush=True)
        if not found["rms"] <= limit:
            self.faults.append(f"{what} gives other HU than before: {told}.")

    def _random_weights(self) -> None:
        """The authors' network as a model of both sides."""
        checkpoint = self.folder / "random.pt"
        self.sides[1].measured("random_weights", checkpoint)
        for side in self.sides:
            side.command("import-weights", checkpoint, "--id", MODEL_OF_RANDOM_WEIGHTS, own_models=False)
        checkpoint.unlink()


def _command(side: Checkout, words: list, outputs: dict[Checkout, Path], own_models: bool) -> dict:
    """One command whose word {out} is the output of its side."""
    named = [outputs[side] if word == "{out}" else word for word in words]
    return side.command(*named, "--overwrite", "--progress", "json", own_models=own_models)


def run(wish: argparse.Namespace, folder: Path) -> int:
    """Exit status 0 if nothing has become worse, else 1."""
    wish.models = wish.models or list(MODELS)
    sides = Checkout(wish.folder, "before", folder, wish.threads), Checkout(ROOT, "now", folder, wish.threads)
    print(f"{machine(wish.threads)}")
    print(
        f"before: {wish.folder}, now: this checkout. {SIDE}×{SIDE}, slices: {wish.slices} (models) and {wish.series} "
        f"(files), rounds: {wish.rounds}, {_CLOCKS[wish.clock]}; medians.\n"
    )
    comparison = Comparison(*sides, folder, wish)
    for step in _steps(comparison, wish.only):
        step()
    comparison.faults += worse(comparison.rows, wish.tolerance, wish.memory)
    print(f"\nload {load()} after")
    if wish.csv:
        write_csv(wish.csv, comparison.runs)
    for fault in comparison.faults:
        print(fault)
    if not comparison.rows:
        print("Nothing could be measured on both sides.")
    elif not comparison.faults:
        felt = ", ".join(f"{least:g} {unit}" for unit, least in LEAST.items())
        print(
            f"Nothing is slower than before by more than {100 * wish.tolerance:g} % in three of four rounds (memory: "
            f"{100 * wish.memory:g} %) and by more than {felt}: {len(comparison.rows)} figures compared."
        )
        if wish.rounds < TELLING:
            print(f"Fewer than {TELLING} rounds tell little about what is less than the scatter.")
    return 1 if comparison.faults or not comparison.rows else 0


_CLOCKS = {"wall": "seconds on the clock", "cpu": "processor seconds"}


def _steps(comparison: Comparison, only: str | None) -> Iterator[Callable[[], None]]:
    steps = {"models": comparison.models, "files": comparison.file_to_file, "starts": comparison.starts}
    return (step for name, step in steps.items() if only in (None, name))
