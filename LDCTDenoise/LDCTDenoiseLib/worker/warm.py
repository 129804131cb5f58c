"""do: warm. The model that will probably be asked for is loaded, checked and run on a made slice, ahead of its turn."""

from __future__ import annotations

import numpy as np

from ..errors import Cancelled, InputError
from ..inference.engine import Settings
from ..inference.progress import JsonLines
from ..volume import CTVolume
from ..weights.store import find_card
from .kept import Kept
from .protocol import Request

LARGEST_SIDE = 4096  # pixels; nothing larger is made ahead


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    """See the protocol. It ends early, between two stages, as soon as another request waits.

    On a GPU the weights are only read: its memory belongs to whoever uses it now.
    """
    card = find_card(request.text("model"))
    size = tuple(int(side) for side in request.numbers("size", 2))
    if not 1 <= min(size) <= max(size) <= LARGEST_SIDE:
        raise InputError(f"The request to the worker needs 'size' from 1 to {LARGEST_SIDE}; this is a defect.")
    settings = Settings(device=request.choice("device", "auto"), precision=request.choice("precision", "auto"))
    if kept.someone_waits():
        return {"warm": False}
    model = kept.model(card)
    if model.denoiser.uses_device and not _on_processor(settings.device):
        return {"warm": True}
    if kept.someone_waits():
        return {"warm": False}
    try:
        model.denoise(_made_slice(size), settings, cancel=kept.someone_waits)
    except Cancelled:
        return {"warm": False}
    return {"warm": True}


def _on_processor(device: str) -> bool:
    from ..inference.devices import devices_to_try

    return devices_to_try(device)[0] == "cpu"


def _made_slice(size: tuple[int, int]) -> CTVolume:
    """One slice [1, rows, columns] of noise about 0 HU: a filter that finds no noise would do nothing."""
    hu = np.random.default_rng(0).normal(0, 30, (1, *size)).astype(np.float32)
    return CTVolume(hu, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
