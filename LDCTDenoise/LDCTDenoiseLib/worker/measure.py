"""do: measure. Noise, HU shift and, against a normal-dose reference, similarity: a first table."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..errors import InputError
from ..files.padding import plateau_value
from ..inference.progress import JsonLines
from ..orientation import standard_orientation
from ..quality.metrics import psnr, ssim
from ..quality.noise import global_noise_level
from ..quality.tissue import bias, classes
from .arrays import geometry, open_array
from .kept import Kept
from .protocol import Request

MOST_SLICES = 40  # evenly from the whole volume: enough for the figures, and a matter of seconds
TISSUES = {"air": "air", "lung": "lung", "fat": "fat", "soft": "soft tissue", "bone": "bone"}
WINDOWS = {"full": "full range", "soft": "soft tissue"}


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    names = [name for name in ("before", "after", "reference") if name != "reference" or request.has(name)]
    arrays = {name: open_array(request.path(name)) for name in names}
    for name in names[1:]:
        if arrays[name].shape != arrays["before"].shape:
            raise InputError(f"The volumes have {_times(arrays['before'])} and {_times(arrays[name])} voxels; "
                             "choose volumes of the same slices.")  # fmt: skip
    spacing, _, direction = geometry(request)
    orientation = standard_orientation(direction)
    pixel = tuple(spacing[2 - axis] for axis in (orientation.order[2], orientation.order[1]))
    total = arrays["before"].shape[orientation.slice_axis]
    chosen = np.unique(np.linspace(0, total - 1, min(MOST_SLICES, total)).round().astype(int))
    images = {name: _slices(orientation.apply(array), chosen) for name, array in arrays.items()}
    measured = images["before"] != _value_of_padding(arrays["before"])

    steps = _Steps(talk, 3 + (4 if "reference" in images else 0))
    rows = _noise(images, pixel, steps, talk.notice)
    rows += _shift(images, measured, steps)
    if "reference" in images:
        rows += _similarity(images, steps, talk.notice)
    return {"slices": f"{len(chosen)} of {total}", "rows": rows}


class _Steps:
    """Progress in steps of a second or two."""

    def __init__(self, talk: JsonLines, total: int):
        self._talk, self._total, self._done = talk, total, 0
        talk.progress(0, total, "measure")

    def done(self) -> None:
        self._done += 1
        self._talk.progress(self._done, self._total, "measure")


def _noise(images: dict[str, np.ndarray], pixel: tuple, steps: _Steps, notice: Callable[[str], None]) -> list[dict]:
    levels = []
    for name in ("before", "after"):
        levels.append(global_noise_level(images[name], pixel))
        steps.done()
    before, after = levels
    if not (math.isfinite(before) and math.isfinite(after)):
        notice("The noise cannot be measured, because there is too little soft tissue in these slices.")
    change = _signed(100 * (after / before - 1), 0, " %") if before > 0 else ""
    return [_row("Noise level", "HU", before, after, change)]


def _shift(images: dict[str, np.ndarray], measured: np.ndarray, steps: _Steps) -> list[dict]:
    """Mean of after − before by tissue; a tissue that is not in the picture has no row."""
    masks = {name: mask & measured for name, mask in classes(images["before"]).items()}
    found = bias(images["after"], images["before"], masks)
    steps.done()
    return [_row(f"Shift, {TISSUES[name]}", "HU", None, v, "") for name, v in found.items() if math.isfinite(v)]


def _similarity(images: dict[str, np.ndarray], steps: _Steps, notice: Callable[[str], None]) -> list[dict]:
    rows = []
    for window, title in WINDOWS.items():
        before, after = (psnr(images[name], images["reference"], window) for name in ("before", "after"))
        rows.append(_row(f"PSNR, {title}", "dB", before, after, _signed(after - before, 1, " dB")))
        steps.done()
    for window, title in WINDOWS.items():
        try:
            before, after = (ssim(images[name], images["reference"], window) for name in ("before", "after"))
        except InputError:  # scikit-image is missing
            notice("SSIM is left out of the table, because it needs scikit-image, which is not installed.")
            break
        rows.append(_row(f"SSIM, {title}", "", before, after, _signed(after - before, 3, "")))
        steps.done()
    return rows


def _row(quantity: str, unit: str, before: float | None, after: float, change: str) -> dict:
    return {"quantity": quantity, "unit": unit, "before": before, "after": after, "change": change}


def _signed(value: float, digits: int, unit: str) -> str:
    """ "+4.9 dB", "−54 %"; nothing for what is no number."""
    if not math.isfinite(value):
        return ""
    text = f"{value:+.{digits}f}"
    return ("0" + text[2:] if float(text) == 0 else text.replace("-", "−")) + unit


def _slices(array: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    images = np.stack([np.asarray(array[i], dtype=np.float32) for i in chosen])
    if not np.isfinite(images).all():
        raise InputError("A volume holds values that are not finite numbers (NaN or infinity); replace them first.")
    return images


def _value_of_padding(array: np.ndarray) -> float:
    """In the whole volume, since single slices do not tell; NaN, which equals nothing, where there is none."""
    value = plateau_value(array)
    return float("nan") if value is None else value


def _times(array: np.ndarray) -> str:
    return "×".join(str(side) for side in array.shape[::-1])
