"""Trees of small CT series for tests of the search."""

from __future__ import annotations

from pathlib import Path

import dicom_factory as factory
from LDCTDenoiseLib.batch.find import find_series
from LDCTDenoiseLib.batch.found import Finding, FoundSeries
from LDCTDenoiseLib.files import read_series
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

UID = "1.2.3.4"  # the SeriesInstanceUID of dicom_factory


def images(count: int = 4, seed: int = 0, rows: int = 12, columns: int = 10, **tags: object) -> list[FileDataset]:
    """CT slices of series 1.2.3.4, number 2."""
    return factory.ct_series(factory.stored_values(count, rows, columns, seed), **tags)


def put(datasets: list[FileDataset], folder: Path, first: int = 0) -> Path:
    """Saves the objects as 000.dcm … in `folder`, beside what is there; `first` is the first number."""
    return factory.save(datasets, folder, lambda number: f"{number + first:03d}.dcm")


def another(number: int = 3, **tags: object) -> list[FileDataset]:
    """Slices of a series of its own."""
    return images(SeriesInstanceUID=generate_uid(entropy_srcs=[str(number)]), SeriesNumber=number, **tags)


def found(tree: Path, **options: object) -> Finding:
    """What lies below the tree, after the promises that hold for every tree were checked."""
    finding = find_series(tree, processes=1, **options)
    counted = sum(len(one.files) for one in finding.series) + sum(one.files for one in finding.left)
    assert counted == finding.files, "every file counts once"
    assert len({one.name.casefold() for one in finding.series}) == len(finding.series)
    assert len({one.key for one in finding.series}) == len(finding.series)
    for one in finding.series:
        if one.kind == "dicom":
            read = read_series([file.path for file in one.files])
            assert read.shape == (one.slices, one.rows, one.columns), "what is found can be read"
            assert list(dict.fromkeys(read.source.files)) == [file.path for file in one.files], "in slice order"
    return finding


def names(finding: Finding) -> list[str]:
    return [one.name for one in finding.series]


def sizes(finding: Finding) -> list[int]:
    return [len(one.files) for one in finding.series]


def only(finding: Finding) -> FoundSeries:
    (one,) = finding.series
    return one


def reasons(finding: Finding) -> str:
    return "\n".join(f"{one.name}: {one.files}: {one.why}" for one in finding.left)
