"""The classical peers: six filters that choose their strength from the noise they measure in the slice.

None needs weights, a device or tuning. What a filter compares with noise (a difference of two pixels, a step across
an edge) is given in multiples of the slice's global noise level, see `quality.texture.noise`. NLM and the two
fixed filters have their customary settings; those of the other three were chosen for PSNR, full range and soft tissue
together, on 28 normal-dose slices of ten public series with simulated coloured noise of 25 and 60 HU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from ..errors import InputError
from ..quality.texture.noise import noise_level_anywhere
from .contract import check_batch


class SliceFilter:
    """A deterministic filter of single slices; fulfils `contract.Denoiser`.

    A filter says how it treats one slice in `filter_slice(slice_hu, noise)`: float32 [rows, columns] in HU and the
    global noise level in HU (above 0), same shape out. It must not write on what it is given.
    """

    id: ClassVar[str]
    uses_device: ClassVar[bool] = False
    is_random: ClassVar[bool] = False
    is_blind: ClassVar[bool] = True  # False: fixed strength, no need to measure the noise
    packages: ClassVar[tuple[str, ...]] = ()  # modules that it needs and that may be missing

    def denoise(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> np.ndarray:
        """See `contract.Denoiser.denoise`. A slice without noise comes back as it is."""
        slices = check_batch(slices_hu, seeds)
        out = np.empty_like(slices)
        for number, image in enumerate(slices):
            noise = noise_level_anywhere(image, spacing) if self.is_blind else float("nan")
            out[number] = image if noise == 0 else self.filter_slice(image, noise)
        return out

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        raise NotImplementedError


@dataclass
class Gaussian(SliceFilter):
    """Gaussian smoothing of fixed width; `sigma` in pixels."""

    id: ClassVar[str] = "gaussian"
    is_blind: ClassVar[bool] = False
    sigma: float = 0.8

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        from scipy.ndimage import gaussian_filter

        return gaussian_filter(slice_hu, self.sigma, mode="nearest")


@dataclass
class Median(SliceFilter):
    """Median of a square; `size` in pixels."""

    id: ClassVar[str] = "median"
    is_blind: ClassVar[bool] = False
    size: int = 3

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        from scipy.ndimage import median_filter

        return median_filter(slice_hu, size=self.size, mode="nearest")


@dataclass
class NonLocalMeans(SliceFilter):
    """Non-local means (Buades, Coll, Morel, CVPR 2005), scikit-image's fast mode, weights by patches.

    patch_size, patch_distance in pixels; `strength` × global noise level is the filter's h.
    """

    id: ClassVar[str] = "nlm"
    packages: ClassVar[tuple[str, ...]] = ("skimage",)
    patch_size: int = 4
    patch_distance: int = 5
    strength: float = 0.95

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        filtered = _scikit_image(self.id).denoise_nl_means(
            slice_hu,
            patch_size=self.patch_size,
            patch_distance=self.patch_distance,
            h=self.strength * noise,
            fast_mode=True,
        )
        return filtered.reshape(slice_hu.shape)  # scikit-image drops axes of one pixel


@dataclass
class TotalVariation(SliceFilter):
    """Total variation (Rudin, Osher, Fatemi 1992; Chambolle's algorithm 2004): min |∇u| + |u − slice|² / (2 weight).

    weight = `strength` × global noise level; `tolerance` is the relative change of energy that ends the iteration.
    """

    id: ClassVar[str] = "tv"
    packages: ClassVar[tuple[str, ...]] = ("skimage",)
    strength: float = 0.7
    tolerance: float = 5e-5

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        restoration = _scikit_image(self.id)
        return restoration.denoise_tv_chambolle(slice_hu, weight=self.strength * noise, eps=self.tolerance)


@dataclass
class Bilateral(SliceFilter):
    """Bilateral filter (Tomasi, Manduchi, ICCV 1998): mean of near pixels of similar HU.

    Gaussian weights: `sigma` in pixels of distance, `strength` × global noise level in HU of difference;
    `radius` in pixels ends the (round) neighbourhood.
    """

    id: ClassVar[str] = "bilateral"
    sigma: float = 2.0
    strength: float = 1.75
    radius: int = 4

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        total = slice_hu.copy()  # the pixel itself has weight 1
        weights = np.ones_like(slice_hu)
        rows, columns = slice_hu.shape
        falloff = np.float32(-0.5 / (self.strength * noise) ** 2)
        # A pair of pixels has one weight, so half of the offsets serve both of its ends.
        for down in range(min(self.radius, rows - 1) + 1):
            for right in range(-self.radius, self.radius + 1):
                if (down == 0 and right <= 0) or down**2 + right**2 > self.radius**2 or abs(right) >= columns:
                    continue
                here = np.s_[: rows - down, max(0, -right) : columns - max(0, right)]
                there = np.s_[down:, max(0, right) : columns - max(0, -right)]
                pair = slice_hu[there] - slice_hu[here]
                pair *= pair
                pair *= falloff
                pair -= np.float32((down**2 + right**2) / (2 * self.sigma**2))
                np.exp(pair, out=pair)
                weights[here] += pair
                weights[there] += pair
                total[here] += pair * slice_hu[there]
                total[there] += pair * slice_hu[here]
        return total / weights


@dataclass
class AnisotropicDiffusion(SliceFilter):
    """Modified curvature diffusion (Whitaker, Xue, ICIP 2001), ITK's CurvatureAnisotropicDiffusion in 2-D.

    A step of `strength` × global noise level HU per pixel is where smoothing gives way to an edge;
    `iterations` of `time_step` (stable up to 0.125 in 2-D).
    """

    id: ClassVar[str] = "anisotropic-diffusion"
    strength: float = 1.5
    iterations: int = 5
    time_step: float = 0.125

    def filter_slice(self, slice_hu: np.ndarray, noise: float) -> np.ndarray:
        import SimpleITK as sitk

        # ITK counts conductance in units of the image's own mean gradient, which grows with bone and skin in view;
        # dividing by it ties the edge threshold to the noise alone.
        gradient = sum(np.mean(np.square(g, dtype=np.float64)) for g in _central_differences(slice_hu))
        if gradient == 0:
            return slice_hu
        filtered = sitk.CurvatureAnisotropicDiffusion(
            sitk.GetImageFromArray(slice_hu),
            timeStep=self.time_step,
            conductanceParameter=self.strength * noise / float(np.sqrt(gradient)),
            conductanceScalingUpdateInterval=self.iterations + 1,
            numberOfIterations=self.iterations,
        )
        return sitk.GetArrayFromImage(filtered)


FILTERS: dict[str, type[SliceFilter]] = {
    kind.id: kind for kind in (NonLocalMeans, Bilateral, TotalVariation, Gaussian, Median, AnisotropicDiffusion)
}


def make_filter(id: str, **parameters: float) -> SliceFilter:
    """The classical filter `id` with the parameters of its model card; those left out have the filter's defaults.

    Raises InputError for an unknown id or parameter.
    """
    if id not in FILTERS:
        raise InputError(f"There is no classical filter {id!r}; choose one of {', '.join(FILTERS)}.")
    known = [field.name for field in fields(FILTERS[id])]
    for name in parameters:
        if name not in known:
            raise InputError(f"The filter {id} has no parameter {name!r}; it has {', '.join(known)}.")
    return FILTERS[id](**parameters)


def _central_differences(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives per pixel along rows and columns with the border repeated, as ITK takes them."""
    padded = np.pad(image, 1, mode="edge")
    return (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2, (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2


def _scikit_image(id: str):
    try:
        from skimage import restoration
    except ImportError as error:
        raise InputError(f"The filter {id} needs scikit-image: pip install scikit-image.") from error
    return restoration
