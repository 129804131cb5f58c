"""Small series on disk and the tasks of a batch over them, for tests."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from dicom_factory import PATIENT, ct_series, save
from LDCTDenoiseLib import CTVolume, write_volume
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.found import FoundFile, FoundSeries
from LDCTDenoiseLib.batch.plan import Options, Task, plan

SHAPE = (3, 24, 20)  # slices, rows, columns


def stored(seed: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """uint16, intercept −1024: noisy soft tissue."""
    return np.random.default_rng(seed).normal(1064, 25, shape).round().astype(np.uint16)


def dicom_folder(folder: Path, number: int, shape: tuple[int, int, int] = SHAPE, **tags: object) -> Path:
    """A series of its own below `folder`."""
    tags = {"SeriesInstanceUID": f"1.2.3.{number}", "SeriesNumber": number, **tags}
    return save(ct_series(stored(number, shape), **tags), folder)


def tree_of(folder: Path, count: int, shape: tuple[int, int, int] = SHAPE) -> Path:
    """`count` DICOM series, each in a folder of its own."""
    for number in range(1, count + 1):
        dicom_folder(folder / f"study {number}", number, shape)
    return folder


def found_file(path: Path) -> FoundFile:
    info = path.stat()
    return FoundFile(path, info.st_size, info.st_mtime_ns)


def found(folder: Path, name: str, shape: tuple[int, int, int] = SHAPE) -> FoundSeries:
    """A DICOM folder as a scan would find it."""
    files = tuple(found_file(path) for path in sorted(folder.iterdir()))
    return FoundSeries(key_of(name), name, "dicom", files, *shape, secrets=tuple(PATIENT.split("^")))


def key_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def found_volume(path: Path, volume: CTVolume) -> FoundSeries:
    """A volume file, written and found."""
    write_volume(volume, path)
    stem = path.name.partition(".")[0]
    return FoundSeries(key_of(stem), stem, "file", (found_file(path),), *volume.shape)


def tasks_of(tree: Path, options: Options, outputs: Path, shape: tuple[int, int, int] = SHAPE) -> list[Task]:
    """A task for every folder of `tree`."""
    series = [found(folder, f"{folder.name}/series", shape) for folder in sorted(tree.iterdir())]
    return plan(series, options, outputs)[0]


def quick(**changes: object) -> Options:
    """A method that takes no time, into NRRD."""
    return replace(Options(("gaussian",), format="nrrd"), **changes)


def contents(tree: Path) -> dict[str, bytes]:
    """Every file of a tree by its name below it."""
    return {file.relative_to(tree).as_posix(): file.read_bytes() for file in sorted(tree.rglob("*")) if file.is_file()}


def a_task(tmp_path: Path, options: Options | None = None) -> Task:
    """One series in tmp_path/in, whose outputs go to tmp_path/out."""
    tree_of(tmp_path / "in", 1)
    (task,) = tasks_of(tmp_path / "in", options or quick(), tmp_path / "out")
    return task


def only_row(task: Task, options: Options | None = None, **more) -> dict:
    """What a task of one method comes to."""
    (row,) = work.do(task, options or quick(), **more)
    return row
