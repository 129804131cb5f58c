"""Normal-dose slices with ready-made noise: projection-domain noise once per slice, any dose from it while training.

The inserted noise must look like the noise that the slice already has: both come from the same scanner and kernel. So
scanner and kernel are fitted to the noise of the series. The first field keeps close to that kernel; the second varies
widely, so that a network meets kernels that the training series do not have. Where a slice is noisy (behind shoulders,
not in lungs) is the fan-beam scanner's doing, and depends little on the dose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..atomic import atomic_output
from ..errors import InputError
from ..files import read_volume
from ..quality.texture.noise import global_noise_level
from ..simulation.calibration import calibrated_scanner
from ..simulation.fan_scanner import TYPICAL, DoseSimulator
from ..simulation.place import Place
from ..volume import CTVolume
from .ctz import read_ctz
from .series import name_of

KERNEL_SPREAD = (0.12, 0.5)  # of log width, for each of the independent noise fields of a slice
FIELDS = len(KERNEL_SPREAD)
DOSES = (0.05, 0.9)  # the fraction decides how much the starved rays stand out, and a little more
CACHE_VERSION = 3  # count it up whenever make_noise gives other values: an older cache is then not used


@dataclass
class NoisySeries:
    """normal_dose int16 [n, rows, columns] HU; noise float16 [n, FIELDS, rows, columns], SD 1 in soft tissue;
    level float32 [n], the slice's own noise in HU."""

    name: str
    normal_dose: np.ndarray
    noise: np.ndarray
    level: np.ndarray


def load_series(
    path: Path, cache: Path, progress: Callable[[int, int, str], None] | None = None, place: Place | None = None
) -> NoisySeries:
    """One series and its noise; made once and kept in the folder `cache`. `place`: where its fan beams are computed."""
    path, cache = Path(path), Path(cache)
    name = name_of(path)
    key = f"{name}.{_fingerprint(path)}.v{CACHE_VERSION}"
    stored = [cache / f"{key}.{part}.npy" for part in ("normal", "noise", "level")]
    arrays = _cached(stored)
    if arrays is None:
        volume = read_ctz(path) if path.suffix.lower() == ".ctz" else read_volume(path).standard()  # axial slices
        made = make_noise(volume, seed=sum(name.encode()), progress=progress, place=place)
        for file, array in zip(stored, made, strict=True):
            with atomic_output(file, overwrite=True) as aside:
                np.save(aside, array)
        arrays = _cached(stored)
    if arrays is None:
        raise InputError(f"The prepared noise in {cache} cannot be read back; choose another folder (--cache).")
    normal, noise, level = arrays
    return NoisySeries(name, normal, noise, np.asarray(level))


def _fingerprint(path: Path) -> str:
    """Changes when the series does: another scan under the same name must not get the noise of the first.

    Of the content, not of the dates: a copy or a share mounted anew is the same series, and its noise takes an hour.
    """
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    try:
        for file in files:
            digest.update(f"{file.relative_to(path.parent).as_posix()}\n{file.stat().st_size}\n".encode())
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}).") from error
    return digest.hexdigest()[:12]


def _cached(files: list[Path]) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """normal dose, noise and level as stored; None if they are not there or not whole, so that they are made anew."""
    try:
        normal, noise, level = (np.load(file, mmap_mode="r", allow_pickle=False) for file in files)
    except Exception:  # whatever a damaged header makes numpy raise
        return None
    fits = (
        (normal.dtype, noise.dtype, level.dtype) == (np.int16, np.float16, np.float32)
        and normal.ndim == 3
        and noise.shape == (len(normal), FIELDS, *normal.shape[1:])
        and level.shape == (len(normal),)
    )
    return (normal, noise, level) if fits else None


def make_noise(
    volume: CTVolume, seed: int, progress: Callable[[int, int, str], None] | None = None, place: Place | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """normal dose, noise fields and own noise level of a volume, as in NoisySeries."""
    rng = np.random.default_rng(seed)
    hu = volume.hu
    levels = np.array([global_noise_level(s, volume.spacing[:2]) for s in hu], np.float32)
    if not np.isfinite(levels).any():
        raise InputError("The noise of this series cannot be measured: it shows no soft tissue.")
    levels = np.where(np.isfinite(levels), levels, np.nanmedian(levels)).astype(np.float32)
    scanner = calibrated_scanner(volume, TYPICAL, place=place)
    noise = np.empty((len(hu), FIELDS, *hu.shape[1:]), np.float16)
    for i, slice_hu in enumerate(hu):
        tissue = (slice_hu > -200) & (slice_hu < 200)
        simulator = DoseSimulator(slice_hu, volume.spacing[:2], scanner, place)
        for k in range(FIELDS):
            width = scanner.kernel * np.exp(KERNEL_SPREAD[k] * rng.standard_normal())
            dose = np.exp(rng.uniform(*np.log(DOSES)))
            field = simulator.draw(simulator.variance(dose), rng, replace(scanner, kernel=float(width)))
            noise[i, k] = field / (field[tissue].std() if tissue.any() else field.std())
        if progress:
            progress(i + 1, len(hu), "noise")
    return np.rint(hu).clip(-32768, 32767).astype(np.int16), noise, levels
