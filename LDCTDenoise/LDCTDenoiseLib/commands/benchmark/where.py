"""What is measured at the moment: on a terminal one line that is written over, elsewhere nothing."""

from __future__ import annotations

import shutil
import sys


class Line:
    """Used with `with`, so that no end leaves it standing. Notices go past it to the reporter."""

    def __init__(self, reporter):
        self._reporter, self._shown = reporter, ""

    def now(self, text: str) -> None:
        if sys.stderr.isatty():
            text = text[: shutil.get_terminal_size().columns - 1]  # a line that breaks cannot be written over
            print(f"\r{text:{len(self._shown)}s}", end="", file=sys.stderr, flush=True)
            self._shown = text

    def notice(self, text: str) -> None:
        self.wipe()
        self._reporter.notice(text)

    def wipe(self) -> None:
        """Before anything else is printed."""
        if self._shown:
            print(f"\r{'':{len(self._shown)}s}\r", end="", file=sys.stderr, flush=True)
            self._shown = ""

    def __enter__(self) -> Line:
        self._reporter.close()  # a bar of the reading
        return self

    def __exit__(self, *_) -> None:
        self.wipe()
