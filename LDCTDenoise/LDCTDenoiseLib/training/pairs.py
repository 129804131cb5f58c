"""Pairs of low and normal dose of the same slices, for evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


def find_pairs(folder: Path) -> list[Path]:
    """Every `NAME.npz` (arrays `ld`, `nd` in HU, `spacing` in mm) and `NAME.low.nrrd` beside `NAME.normal.nrrd`."""
    folder = Path(folder)
    found = sorted([*folder.glob("*.npz"), *folder.glob(f"*{LOW}")])
    if not found:
        raise InputError(f"There are no pairs in {folder}: NAME.npz with ld and nd, or NAME{LOW} with NAME{NORMAL}.")
    return found


def read_pairs(paths: list[Path]) -> Iterator[Pair]:
    for path in paths:
        name = path.name.removesuffix(LOW).removesuffix(".npz")
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
            spacing = tuple(float(v) for v in np.atleast_1d(stored["spacing"])[:2])
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"{path.name} does not hold a pair (arrays ld, nd and spacing): {error}.") from error
    stacks = [a[None] if a.ndim == 2 else a for a in (low, normal)]
    if any(a.ndim != 3 or not np.isfinite(a).all() for a in stacks) or len(spacing) != 2 or min(spacing) <= 0:
        raise InputError(f"{path.name} does not hold slices in HU with their spacing.")
    return tuple(CTVolume(a, (*spacing, 1.0)) for a in stacks)
