"""do: measure. The document of before, after and, where there is one, the normal dose; the report where asked for.

The request has `before` and `after` (.npy, the same voxels), the geometry of `before`, and may have `reference`, `rois`
(one or two masks as .npy, not zero inside), `names` {"before", "after", "reference"}, `record` (how after was made) and
`report`, `json`, `csv` (files to write). The answer is {"document": …}, its images "input", "after" and "reference".
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from ..files.outputs import check_outputs
from ..files.padding import plateau_value
from ..inference.progress import JsonLines
from ..orientation import standard_orientation
from ..quality.measurement import INPUT, REFERENCE, Subject, measure, spread_evenly
from ..quality.measurement.regions import in_other_slices
from ..volume import CTVolume
from .arrays import geometry, open_array
from .kept import Kept
from .protocol import Request

IMAGES = {"before": INPUT, "after": "after", "reference": REFERENCE}  # in the request → in the document


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    outputs = {kind: request.path(kind) for kind in ("report", "json", "csv") if request.has(kind)}
    read = [request.path(role) for role in IMAGES if request.has(role)] + request.paths("rois")
    check_outputs(list(outputs.values()), True, read)  # the panel has asked whether files may be replaced
    if "report" in outputs:
        _require_matplotlib()
    subject = _subject(request)
    answer = measure(subject, talk.progress)
    _write(outputs, subject, answer)
    for text in answer["notices"]:
        talk.notice(text)
    return {"document": answer}


def _subject(request: Request) -> Subject:
    arrays = {role: open_array(request.path(role)) for role in IMAGES if role != "reference" or request.has(role)}
    masks = [open_array(path) for path in request.paths("rois")]
    for array in (*arrays.values(), *masks):
        if array.shape != arrays["before"].shape:
            raise InputError(f"The volumes have {_times(arrays['before'])} and {_times(array)} voxels; "
                             "choose volumes of the same slices.")  # fmt: skip
    spacing, origin, direction = geometry(request)
    orientation = standard_orientation(direction)
    drawn = [np.array([np.any(image) for image in orientation.apply(mask)]) for mask in masks]  # in which slices
    chosen = _chosen(arrays["before"].shape[orientation.slice_axis], drawn)
    stacks = {IMAGES[role]: _slices(orientation.apply(array), chosen) for role, array in arrays.items()}
    padding = plateau_value(arrays["before"])  # of the whole volume, since single slices do not tell
    names = request.texts("names")
    total = arrays["before"].shape[orientation.slice_axis]
    standard = CTVolume(np.broadcast_to(np.float32(0), arrays["before"].shape), spacing, origin, direction).standard()
    return Subject(
        stacks=stacks,
        spacing=standard.spacing,
        name=names.get("before", ""),
        titles={"after": names["after"]} if "after" in names else {},
        numbers=tuple(total - 1 - n if orientation.flipped[0] else n for n in chosen.tolist()),
        shape=standard.shape[::-1],
        measured=None if padding is None else stacks[INPUT] != np.float32(padding),
        rois=tuple(orientation.apply(mask)[chosen] != 0 for mask in masks),
        records={"after": request.facts("record")} if request.has("record") else {},
        notices=in_other_slices(*drawn) if len(drawn) > 1 else (),
    )


def _chosen(total: int, drawn: list[np.ndarray]) -> np.ndarray:
    """The measured slices in the standard orientation: of the whole volume, or of the first region."""
    if not drawn:
        return spread_evenly(total)
    inside = np.flatnonzero(drawn[0])
    if not len(inside):
        raise InputError("The region of interest does not meet the volume; move it into the picture.")
    return inside[spread_evenly(len(inside))]


def _slices(array: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    images = np.stack([np.asarray(array[i], dtype=np.float32) for i in chosen])
    if not np.isfinite(images).all():
        raise InputError("A volume holds values that are not finite numbers (NaN or infinity); replace them first.")
    return images


def _write(outputs: dict[str, Path], subject: Subject, answer: dict) -> None:
    from ..quality.report import write_document, write_figures_csv, write_report

    if "report" in outputs:
        from ..quality.measurement.shown import pictures_of

        write_report(outputs["report"], answer, pictures_of(subject, answer), overwrite=True)
    for kind, write in (("json", write_document), ("csv", write_figures_csv)):
        if kind in outputs:
            write(outputs[kind], answer, overwrite=True)


def _require_matplotlib() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise InputError("The report needs matplotlib, which is not installed; install it, or export figures as CSV.")


def _times(array: np.ndarray) -> str:
    return "×".join(str(side) for side in array.shape[::-1])
