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

LOW, NORMAL = ".low.nrrd", ".normal.nrrd"


@dataclass(frozen=True)
class Pair:
    """low, normal: volumes of the same shape, HU."""

    name: str
    low: CTVolume
    normal: CTVolume


def find_pairs(folder: Path, only: str = "*") -> list[Path]:
    """Every `NAME.npz` (arrays `ld`, `nd` in HU, `spacing` in mm) and `NAME.low.nrrd` beside `NAME.normal.nrrd`."""
    folder = Path(folder)
    found = sorted(p for p in (*folder.glob("*.npz"), *folder.glob(f"*{LOW}")) if fnmatch(name_of(p), only))
    if not found:
        raise InputError(
            f"There are no such pairs in {folder}: NAME.npz with ld and nd, or NAME{LOW} with NAME{NORMAL}."
        )
    return found


def name_of(path: Path) -> str:
    return path.name.removesuffix(LOW).removesuffix(".npz")


def read_pairs(paths: list[Path]) -> Iterator[Pair]:
    for path in paths:
        name = name_of(path)
        if path.suffix == ".npz":
            low, normal = _from_arrays(path)
        else:
            low, normal = read_volume(path), read_volume(path.with_name(name + NORMAL))
        if low.shape != normal.shape:
            raise InputError(f"The two volumes of the pair {name} differ in size.")
        yield Pair(name, low, normal)


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
