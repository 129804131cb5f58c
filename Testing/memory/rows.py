"""What is measured: each method once, and the networks in the ways that take most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .inputs import AUTHORS, PUBLISHED

INPUTS = {"dicom": "series", "int16": "int16.nrrd", "float32": "float32.mha"}  # files by what they hold
_NETWORKS = ("rddm", "founddiff")


@dataclass(frozen=True)
class Row:
    """`given` is one of INPUTS, `made` an ending, or dicom."""

    model: str
    given: str
    made: str
    draws: int = 1
    spread: bool = False

    @property
    def way(self) -> str:
        return f"{self.given} → {self.made}"

    def words(self, folder: Path) -> list[str]:
        """For `ldct-denoise`, with inputs and outputs in `folder`."""
        output = folder / ("out" if self.made == "dicom" else f"out{self.made}")
        words = ["denoise", str(folder / INPUTS[self.given]), str(output), "--overwrite", "--device", "cpu"]
        words += ["--model", self.model, "--draws", str(self.draws)]
        if self.spread:
            words += ["--spread", str(folder / "spread.nrrd")]
        # half the precision is half the memory, and whether it passes its check depends on the weights
        return words + (["--precision", "float32"] if self.model in (AUTHORS, PUBLISHED) else [])


def rows_of(models: Sequence[str], draws: int) -> Iterator[Row]:
    """`draws` of the networks, of whose answers there are several."""
    for model in models:
        if model.startswith(_NETWORKS):
            yield Row(model, "dicom", "dicom")
            yield Row(model, "dicom", "dicom", draws, spread=True)
            yield Row(model, "float32", ".mha", draws, spread=True)
            yield Row(model, "int16", ".nii.gz", draws)
        else:
            yield Row(model, "dicom", "dicom" if model == "gaussian" else ".nrrd")
