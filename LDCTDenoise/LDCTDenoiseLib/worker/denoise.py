"""do: denoise. One volume, or a part of one, with the model that is kept warm."""

from __future__ import annotations

import numpy as np

from ..inference.engine import Settings
from ..inference.progress import JsonLines
from ..weights.store import find_card
from .arrays import read_volume, write_array
from .kept import Kept
from .protocol import Request


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    """See the protocol; `origin` of the result is that of the output's first voxel, LPS mm."""
    output = request.path("output")
    card = find_card(request.text("model"))
    settings = _settings(request)
    talk.progress(0, 1, "load")
    volume = read_volume(request, talk.notice)
    settings.check(volume.axial_count)
    model = kept.model(card)
    talk.progress(1, 1, "load")
    callbacks = {"progress": talk.progress, "notice": talk.notice}
    result = model.denoise(volume, settings, **callbacks, in_place=True, spread=False)
    write_array(output, result.volume.hu, np.dtype(volume.source.dtype))
    return {"record": result.record, "output": str(output), "origin": result.volume.origin}


def _settings(request: Request) -> Settings:
    return Settings(
        seed=request.whole("seed", 0),
        draws=request.whole("draws", 1),
        device=request.choice("device", "auto"),
        precision=request.choice("precision", "auto"),
        slices=request.range("slices"),
        first_slice=request.whole("first_slice", 0),
        total_slices=request.whole("total_slices", None),
        steps=request.whole("steps", None),
    )
