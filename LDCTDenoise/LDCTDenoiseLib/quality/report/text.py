"""How the report writes words. Whatever comes from files passes `esc` or `plain`: names can be hostile."""

from __future__ import annotations

import html
import unicodedata

_MOST_LETTERS = 400  # no honest name is longer


def plain(value: object) -> str:
    """One line without control characters, direction overrides or broken Unicode, shortened where absurdly long."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    kept = "".join(" " if letter.isspace() else letter for letter in text if _is_printed(letter))
    words = " ".join(kept.split())
    return words if len(words) <= _MOST_LETTERS else words[: _MOST_LETTERS - 1] + "…"


def esc(value: object) -> str:
    """The same, safe inside HTML text and quoted attributes."""
    return html.escape(plain(value), quote=True)


def _is_printed(letter: str) -> bool:
    kind = unicodedata.category(letter)
    return letter.isspace() or not (kind in ("Cc", "Cs", "Co", "Cn") or unicodedata.bidirectional(letter) in _OVERRIDES)


_OVERRIDES = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
