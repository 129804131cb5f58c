"""All figures of an image against its reference: PSNR, its gain, SSIM, RMSE and MAE in every window, RMSE and MAE of
every tissue, for the volume and for each slice.

The definitions are those of `metrics` and `tissue`; here everything of a slice is computed in one pass. Keys:

    psnr_ gain_ (dB) ssim_ rmse_ mae_ (HU)  full, soft, lung, founddiff   over the whole slice, clipped to the window
    rmse_in_ mae_in_ (HU)                   air, lung, fat, soft, bone    in the reference's tissue, not clipped
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..stacks import as_stack, check_same_shape
from ..tissue import LEAST_VOXELS, classes
from .metrics import WINDOWS
from .similarity import Similarity

SliceRow = dict[str, "int | float"]
SLICE = "slice"


def reference_figures(
    stack: np.ndarray,
    reference: np.ndarray,
    before: np.ndarray | None = None,
    masks: Mapping[str, np.ndarray] | None = None,
    rows: Sequence[SliceRow] | None = None,
) -> dict[str, float]:
    """Every figure of a volume: of the windows the mean over slices, of the tissues over all their voxels.

    stack, reference  [slices, rows, columns] or [rows, columns], HU
    before            the input, for the gain; None leaves the gain out
    masks             `tissue.classes(reference)`, to compute them once for several images
    rows              `slice_figures` of the same, where they have been computed already
    A slice equal to its reference has no finite PSNR: it is left out of PSNR and gain, unless all are. NaN: a tissue
    of fewer than 50 voxels, SSIM of slices smaller than its kernel. Raises InputError for shapes that differ.
    """
    check_same_shape(stack, reference)
    rows = slice_figures(stack, reference, before) if rows is None else rows
    figures = {key: _mean(rows, key) for key in _keys(rows)}
    found = classes(reference) if masks is None else masks
    difference = as_stack(stack).astype(np.float32) - as_stack(reference)
    for name, mask in found.items():
        figures[f"rmse_in_{name}"], figures[f"mae_in_{name}"] = _rms_and_mean(difference, mask)
    return figures


def slice_figures(
    stack: np.ndarray,
    reference: np.ndarray,
    before: np.ndarray | None = None,
    numbers: Sequence[int] | None = None,
) -> list[SliceRow]:
    """One dict a slice: "slice", and psnr_, gain_, ssim_, rmse_, mae_ of every window.

    stack, reference, before  as `reference_figures`; numbers: of the slices, as stored (default 0, 1, …)
    """
    for image in (stack, before):
        if image is not None:
            check_same_shape(image, reference)
    images, references = as_stack(stack), as_stack(reference)
    inputs = [None] * len(images) if before is None else as_stack(before)
    numbers = range(len(images)) if numbers is None else numbers
    return [
        {SLICE: int(number), **_of_slice(*(None if v is None else np.asarray(v, np.float64) for v in slices))}
        for number, *slices in zip(numbers, images, references, inputs, strict=True)
    ]


def slice_errors(rows: Sequence[SliceRow]) -> dict[str, float]:
    """Standard error of the mean over slices of every figure, SD / √n; NaN for fewer than two finite values.

    It tells how far the figure depends on which slices were measured. Neighbouring slices are alike: where they
    touch, the true error is larger.
    """
    errors = {}
    for key in _keys(rows):
        values = np.array([row[key] for row in rows], np.float64)
        values = values[np.isfinite(values)]
        errors[key] = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return errors


def _of_slice(image: np.ndarray, reference: np.ndarray, before: np.ndarray | None) -> dict[str, float]:
    figures = {}
    for name, window in WINDOWS.items():
        a, b = (np.clip(v, window.low, window.high) for v in (image, reference))
        value, mse, mae = _likeness(a, b, window.span)
        figures[f"psnr_{name}"] = value
        if before is not None:
            former = (
                value if before is image else _likeness(np.clip(before, window.low, window.high), b, window.span)[0]
            )
            figures[f"gain_{name}"] = 0.0 if value == former else value - former  # also where both are infinite
        figures[f"ssim_{name}"] = Similarity(b, window).to(a)
        figures[f"rmse_{name}"] = float(np.sqrt(mse))
        figures[f"mae_{name}"] = mae
    return figures


def _likeness(image: np.ndarray, reference: np.ndarray, span: float) -> tuple[float, float, float]:
    """PSNR in dB, mean squared and mean absolute difference of clipped slices."""
    difference = image - reference
    mse = float(np.mean(difference**2))
    value = 20 * np.log10(span) - 10 * np.log10(mse) if mse > 0 else np.inf
    return float(value), mse, float(np.mean(np.abs(difference)))


def _mean(rows: Sequence[SliceRow], key: str) -> float:
    """Mean over slices; of PSNR and gain over those with a finite PSNR, where there are any."""
    figure, _, window = key.partition("_")
    if figure in ("psnr", "gain"):
        rows = [row for row in rows if np.isfinite(row[f"psnr_{window}"])] or rows
    return float(np.mean([row[key] for row in rows]))


def _rms_and_mean(difference: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    values = difference[as_stack(mask)].astype(np.float64)
    if len(values) < LEAST_VOXELS:
        return float("nan"), float("nan")
    return float(np.sqrt(np.mean(values**2))), float(np.mean(np.abs(values)))


def _keys(rows: Sequence[SliceRow]) -> list[str]:
    return [key for key in rows[0] if key != SLICE] if rows else []
