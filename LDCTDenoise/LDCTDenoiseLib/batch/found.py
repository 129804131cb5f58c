"""What a scan of a folder tree found. Plain values, so that processes and machines can hand them on."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file as it was when it was found; another size or time means that it has changed."""

    path: Path
    size: int  # bytes
    mtime_ns: int


@dataclass(frozen=True)
class FoundSeries:
    """One CT volume: files that `files.read_series` takes together, or one volume file.

    key      hash of SeriesInstanceUID and part, or of a volume file's relative path: the same in every scan, wherever
             the tree is mounted.
    name     relative name for outputs, with "/" between folders; unique in its tree and good on every file system.
    files    in the order of the slices.
    slices, rows, columns
             0 where they are known only when the file is read.
    facts    acquisition facts as codes, by DICOM keyword: Manufacturer, ConvolutionKernel, KVP, SliceThickness …
    notices  sentences a user should read.
    secrets  parts of patients' names and IDs, to hide them in logs (`hidden.hide`). They are never written.
    surroundings, of_series
             for `still.still_as_found`: a digest of the folders that hold the files, and how many files of the
             SeriesInstanceUID lie in them, those of other parts too.
    """

    key: str
    name: str
    kind: Literal["dicom", "file"]
    files: tuple[FoundFile, ...]
    slices: int = 0
    rows: int = 0
    columns: int = 0
    facts: dict[str, str] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    surroundings: str = ""
    of_series: int = 0


@dataclass(frozen=True)
class Left:
    """What is left out, and why, in one sentence. `name` is relative to the tree and may hold a patient's name."""

    name: str
    files: int
    why: str
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Finding:
    """The result of one scan: what can be denoised, what is left, how many files were looked at, in which time.

    Every file counts once: `files` is the sum of those of `series` and `left`.
    """

    series: tuple[FoundSeries, ...] = ()
    left: tuple[Left, ...] = ()
    files: int = 0
    seconds: float = 0.0

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """Those of all patients in the tree: a sentence on one folder may name another patient's."""
        return tuple(sorted({secret for one in (*self.series, *self.left) for secret in one.secrets}))
