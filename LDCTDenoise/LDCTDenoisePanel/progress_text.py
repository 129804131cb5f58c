"""A progress event of the worker as a fraction and a text for people."""

from __future__ import annotations

from slicer.i18n import tr as _

from .wording import duration


def progressText(event: dict, draws: int = 1) -> tuple[float | None, str]:
    """(fraction 0…1 or None, text) of an event with done, total, stage and eta_s.

    draws  how often each slice is evaluated; the event counts evaluations
    """
    stage, done, total = event.get("stage", ""), event.get("done") or 0, event.get("total") or 0
    if stage == "load" or total < 1:
        return None, _("Preparing the method")
    count = -(-total // draws)
    numbers = {"number": min(count, -(-done // draws)), "count": count}
    if stage == "denoise":
        text = _("Denoising slice {number} of {count}").format(**numbers)
    elif stage == "measure":
        text = _("Measuring, step {number} of {count}").format(**numbers)
    elif stage == "read":
        text = _("Reading file {number} of {count}").format(**numbers)
    elif stage == "encode":
        text = _("Encoding slice {number} of {count}").format(**numbers)
    elif stage == "write":
        text = _("Writing file {number} of {count}").format(**numbers)
    elif stage == "scan":
        text = _("Looking at file {number} of {count}").format(**numbers)
    else:
        text = _("Computing, step {number} of {count}").format(**numbers)
    return min(1.0, done / total), withTimeLeft(text, event.get("eta_s"))


def withTimeLeft(text: str, seconds: float | None) -> str:
    """ "…, about 12 s left"; the text alone if nobody knows, or if it is over."""
    if not seconds:
        return text
    return _("{text}, about {time} left").format(text=text, time=duration(seconds))


def writingText() -> str:
    return _("Handing the volume to the worker")
