"""do: import_weights. An authors' checkpoint into the user's folder."""

from __future__ import annotations

from ..inference.progress import JsonLines
from ..weights.checkpoints import import_checkpoint
from .kept import Kept
from .protocol import Request


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    talk.progress(0, 1, "import")
    card = import_checkpoint(request.path("file"), request.text("model") if request.has("model") else None)
    return {"model": card.id}
