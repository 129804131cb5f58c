"""Straight, two-sided edges, found by themselves: the places where sharpness and removed structure are measured.

They are found on the input and kept for all images that are compared with it. Found on a coarse scale only (a Gaussian
of 3 mm), because whatever chooses a place on the scale where it is measured prefers noise that looks like an edge: of
that noise a denoiser removes most, and the removed part would seem to hold structure. At 3 mm little noise is left, and
it has next to nothing in common with the noise at 1 mm. On six volumes with 40 HU of noise from a soft kernel,
removing noise alone seemed to take 4.0, 2.0, 0.7 and 0.2 (± 0.15) % of the contrast of faint edges that were found at
1.5, 2, 2.5 and 3 mm.

A place is kept where the coarse profile across it is that of one step, at three points along the edge that lie on a
line. Position, direction and contrast are those of the fitted step, not those of pixels. Strong edges are looked at on
a scale of 1 mm too: a thin layer between air and bone, as the scalp, is two steps that seem one on the coarse scale.
(Noise is a few per cent of their contrast there and hardly chooses.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..stacks import as_stack, pixel_size
from ..texture.noise import global_noise_level

GROUPS: dict[str, tuple[float, float]] = {
    "strong": (300.0, 2000.0),  # skin, lung, dense bone
    "faint": (40.0, 200.0),  # fat against muscle and organs, contrast medium
}
COARSE_MM = 3.0  # σ of the scale on which places are found
_STEP_MM = 3.08  # σ of a scanner's edge on that scale; 3.05 to 3.15 for sharp to smooth kernels
_REACH_MM = 6.75  # of the coarse profile on either side
_ALONG_MM = 3.0  # the two other points that must see the same edge
_APART_MM = 4.0  # between places, about; nearer ones share their noise
_LEAST_OF_NOISE = 8.0  # contrast over the noise of the coarse scale: less may be noise
_MISFIT = 0.03  # RMS of coarse profile − fitted step, as a share of the contrast
_SHIFT_MM, _SAGITTA_MM, _TILT, _CHANGE, _DROP = 1.0, 0.3, 0.25, 0.25, 0.08  # how far the three points may differ
_FINE_MM = 1.0  # scale on which strong edges must still be one step
_FINE_STEPS_MM = (1.05, 1.2, 1.4, 1.7)  # σ of a step there, from sharp kernels to thick slices
_FINE_MISFIT = 0.04  # as _MISFIT; noise adds up to 0.02
_FAINT_LEAST_HU = -250.0  # the dark side of a faint edge: below, it is a table or clothes in air
_HU = (-1024.0, 3071.0)
_BLOCK_MM = 40.0


@dataclass(frozen=True)
class Edges:
    """Places on edges.

    places    float64 [n, 3]: slice, row, column (fractions of a pixel)
    normals   float64 [n, 2]: unit vector in mm along rows and columns, from the dark to the bright side
    contrast  float64 [n], HU, bright − dark
    level     float64 [n], HU, halfway
    blocks    int64 [n], numbers of regions whose noise has nothing in common: slices, or parts of few slices
    """

    places: np.ndarray
    normals: np.ndarray
    contrast: np.ndarray
    level: np.ndarray
    blocks: np.ndarray

    def __len__(self) -> int:
        return len(self.places)

    def group(self, name: str) -> np.ndarray:
        """bool [n]: the edges of a group of GROUPS, by their contrast; faint ones only within the body."""
        low, high = GROUPS[name]
        chosen = (self.contrast >= low) & (self.contrast < high)
        return chosen & (self.level - self.contrast / 2 >= _FAINT_LEAST_HU) if name == "faint" else chosen

    def only(self, name: str) -> Edges:
        """The edges of one group."""
        chosen = self.group(name)
        return Edges(*(values[chosen] for values in vars(self).values()))


def find_edges(hu: np.ndarray, spacing_xy_mm: float | Sequence[float]) -> Edges:
    """Straight, two-sided edges of the input, [rows, columns] or [slices, rows, columns] in HU; none is no error.

    spacing_xy_mm  pixel size: one number, or (between columns, between rows) in mm
    """
    stack = as_stack(hu)
    x, y = pixel_size(spacing_xy_mm)
    found = [np.empty((0, 7))]
    for number, image in enumerate(stack):
        lines = _edges_of(np.clip(np.asarray(image, dtype=np.float32), *_HU), x, y)
        found.append(np.column_stack([np.full(len(lines), number), lines]))
    rows = np.concatenate(found)
    places = rows[:, :3]
    return Edges(places, rows[:, 3:5], rows[:, 5], rows[:, 6], _blocks(places, len(stack), x, y))


def _edges_of(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """[n, 6] of one slice: row, column, normal along rows and columns, contrast, level."""
    from scipy.ndimage import gaussian_filter

    if min(image.shape[0] * y, image.shape[1] * x) < 3 * _REACH_MM:
        return np.empty((0, 6))
    coarse = gaussian_filter(image, (COARSE_MM / y, COARSE_MM / x), mode="nearest", truncate=3.0)
    least = max(GROUPS["faint"][0], _LEAST_OF_NOISE * _coarse_noise(coarse, x, y))
    places, normals = _ridges(coarse, x, y, 0.8 * least / (np.sqrt(2 * np.pi) * _STEP_MM))

    first = _fit(_profiles(coarse, places, normals, x, y))
    good = (first.contrast >= 0.8 * least) & (first.misfit <= 2 * _MISFIT) & (np.abs(first.shift) <= _SHIFT_MM)
    places, normals = places[good], normals[good]
    for _ in range(2):  # once to turn and move onto the edge, once to judge
        tangents = np.column_stack([-normals[:, 1], normals[:, 0]])
        three = [_profiles(coarse, places + t * tangents / (y, x), normals, x, y) for t in (-_ALONG_MM, 0, _ALONG_MM)]
        one, middle, other = (_fit(profiles) for profiles in three)
        mean = _fit(sum(three) / 3)  # the mean decides: less noise than at any one point
        tilt = (other.shift - one.shift) / (2 * _ALONG_MM)
        sagitta = np.abs((one.shift + other.shift) / 2 - middle.shift)
        change = np.abs(other.contrast - one.contrast) / mean.contrast
        drop = np.abs(mean.contrast / middle.contrast - 1)  # a round thing of 1 cm looks straight on the coarse scale
        good = (np.abs(tilt) <= _TILT) & (sagitta <= _SAGITTA_MM) & (change <= _CHANGE) & (drop <= _DROP)
        good &= (mean.misfit <= _MISFIT) & (np.abs(mean.shift) <= _SHIFT_MM)
        good &= (mean.contrast >= least) & (mean.contrast < GROUPS["strong"][1])
        normals = (normals - tilt[:, None] * tangents)[good]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        places = places[good] + mean.shift[good, None] * normals / (y, x)
    contrast, level = mean.contrast[good], mean.level[good]
    single = _is_one_step(image, places, normals, contrast, x, y)
    return np.column_stack([places, normals, contrast, level])[single]


def _is_one_step(
    image: np.ndarray, places: np.ndarray, normals: np.ndarray, contrast: np.ndarray, x: float, y: float
) -> np.ndarray:
    """bool [n]: whether the profile on the scale of 1 mm is that of one step of any blur; faint edges pass unseen."""
    from scipy.ndimage import gaussian_filter

    single = np.ones(len(places), dtype=bool)
    strong = np.flatnonzero(contrast >= GROUPS["strong"][0])
    if not len(strong):
        return single
    fine = gaussian_filter(image, (_FINE_MM / y, _FINE_MM / x), mode="nearest", truncate=3.0)
    tangents = np.column_stack([-normals[:, 1], normals[:, 0]])
    along = [places + side * _ALONG_MM * tangents / (y, x) for side in (-0.5, 0, 0.5)]
    profiles = sum(_profiles(fine, points[strong], normals[strong], x, y) for points in along) / 3
    misfit = np.min([_fit(profiles, blur).misfit for blur in _FINE_STEPS_MM], axis=0)
    single[strong] = misfit <= _FINE_MISFIT
    return single


def _coarse_noise(coarse: np.ndarray, x: float, y: float) -> float:
    """Noise of the coarse scale in HU: mode of its standard deviation in squares of 12 mm; 0 where there is no body."""
    level = global_noise_level(coarse[::2, ::2], (x, y))  # half the pixels, the window of 6 mm counts double
    return level if np.isfinite(level) else 0.0


def _ridges(coarse: np.ndarray, x: float, y: float, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Pixels [n, 2] where the gradient (at least `least` HU/mm) is highest along its own direction, and directions.

    About one in 4 mm: the first of a raster, not the strongest, which noise would choose.
    """
    from scipy.ndimage import map_coordinates

    down, right = np.gradient(coarse, y, x)
    size = np.hypot(down, right)
    margin_rows, margin_columns = int(np.ceil(_REACH_MM / y)), int(np.ceil(_REACH_MM / x))
    inside = np.zeros(size.shape, dtype=bool)
    inside[margin_rows:-margin_rows, margin_columns:-margin_columns] = True
    rows, columns = np.nonzero((size >= least) & inside)
    here = size[rows, columns]
    normals = np.column_stack([down[rows, columns], right[rows, columns]]) / np.maximum(here, 1e-12)[:, None]
    places = np.column_stack([rows, columns]).astype(np.float64)
    step = min(x, y)
    beside = [map_coordinates(size, (places + side * step * normals / (y, x)).T, order=1) for side in (-1, 1)]
    top = (here >= beside[0]) & (here > beside[1])
    places, normals = places[top], normals[top]
    cells = np.floor(places * (y, x) / _APART_MM).astype(np.int64)
    _, first = np.unique(cells[:, 0] * 1_000_000 + cells[:, 1], return_index=True)
    return places[first], normals[first]


@dataclass(frozen=True)
class _Fit:
    contrast: np.ndarray  # HU; negative or 0 is no edge
    level: np.ndarray
    shift: np.ndarray  # mm along the normal
    misfit: np.ndarray  # share of the contrast


_ACROSS = np.arange(-_REACH_MM, _REACH_MM + 1e-9, 0.75)


def _profiles(coarse: np.ndarray, places: np.ndarray, normals: np.ndarray, x: float, y: float) -> np.ndarray:
    """float [n, k]: the coarse slice at _ACROSS mm along the normals through places [n, 2]."""
    from scipy.ndimage import map_coordinates

    points = places[:, None] + _ACROSS[:, None] * normals[:, None] / (y, x)
    return map_coordinates(coarse, points.reshape(-1, 2).T, order=1, mode="nearest").reshape(len(places), len(_ACROSS))


def _fit(profiles: np.ndarray, blur_mm: float = _STEP_MM) -> _Fit:
    """Least squares of a step of known blur to coarse profiles [n, k]: contrast, level and shift."""
    from scipy.special import ndtr

    z = _ACROSS / blur_mm
    slope = np.exp(-(z**2) / 2) / (np.sqrt(2 * np.pi) * blur_mm)
    model = np.column_stack([np.ones_like(z), ndtr(z) - 0.5, slope])  # a shift adds −contrast · shift · slope
    found = profiles @ np.linalg.pinv(model).T
    contrast = np.where(found[:, 1] > 0, found[:, 1], np.nan)
    misfit = np.sqrt(np.mean((profiles - found @ model.T) ** 2, axis=1)) / contrast
    return _Fit(contrast, found[:, 0], -found[:, 2] / contrast, misfit)


def _blocks(places: np.ndarray, slices: int, x: float, y: float) -> np.ndarray:
    """Slices; of fewer than twelve, squares of 40 mm of each slice, since an error needs many blocks."""
    number = places[:, 0].astype(np.int64)
    if slices >= 12:
        return number
    cells = np.floor(places[:, 1:] * (y, x) / _BLOCK_MM).astype(np.int64)
    return np.unique(number * 1_000_000 + cells[:, 0] * 1_000 + cells[:, 1], return_inverse=True)[1].reshape(-1)
