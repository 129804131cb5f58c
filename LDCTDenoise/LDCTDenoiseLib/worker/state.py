"""do: state. What this Python has, and which models are ready."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import numpy as np

from ..inference.progress import JsonLines
from ..methods.requirements import missing_packages, what_is_missing
from ..weights.cards import Card
from ..weights.store import PRESENT, availability, list_cards
from .kept import Kept, import_torch
from .protocol import Request


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    cards, problems = list_cards()
    torch, broken = _torch()
    return {
        "versions": {
            "python": platform.python_version(),
            "numpy": np.__version__,
            "torch": None if torch is None else str(torch.__version__),
            "scikit-image": _version("scikit-image"),
            "matplotlib": _version("matplotlib"),
        },
        "devices": _devices(torch),
        "models": [_model(card, broken) for card in cards],
        "problems": problems + ([broken] if broken else []),
    }


def _torch():
    """(the module torch or None, a sentence where it is installed but does not load)."""
    try:
        return import_torch(), None
    except ModuleNotFoundError as error:
        return None, None if error.name == "torch" else _does_not_load(error)
    except Exception as error:  # a missing library of the system is an OSError, a half installation anything
        return None, _does_not_load(error)


def _does_not_load(error: Exception) -> str:
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return f"PyTorch is installed but does not load ({what[:200]}); install it again."


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _devices(torch) -> list[dict]:
    """Best first."""
    from ..inference.hardware import available_devices

    return [{"id": id, "title": _title(id, torch)} for id in (["cpu"] if torch is None else available_devices())]


def _title(id: str, torch) -> str:
    if id.startswith("cuda"):
        return str(torch.cuda.get_device_name(id))
    if id == "mps":
        return "Apple GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"Processor, {cores} {'core' if cores == 1 else 'cores'}"


def _model(card: Card, torch_is_broken: str | None) -> dict:
    state, missing = availability(card), missing_packages(card)
    why = state if state != PRESENT else what_is_missing(missing)
    if not why and torch_is_broken and card.family != "classical":
        why = torch_is_broken
    return {
        "id": card.id,
        "title": card.title,
        "description": card.description,
        "family": card.family,
        "size": card.size,
        "licence": card.licence,
        "quality": card.quality,
        "time": card.time,
        "ready": not why,
        "why": why,
        "missing": list(missing),
    }
