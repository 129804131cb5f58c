"""Patients' names and IDs out of what is shown and written: folders, files and sentences may hold them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

SHOWN = "(patient)"
_WORD = re.compile(r"[^\s/\\\"]+")
_RUNS = re.compile(r"\d+|[^\W\d_]+")  # digits, letters
_REPEATED = re.compile(r"\(patient\)( \(patient\))+")
_AROUND = ".,;:!?()'"  # signs at the ends of a word that belong to the sentence
_SHORT = 3  # a name of so many letters, and every number, counts only where it stands alone
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text` with "(patient)" for every word, and every part of a path, that holds one of `secrets`.

    Capitals do not matter, nor how umlauts are written, nor zeros before a number. One letter, and numbers of one or
    two digits, tell of nobody.
    """
    known = _Secrets.of(tuple(secrets))
    for phrase in known.phrases:
        text = phrase.sub(SHOWN, text)
    text = _WORD.sub(lambda word: known.hide(word[0]), text)
    return _REPEATED.sub(SHOWN, text)


class _Secrets:
    """Secrets sorted for looking up: a tree has some of thousands of patients."""

    def __init__(self, secrets: tuple[str, ...]):
        self.phrases: list[re.Pattern[str]] = []  # with spaces in them
        self._alone: set[str] = set()
        self._within: dict[str, list[str]] = {}  # by their first two letters
        for secret in {spelling for text in set(secrets) for spelling in _spellings(text.strip())}:
            if " " in secret:
                self.phrases.append(re.compile(re.escape(secret).replace("\\ ", r"[\s_]+"), re.IGNORECASE))
            elif secret.isdigit():
                self._alone |= {secret.lstrip("0")} if len(secret) >= _SHORT else set()
            elif secret.isascii() and secret.isalpha() and len(secret) <= _SHORT:
                self._alone |= {secret} if len(secret) > 1 else set()
            elif len(secret) > 1:
                self._within.setdefault(secret[:2], []).append(secret)

    @staticmethod
    @lru_cache(maxsize=64)
    def of(secrets: tuple[str, ...]) -> _Secrets:
        return _Secrets(secrets)

    def hide(self, word: str) -> str:
        if word == SHOWN or not any(self._is_in(spelling) for spelling in _spellings(word)):
            return word
        core = word.strip(_AROUND)
        return word.replace(core, SHOWN) if core else SHOWN

    def _is_in(self, word: str) -> bool:
        if any((run.lstrip("0") if run.isdigit() else run) in self._alone for run in _RUNS.findall(word)):
            return True
        return any(
            word.startswith(secret, start)
            for start in range(len(word) - 1)
            for secret in self._within.get(word[start : start + 2], ())
        )


def _spellings(text: str) -> set[str]:
    """In small letters, with umlauts as two letters, and with letters that have lost their dots and accents."""
    text = unicodedata.normalize("NFC", text).casefold()
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return {text, text.translate(_GERMAN), bare}
