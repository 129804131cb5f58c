"""What a person or another program sees while work goes on."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from typing import Any, Protocol, TextIO

from ..errors import Cancelled


class Reporter(Protocol):
    """Hears what happens; `progress` has the signature that every long function of the library calls."""

    def progress(self, done: int, total: int, stage: str) -> None: ...

    def notice(self, text: str) -> None: ...

    def result(self, facts: dict) -> None: ...

    def error(self, text: str) -> None: ...

    def close(self) -> None: ...


class Silent:
    """Nothing but errors, in plain words on standard error."""

    def progress(self, done: int, total: int, stage: str) -> None:
        pass

    def notice(self, text: str) -> None:
        pass

    def result(self, facts: dict) -> None:
        pass

    def error(self, text: str) -> None:
        print(f"ldct-denoise: {text}", file=sys.stderr)

    def close(self) -> None:
        pass


class JsonLines(Silent):
    """One JSON object a line on standard output, for the panel and other programs; `also` stands in each of them."""

    def __init__(self, out: TextIO | None = None, also: dict | None = None):
        self._out, self._also = out or sys.stdout, also or {}
        self._stage, self._begun, self._first, self._last = "", 0.0, 0, 0

    def progress(self, done: int, total: int, stage: str) -> None:
        now = time.monotonic()
        if stage != self._stage or done < self._last:  # its first report starts a stage's clock: loading is no speed
            self._stage, self._begun, self._first = stage, now, done
        self._last = done
        rate = (done - self._first) / (now - self._begun) if now > self._begun else 0.0
        eta = round((total - done) / rate, 1) if rate else None
        self._write({"event": "progress", "done": done, "total": total, "stage": stage, "eta_s": eta})

    def notice(self, text: str) -> None:
        self._write({"event": "notice", "text": text})

    def result(self, facts: dict) -> None:
        self.event("result", facts)

    def event(self, kind: str, facts: dict) -> None:
        """Any other event."""
        self._write({"event": kind, **facts})

    def error(self, text: str) -> None:
        with contextlib.suppress(Cancelled):
            self._write({"event": "error", "text": text})
        super().error(text)

    def _write(self, event: dict) -> None:
        event = {"event": event["event"], **self._also, **event}
        try:
            print(json.dumps(_without_nan(event), ensure_ascii=False, allow_nan=False), file=self._out, flush=True)
        except BrokenPipeError:  # nobody listens any more: that is how a reader says stop
            raise Cancelled from None


class Bar(Silent):
    """A progress bar a stage on standard error."""

    def __init__(self) -> None:
        self._bar, self._stage = None, ""

    def progress(self, done: int, total: int, stage: str) -> None:
        from tqdm import tqdm

        if stage != self._stage or (self._bar is not None and done < self._bar.n):
            self.close()
            unit = "step" if stage == "train" else "slice"
            self._bar, self._stage = tqdm(total=total, desc=stage, unit=unit, leave=True), stage
        self._bar.update(done - self._bar.n)

    def notice(self, text: str) -> None:
        self._say(f"Note: {text}")

    def error(self, text: str) -> None:
        self.close()
        super().error(text)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._stage = None, ""

    def _say(self, text: str) -> None:
        if self._bar is None:
            print(text, file=sys.stderr)
        else:
            self._bar.write(text, file=sys.stderr)


def reporter(kind: str) -> Reporter:
    """`auto` (a bar on a terminal, notices alone elsewhere or where tqdm is missing), `json` or `none`."""
    if kind == "json":
        return JsonLines()
    if kind == "none":
        return Silent()
    if not sys.stderr.isatty():
        return Notices()
    try:
        import tqdm  # noqa: F401
    except ImportError:
        return Notices()
    return Bar()


class Notices(Silent):
    """No bar: a file or a pipe wants no moving line, but what was noticed still belongs there."""

    def notice(self, text: str) -> None:
        print(f"Note: {text}", file=sys.stderr)


def _without_nan(value: Any) -> Any:
    """NaN and infinity as null: JSON has neither."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
