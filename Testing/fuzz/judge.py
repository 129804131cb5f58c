"""Reads one case and says what is wrong with the answer, if anything is."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume
from LDCTDenoiseLib.files.regions import read_regions

from .cases import Case
from .samples import volume

_LONGEST = 500  # characters of a sentence


@dataclass(frozen=True)
class Verdict:
    """`fault` is empty if the answer was allowed; `bytes` is what the answer itself takes."""

    answer: str
    fault: str = ""
    bytes: int = 0


def judge(case: Case) -> Verdict:
    try:
        answer = _read(case)
    except InputError as error:
        return Verdict("refused", _fault_of_sentence(str(error), case.path), 0)
    except Exception:
        return Verdict("failed", traceback.format_exc())
    arrays = [answer.hu] if isinstance(answer, CTVolume) else answer
    fault = _fault_of_volume(answer) if isinstance(answer, CTVolume) else ""
    return Verdict("read", fault, sum(array.nbytes for array in arrays))


def _read(case: Case) -> CTVolume | list[np.ndarray]:
    if case.kind in ("labels", "markups"):
        return read_regions(case.path, volume())
    if case.kind == "card":
        from LDCTDenoiseLib.weights.cards import Card

        Card.from_file(case.path)
        return []
    if case.kind == "safetensors":
        from LDCTDenoiseLib.weights.safetensors_file import read_tensors

        return [tensor.numpy() for tensor in read_tensors(case.path.read_bytes()).values() if tensor.numel()]
    if case.kind.startswith("checkpoint"):
        from LDCTDenoiseLib.weights import import_checkpoint

        import_checkpoint(case.path, "fine")
        return []
    return read_volume(case.path)


def _fault_of_sentence(text: str, path: Path) -> str:
    inside = text.replace(str(path), "PATH")
    if "\n" in text or not text.endswith((".", "?")) or len(inside) > _LONGEST or not text.isprintable():
        return f"no plain sentence: {text!r}"
    if re.search("Mustermann|Erika|4711|Thorax", inside):
        return f"tells of the patient: {text!r}"
    return ""


def _fault_of_volume(answer: CTVolume) -> str:
    if not np.isfinite(answer.hu).all():
        return "values that are not finite"
    if not (np.isfinite(answer.spacing).all() and min(answer.spacing) > 0 and np.isfinite(answer.origin).all()):
        return f"an impossible place: spacing {answer.spacing}, origin {answer.origin}"
    if not np.isfinite(answer.direction).all() or abs(np.linalg.det(answer.direction)) < 1e-6:
        return f"impossible directions {answer.direction.tolist()}"
    return ""
