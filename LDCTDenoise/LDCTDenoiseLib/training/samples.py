"""The sample sheet: what the network makes of validation slices at this step, to be looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..networks import RDDMUNet
from ..quality.picture import difference_limit, sensible_window
from ..quality.sheet import Cell, picture_sheet
from .validation import DOSE, ValidationSet

MOST_SLICES = 4


def draw_samples(folder: Path, step: int, validation: ValidationSet, network: RDDMUNet, device: str = "cpu") -> Path:
    """`samples/step_00500.png` in the folder: low dose, output, normal dose and difference, a row for each slice."""
    count = len(validation.low)
    chosen = sorted({int(i) for i in np.linspace(0, count - 1, min(count, MOST_SLICES)).round()})
    rows = []
    for number in chosen:
        low, output, normal = validation.images(network.to(device), number, 0, device)
        window = sensible_window(normal)
        difference = output - low
        limit = difference_limit(difference)
        rows.append(
            [
                Cell(f"{DOSE:g} of the dose · {validation.names[number]}", low, window),
                Cell("output", output, window),
                Cell("normal dose", normal, window),
                Cell("output − low dose", difference, (-limit, limit), difference=True),
            ]
        )
    path = folder / "samples" / f"step_{step:05d}.png"
    picture_sheet(path, rows, header=f"Step {step}, averaged weights")
    return path
