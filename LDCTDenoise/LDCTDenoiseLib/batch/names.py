"""Names for outputs: they mirror the folders of the tree, and every file system takes them."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\..*)?", re.IGNORECASE)  # on Windows
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f\ud800-\udfff]')
_PARTS = (64, 40, 24, 12)  # characters of each part, the first that makes the whole short enough
_MOST_BYTES = 100  # of a part: encrypted folders take 143, with the model and an ending
_LONGEST = 140  # characters of the whole: Windows takes 260 with the output tree, the model and a file


def safe_name(parts: Sequence[str]) -> str:
    """The parts as one relative name. What is cut keeps a hash, so that it stays apart from others."""
    for longest in _PARTS:
        safe = [_safe_part(part, longest) for part in parts]
        if len("/".join(safe)) <= _LONGEST:
            return "/".join(safe)
    kept = 1
    while len("/".join(safe[-kept - 1 :])) < _LONGEST - 9:
        kept += 1
    return "/".join([_hash("/".join(parts[:-kept])), *safe[-kept:]])


def unique(names: Sequence[str], keys: Sequence[str]) -> list[str]:
    """The names with a part of its key behind each that another has too, on a system that tells capitals apart or not.

    All of them get one: which comes first may be another in the next scan.
    """
    common = Counter(map(_folded, names))
    named = [f"{n}-{key[:6]}" if common[_folded(n)] > 1 else n for n, key in zip(names, keys, strict=True)]
    if len(set(map(_folded, named))) == len(named):
        return named
    return [f"{n}-{key}" if common[_folded(n)] > 1 else n for n, key in zip(names, keys, strict=True)]


def shown(text: str) -> str:
    """A name as it can be printed: names of files need not be valid Unicode, and may hold line breaks."""
    return re.sub(r"[\x00-\x1f\x7f]", "?", text.encode("utf-8", "replace").decode("utf-8"))


def _safe_part(part: str, longest: int) -> str:
    safe = _FORBIDDEN.sub("_", unicodedata.normalize("NFC", part)).strip(" ").rstrip(". ")
    if not safe or safe.startswith(".") or _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    if len(safe) <= longest and len(safe.encode()) <= _MOST_BYTES:
        return safe
    cut = safe.encode()[:_MOST_BYTES].decode(errors="ignore")[: longest - 9].rstrip(". ")
    return f"{cut}-{_hash(part)}"


def _hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
