"""BM3D as a method for the benchmark: block matching and 3-D filtering, by the package bm3d where it is installed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...methods.contract import check_batch
from ...quality.texture.noise import noise_level_anywhere


class BM3D:
    """Fulfils `contract.Denoiser`. Dabov, Foi, Katkovnik, Egiazarian, IEEE TIP 2007; blind, with white noise of the
    slice's own global level."""

    id = "bm3d"
    uses_device = False
    is_random = False

    def denoise(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> np.ndarray:
        """See `contract.Denoiser.denoise`. A slice without noise comes back as it is."""
        import bm3d

        slices = check_batch(slices_hu, seeds)
        out = np.empty_like(slices)
        for number, image in enumerate(slices):
            noise = noise_level_anywhere(image, spacing)
            out[number] = image if noise == 0 else bm3d.bm3d(image.astype(np.float64), noise)
        return out
