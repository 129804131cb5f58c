"""Against the normal dose: PSNR, SSIM, RMSE and MAE in every named definition, per tissue and per slice."""

from __future__ import annotations

from ..likeness.against_reference import SLICE, reference_figures, slice_errors, slice_figures
from .document import Findings
from .shift import Masks
from .subject import INPUT, Subject


def measure_likeness(subject: Subject, found: Findings, masks: Masks, name: str) -> None:
    """Of one image, not the reference itself; errors are over slices."""
    hu = subject.stacks[name]
    rows = slice_figures(hu, subject.reference, subject.stacks[INPUT], subject.numbers)
    errors = slice_errors(rows)
    for key, value in reference_figures(hu, subject.reference, subject.stacks[INPUT], masks, rows).items():
        found.figure(name, key, value, errors.get(key))
    for row in rows:
        found.of_slice(name, row[SLICE], **{key: value for key, value in row.items() if key != SLICE})
