"""The named definitions of likeness to a reference, HU range and SSIM kernel, and PSNR and RMSE after them.

A PSNR without its range says nothing: one slice scores 37.7, 35.1 or 19.5 dB depending on the window. Compare
gains over the input of the same definition. Stacks give the mean over slices of the slice's figure. SSIM is in
`similarity`; all figures of an image at once are in `against_reference`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..stacks import as_stack, check_same_shape


@dataclass(frozen=True)
class Window:
    """HU range that images are clipped to, and the kernel of SSIM: 7 × 7 uniform, or 11 × 11 Gaussian of σ 1.5."""

    low: float
    high: float
    gaussian_ssim: bool = False

    @property
    def span(self) -> float:
        """The data range of PSNR and SSIM, HU."""
        return self.high - self.low


WINDOWS: dict[str, Window] = {
    "full": Window(-1024, 3072),  # RDDM: the whole range, scikit-image's default SSIM
    "soft": Window(-160, 240),  # RED-CNN, CTformer
    "lung": Window(-1350, 150),
    "founddiff": Window(-1000, 2000, gaussian_ssim=True),
}


def psnr(image: np.ndarray, reference: np.ndarray, window: str = "full") -> float:
    """Peak signal-to-noise ratio, dB: 20 log10(range) − 10 log10(MSE); infinite for equal images.

    image, reference  [rows, columns] or [slices, rows, columns], HU
    """
    span = _window(window).span
    values = []
    for a, b in _clipped_slices(image, reference, window):
        mse = float(np.mean((a - b) ** 2))
        values.append(20 * np.log10(span) - 10 * np.log10(mse) if mse > 0 else np.inf)
    return float(np.mean(values))


def rmse(image: np.ndarray, reference: np.ndarray, window: str = "full") -> float:
    """Root of the mean squared difference, HU, over the whole image after clipping to the window."""
    return float(np.mean([np.sqrt(np.mean((a - b) ** 2)) for a, b in _clipped_slices(image, reference, window)]))


def _window(name: str) -> Window:
    if name not in WINDOWS:
        raise InputError(f"There is no window {name!r}; choose one of {', '.join(WINDOWS)}.")
    return WINDOWS[name]


def _clipped_slices(image: np.ndarray, reference: np.ndarray, window: str):
    """Pairs of slices in float64, clipped; slice by slice to keep a long volume out of memory."""
    check_same_shape(image, reference)
    chosen = _window(window)
    for a, b in zip(as_stack(image), as_stack(reference), strict=True):
        yield (np.clip(np.asarray(v, dtype=np.float64), chosen.low, chosen.high) for v in (a, b))
