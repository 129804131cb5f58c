"""Pairs of low and normal dose of the same slices, for evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files import read_volume
from ..volume import CTVolume

LOW, NORMAL = ".low", ".normal"
ENDINGS = (".nrrd", ".nhdr", ".nii.gz", ".nii", ".mha", ".mhd", "")  # nothing: a DICOM folder


@dataclass(frozen=True)
class Pair:
    """low, normal: volumes of the same shape, HU, in standard orientation: axial slices, as a radiologist sees them."""

    name: str
    low: CTVolume
    normal: CTVolume


def find_pairs(folder: Path, only: str = "*") -> list[Path]:
    """Every `NAME.npz` (arrays `ld`, `nd` in HU, `spacing` in mm), and every `NAME.low.nrrd` beside a
    `NAME.normal.nrrd`; as well with the endings of NIfTI and MetaImage, and none for DICOM folders."""
    found = [path for path in Path(folder).glob("*") if path.suffix == ".npz" or _is_low(path)]
    found = sorted(path for path in found if fnmatch(name_of(path), only))
    if not found:
        raise InputError(
            f"There are no such pairs in {folder}: NAME.npz with ld and nd, or NAME.low.nrrd with NAME.normal.nrrd."
        )
    names = [name_of(path) for path in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise InputError(f"Two pairs are named {', '.join(sorted(twice))}; rename one of them.")
    return found


def files_of_pairs(paths: list[Path]) -> list[Path]:
    """All files and DICOM folders that `read_pairs` reads."""
    normal = [path.with_name(f"{name_of(path)}{NORMAL}{_ending(path)}") for path in paths if path.suffix != ".npz"]
    return [*paths, *normal]


def name_of(path: Path) -> str:
    return path.stem if path.suffix == ".npz" else path.name.removesuffix(_ending(path)).removesuffix(LOW)


def read_pairs(paths: list[Path]) -> Iterator[Pair]:
    for path in paths:
        name = name_of(path)
        if path.suffix == ".npz":
            low, normal = _from_arrays(path)
        else:
            low, normal = read_volume(path), read_volume(path.with_name(f"{name}{NORMAL}{_ending(path)}"))
        low, normal = low.standard(), normal.standard()
        if low.shape != normal.shape:
            raise InputError(f"The two volumes of the pair {name} differ in size.")
        yield Pair(name, low, normal)


def _is_low(path: Path) -> bool:
    ending = _ending(path)
    return path.name.removesuffix(ending).endswith(LOW) and (path.is_dir() if not ending else path.is_file())


def _ending(path: Path) -> str:
    return next(ending for ending in ENDINGS if path.name.endswith(ending))


def _from_arrays(path: Path) -> tuple[CTVolume, CTVolume]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            low, normal = (np.asarray(stored[key], np.float32) for key in ("ld", "nd"))
            spacing = tuple(float(v) for v in np.ravel(stored["spacing"])[:2])
    except Exception as error:  # a damaged archive makes numpy, zipfile and tokenize raise nearly anything
        raise InputError(
            f"{path.name} does not hold a pair: it needs the arrays ld and nd in HU, and spacing in mm."
        ) from error
    stacks = [a[None] if a.ndim == 2 else a for a in (low, normal)]
    if any(a.ndim != 3 or not a.size or not np.isfinite(a).all() for a in stacks):
        raise InputError(f"{path.name} does not hold a pair: ld and nd must be slices of finite values in HU.")
    if len(spacing) != 2 or not all(np.isfinite(v) and v > 0 for v in spacing):
        raise InputError(f"{path.name} does not hold a pair: spacing must be two lengths above 0, in mm.")
    return tuple(CTVolume(a, (*spacing, 1.0)) for a in stacks)
