"""Drawn patches without noise: discs, bars and blobs of known contrast, so that a network learns to leave them alone.

Every real slice is noisy, so from real slices alone a network never sees what it should not touch at all.
"""

from __future__ import annotations

import numpy as np

BACKGROUNDS = (-1000.0, -850.0, -100.0, 0.0, 40.0, 60.0)  # HU: air, lung, fat, water, muscle, liver
LOW, HIGH = 3.0, 150.0  # |contrast| in HU, drawn log-uniformly: a lesion to a vessel with contrast medium
STRONG = 1000.0  # now and then a shape is bone, air or metal
BLUR = (0.5, 1.6)  # SD in pixels of the image's point spread


def drawn_patch(side: int, rng: np.random.Generator) -> np.ndarray:
    """float32 [side, side] HU: a background with a slow gradient and 5 to 40 ellipses and bars, blurred like CT."""
    rows, columns = np.mgrid[:side, :side].astype(np.float32)
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 20) / side
    image = rng.choice(BACKGROUNDS) + slope * (rows * np.sin(angle) + columns * np.cos(angle))
    image = image.astype(np.float32)
    for _ in range(rng.integers(1, 4)):  # organs first, details upon them
        _add(image, rows, columns, rng, size=(0.15, 0.6), strong=0.4)
    for _ in range(rng.integers(4, 37)):
        _add(image, rows, columns, rng, size=(1.0 / side, 0.06), strong=0.1)
    return _blurred(image, float(np.exp(rng.uniform(*np.log(BLUR)))))


def _add(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, rng: np.random.Generator, size, strong: float):
    """One shape somewhere in `image` (changed in place); size: half axes as a fraction of the side."""
    side = len(image)
    contrast = rng.choice((-1.0, 1.0)) * np.exp(rng.uniform(np.log(LOW), np.log(HIGH)))
    if rng.random() < strong:
        contrast = rng.uniform(-STRONG, STRONG)
    y, x = rng.uniform(0, side, 2)
    a, b = side * np.exp(rng.uniform(*np.log(size), 2))
    angle = rng.uniform(0, np.pi)
    along = (columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)
    across = (rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)
    inside = (along / a) ** 2 + (across / b) ** 2 < 1
    if rng.random() < 0.15:  # a pattern of bars
        inside &= np.sin(along * rng.uniform(0.3, 2.0)) > 0
    image[inside] += np.float32(contrast)


def _blurred(image: np.ndarray, sd: float) -> np.ndarray:
    """Gaussian blur in the frequency domain; the mirrored edge keeps one side from reaching the other."""
    side, rim = len(image), 6
    padded = np.pad(image, rim, mode="reflect")
    f = np.fft.fftfreq(side + 2 * rim)
    transfer = np.exp(-2 * (np.pi * sd) ** 2 * (f[:, None] ** 2 + np.fft.rfftfreq(side + 2 * rim) ** 2))
    blurred = np.fft.irfft2(np.fft.rfft2(padded) * transfer, s=padded.shape)
    return blurred[rim:-rim, rim:-rim].astype(np.float32)
