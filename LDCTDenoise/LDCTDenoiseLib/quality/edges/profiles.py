"""Mean profiles across many edges, from the pixels themselves.

Every pixel near an edge has its own distance from it, so that many edges together sample the profile far finer than
the pixels: the principle of the slanted edge (ISO 12233). Interpolating along the normals would blur what is measured.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..stacks import as_stack, pixel_size
from .places import Edges

REACH_MM = 5.0  # across the edge, on either side
ALONG_MM = 2.0  # along the edge, to either side
BIN_MM = 0.25
POSITIONS = np.arange(-REACH_MM + BIN_MM / 2, REACH_MM, BIN_MM)  # mm, negative on the dark side


class EdgeProfiles:
    """The pixels near edges, sorted by distance; made once, read for every image.

    edges     all of whose edges count, one group or a selection
    """

    def __init__(self, edges: Edges, shape: Sequence[int], spacing_xy_mm: float | Sequence[float]):
        x, y = pixel_size(spacing_xy_mm)
        self.shape = tuple(shape)[-3:]
        self.numbers, self.block = np.unique(edges.blocks, return_inverse=True)
        self.level = edges.level
        rows, columns = self.shape[-2:]
        half = np.hypot(REACH_MM, ALONG_MM)
        down, right = (np.arange(-np.ceil(half / d), np.ceil(half / d) + 1) for d in (y, x))
        down, right = (grid.reshape(-1) for grid in np.meshgrid(down, right, indexing="ij"))
        which, pixel, bins = [], [], []
        for slice_number in np.unique(edges.places[:, 0]):  # slice by slice, the windows of all would be too large
            chosen = np.flatnonzero(edges.places[:, 0] == slice_number)
            place, normal = edges.places[chosen, 1:], edges.normals[chosen]
            row, column = (np.rint(place[:, i, None]) + offset for i, offset in enumerate((down, right)))
            off_row, off_column = (row - place[:, :1]) * y, (column - place[:, 1:]) * x
            across = off_row * normal[:, :1] + off_column * normal[:, 1:]
            along = off_column * normal[:, :1] - off_row * normal[:, 1:]
            near = (np.abs(across) < REACH_MM) & (np.abs(along) <= ALONG_MM)
            near &= (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
            edge, _ = np.nonzero(near)
            which.append(chosen[edge].astype(np.int32))
            pixel.append(((slice_number * rows + row[near]) * columns + column[near]).astype(np.int64))
            bins.append(((across[near] + REACH_MM) / BIN_MM).astype(np.int32))
        self._which = np.concatenate(which) if which else np.empty(0, np.int32)
        self._pixel = np.concatenate(pixel) if pixel else np.empty(0, np.int64)
        bins = np.concatenate(bins) if bins else np.empty(0, np.int32)
        self._key = self.block[self._which] * len(POSITIONS) + bins
        self.contrast = self._summed(edges.contrast[self._which])  # [blocks, positions]: the sum to divide by

    def sums(self, hu: np.ndarray, above_level: bool = False) -> np.ndarray:
        """float64 [blocks, positions]: the sum of the pixels of an image; `above_level`: less each edge's level."""
        values = as_stack(hu).reshape(-1)[self._pixel].astype(np.float64)
        return self._summed(values - self.level[self._which] if above_level else values)

    def _summed(self, values: np.ndarray) -> np.ndarray:
        blocks, positions = len(self.numbers), len(POSITIONS)
        return np.bincount(self._key, values, minlength=blocks * positions).reshape(blocks, positions)


def mean_and_draws(sums: np.ndarray, weights: np.ndarray, draws: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Ratio of the sums over blocks [k], and that of blocks drawn with replacement [draws, k], for standard errors.

    sums, weights  [blocks, k]; the draws are the same in every call (bootstrap; Efron 1979)
    """
    blocks = len(sums)
    times = np.random.default_rng(0).multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums.sum(axis=0) / weights.sum(axis=0), (times @ sums) / (times @ weights)
