"""Draws the extension's icon and the thumbnail of its sample: a thorax, noisy on the left, clean on the right.

    python Resources/draw_icon.py

Nothing in the pictures comes from a patient: the thorax is made of ellipses.
"""

from pathlib import Path

import numpy as np
from matplotlib.image import imsave

MODULE_ICONS = Path(__file__).resolve().parents[1] / "LDCTDenoise" / "Resources" / "Icons"
FINER = 8  # drawn that many times larger, then averaged: smooth edges
DIVIDER = (1.0, 0.78, 0.16)
# centre x, centre y, half width, half height, grey; in units of half the picture, y downwards
THORAX = (
    (0.0, 0.04, 0.90, 0.68, 0.55),
    (0.0, 0.04, 0.84, 0.62, 0.72),
    (-0.43, 0.00, 0.30, 0.43, 0.10),
    (0.43, 0.00, 0.30, 0.43, 0.10),
    (0.10, -0.12, 0.25, 0.26, 0.80),
    (0.0, 0.46, 0.13, 0.12, 1.00),
    (0.0, 0.46, 0.06, 0.055, 0.62),
    (0.13, 0.27, 0.075, 0.075, 0.84),
    (0.0, -0.52, 0.09, 0.035, 0.98),
    (-0.52, 0.12, 0.035, 0.035, 0.62),
    (0.50, -0.14, 0.030, 0.030, 0.60),
    (0.58, 0.16, 0.045, 0.045, 0.66),
)


def thorax(width: int, height: int) -> np.ndarray:
    """RGBA float [height, width, 4] in 0…1; transparent outside the body."""
    rows, columns = height * FINER, width * FINER
    half = min(rows, columns) / 2
    y, x = np.mgrid[:rows, :columns]
    x, y = (x + 0.5 - columns / 2) / half, (y + 0.5 - rows / 2) / half
    grey, body = np.zeros((rows, columns)), np.zeros((rows, columns), bool)
    for cx, cy, a, b, value in THORAX:
        inside = ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 < 1
        grey[inside] = value
        body |= inside
    grey = _finish(grey)
    opaque = _finish(body.astype(float))
    noise = np.random.default_rng(3).standard_normal((height // 2 + 1, width // 2 + 1)).repeat(2, 0).repeat(2, 1)
    left = np.arange(width) < width / 2
    grey = np.clip(grey + 0.17 * noise[:height, :width] * left * (opaque > 0.5), 0, 1)
    picture = np.dstack([grey, grey, grey, opaque])
    line = np.abs(np.arange(width) + 0.5 - width / 2) <= max(1.0, width / 90)
    picture[:, line, :3], picture[:, line, 3] = DIVIDER, 1
    return picture


def on_black(picture: np.ndarray) -> np.ndarray:
    """RGB: the picture on a black ground."""
    return picture[..., :3] * picture[..., 3:]


def _finish(fine: np.ndarray) -> np.ndarray:
    rows, columns = fine.shape
    return fine.reshape(rows // FINER, FINER, columns // FINER, FINER).mean((1, 3))


def main() -> None:
    MODULE_ICONS.mkdir(parents=True, exist_ok=True)
    for folder in (Path(__file__).parent, MODULE_ICONS):
        imsave(folder / "LDCTDenoise.png", thorax(128, 128))
    imsave(MODULE_ICONS / "LDCTDenoiseSample.png", on_black(thorax(260, 280)))


if __name__ == "__main__":
    main()
