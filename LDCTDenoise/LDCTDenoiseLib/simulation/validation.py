"""Is the simulated noise like the real? On true pairs: the noise that was inserted against low dose − normal dose.

Both are differences to the same normal-dose image, so no anatomy is in them.
"""

from __future__ import annotations

import numpy as np

from ..quality.stacks import as_stack, check_same_shape
from ..quality.texture.nps import find_rois, measure_nps
from ..quality.tissue import LEAST_VOXELS, classes
from .fan_scanner import DoseSimulator, FanScanner
from .place import Place

WINDOW_MM = 15.0  # side of the squares of the noise map: 4 to 5 % scatter, where 6 mm would have 12 %
DENSE = 7.5  # a line integral, 39 cm of water: what lies on so weakened a ray is as noisy as shoulders and hips
DRAWS = 4  # of the simulation, averaged in variance, so that only the real noise scatters
_DIRECTIONS = 36

# heading of each figure, for a table
FIGURES = {
    "map_error": "map error %", "map_correlation": "map r", "level": "level ×", "shape_error": "shape error %",
    "lung": "lung ×", "soft": "soft ×", "dense": "dense ×", "nps_mean_real": "NPS real /mm", "nps_mean": "NPS /mm",
    "nps_error": "NPS error %", "nps_peak_real": "peak real /mm", "nps_peak": "peak /mm", "shift": "shift HU",
    "shift_real": "real shift HU",
}  # fmt: skip


def validate(
    normal: np.ndarray,
    low: np.ndarray,
    spacing: tuple[float, float],
    scanner: FanScanner,
    dose: float = 0.25,
    reference: float = 1.0,
    seed: int = 0,
    place: Place | None = None,
) -> dict[str, float]:
    """Figures of one pair: axial slices [rows, columns] or [slices, rows, columns], HU; spacing in mm.
    place: where fan beams are computed.

    map_error, map_correlation  the map of local standard deviations (15 mm) over lung, fat and soft tissue: root mean
                                square of simulated − real in % of the mean real one, and Pearson's r
    level, shape_error          simulated over real noise as a whole (least squares), and the map's error without it
    lung, soft, dense           noise simulated over real in a tissue; dense: behind 39 cm of water or more
    lung_real, lung_simulated … the same in HU
    nps_mean, nps_peak          1/mm, of the noise in homogeneous soft tissue, and `_real`; nps_error of the mean in %
    shift, shift_real           mean change in HU over lung, fat and soft tissue
    What a slice does not have is NaN.
    """
    check_same_shape(low, normal)
    normal, low = as_stack(normal).astype(np.float32), as_stack(low)
    simulators = [DoseSimulator(slice_hu, spacing, scanner, place) for slice_hu in normal]
    floor = min(-1024.0, float(normal.min()))
    draws = []
    for number in range(DRAWS):
        rng = np.random.default_rng([seed, number])
        noise = np.stack([simulator.noise(dose, rng, reference) for simulator in simulators])
        draws.append(np.clip(normal + noise, floor, None) - normal)  # clipped as the real one is
    real = (low - normal).astype(np.float32)

    tissues = classes(normal)
    body = tissues["lung"] | tissues["fat"] | tissues["soft"]
    thick = np.stack([thickest_path(simulator) for simulator in simulators])
    regions = {"lung": tissues["lung"], "soft": tissues["soft"], "dense": body & (thick >= DENSE)}
    map_real = _noise_map([real], spacing)
    map_made = _noise_map(draws, spacing)
    row = _compare_maps(map_made[body], map_real[body])
    for name, region in regions.items():
        enough = np.count_nonzero(region) >= LEAST_VOXELS
        row[f"{name}_real"] = _rms(map_real[region]) if enough else np.nan
        row[f"{name}_simulated"] = _rms(map_made[region]) if enough else np.nan
        row[name] = row[f"{name}_simulated"] / row[f"{name}_real"]

    rois = find_rois(normal, spacing)
    theirs, ours = measure_nps(real, rois, spacing), [measure_nps(draw, rois, spacing) for draw in draws]
    row |= {
        "nps_mean_real": theirs.mean,
        "nps_mean": float(np.mean([spectrum.mean for spectrum in ours])),
        "nps_peak_real": theirs.peak,
        "nps_peak": float(np.median([spectrum.peak for spectrum in ours])),
        "nps_rois": len(rois),
    }
    row["nps_error"] = 100 * (row["nps_mean"] / row["nps_mean_real"] - 1)
    row["shift"] = float(np.mean([draw[body].mean() for draw in draws])) if body.any() else np.nan
    row["shift_real"] = float(real[body].mean()) if body.any() else np.nan
    return row


def thickest_path(simulator: DoseSimulator) -> np.ndarray:
    """The largest line integral of the rays through each pixel, float32 [rows, columns]; every 5° of half a turn."""
    beam = simulator.beam
    lines, distances = beam.parallel(simulator.thickness), beam.geometry.distances
    x, y = beam.pixel_positions
    largest = np.zeros(beam.shape, np.float32)
    for number in np.arange(_DIRECTIONS) * (beam.geometry.views // 2) // _DIRECTIONS:
        angle = 2 * np.pi * number / beam.geometry.views
        along = x * np.cos(angle) + y[:, None] * np.sin(angle)
        np.maximum(largest, np.interp(along, distances, lines[number]), out=largest)
    return largest


def _noise_map(draws: list[np.ndarray], spacing: tuple[float, float]) -> np.ndarray:
    """Local standard deviation [slices, rows, columns] of several draws of the noise, averaged in variance."""
    from scipy.ndimage import uniform_filter

    size = (1, *(max(3, round(WINDOW_MM / d)) for d in spacing[1::-1]))
    variance = [uniform_filter(d.astype(np.float64) ** 2, size) - uniform_filter(d.astype(np.float64), size) ** 2
                for d in draws]  # fmt: skip
    return np.sqrt(np.maximum(np.mean(variance, axis=0), 0))


def _compare_maps(made: np.ndarray, real: np.ndarray) -> dict[str, float]:
    if made.size < LEAST_VOXELS or not real.any() or not made.any():
        return dict.fromkeys(("map_error", "map_correlation", "level", "shape_error"), np.nan)
    level = float((made * made).sum() / (made * real).sum())
    return {
        "map_error": 100 * _rms(made - real) / float(real.mean()),
        "map_correlation": float(np.corrcoef(made, real)[0, 1]),
        "level": level,
        "shape_error": 100 * _rms(made / level - real) / float(real.mean()),
    }


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
