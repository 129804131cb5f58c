"""Patients' names and IDs out of what is shown and written: names of folders and files may hold them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache

SHOWN = "(patient)"
_PARTS = re.compile(r"[^/\\\"]+")
_WORD = re.compile(r"[^\s/\\\"]+")
_SPACED = re.compile(r"\S+")
_RUNS = re.compile(r"\d+|[^\W\d_]+")  # digits, letters
_REPEATED = re.compile(r"\(patient\)( \(patient\))+")
_SENTENCE = re.compile(r"\S+\s.*[.!?]", re.DOTALL)
_OF_A_FILE = re.compile(r"[/\\_]|\d.*[^\W\d_]|[^\W\d_].*\d|\w\.[a-z]", re.IGNORECASE)  # what no word of a sentence has
_OWN_LABEL = re.compile(r"index of a medium|other files")  # what `leftovers` calls what has no name
_OWN_IN_NAMES = re.compile(r"^series(?=[-_]|$)|-part(?=-\d)|^objects$")
_OWN_WORD = re.compile(  # of those that may have a capital in sentences
    "a|all|an|and|ct|dicom|each|every|files?|get|half|header|hu|images|in|its?|no|none|not|one|only|pixels|several|"
    "single|slices?|some|the|their|there|these|they|this|three|two|values|volume",
    re.IGNORECASE,
)
_AROUND = ".,;:!?()'"  # signs at the ends of a word that belong to the sentence
_SHORT = 3  # a name of so many letters, and every number, counts only where it stands alone
_DATE = 8  # digits; shorter numbers are not put together from parts
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa", "æ": "ae"})


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text` with "(patient)" for every word, and every part of a path, that holds one of `secrets`.

    Capitals do not matter, nor how umlauts are written, nor zeros before a number, nor what stands between the parts
    of a name. One letter, and numbers of one or two digits, tell of nobody. A text that ends like a sentence is one:
    there only the names of folders and files count, and words with a capital that are a name as a whole, for our own
    words tell of nobody even where a patient is called like them.
    """
    known = _Secrets.of(tuple(secrets))
    if _OWN_LABEL.fullmatch(text):
        return text
    text = _in_sentence(text, known) if _SENTENCE.fullmatch(text) else known.hide(text)
    return _REPEATED.sub(SHOWN, text)


def _in_sentence(text: str, known: _Secrets) -> str:
    """Words of files, and all between two of them in one path, are names; a sentence may begin with a file's name."""
    words = list(_SPACED.finditer(text))
    of_files = [n for n, word in enumerate(words) if _OF_A_FILE.search(word[0].strip(_AROUND))]
    paths = [n for n in of_files if re.search(r"[/\\]", words[n][0])]
    last = max(of_files, default=-1)

    def is_name(number: int) -> bool:
        word = words[number][0].strip(_AROUND)
        if number in of_files or (paths and paths[0] <= number <= paths[-1]):
            return True
        if not _RUNS.search(word) or word.isdigit() or _OWN_WORD.fullmatch(word):
            return False
        if number == 0:
            return True
        return known.is_one(word) and (not word.islower() or (number < last and len(word) > _SHORT))

    hidden, begin, number = "", 0, 0
    while number < len(words):
        end = number
        while end < len(words) and is_name(end):
            end += 1
        if end > number:  # together: a name may be written in two words
            start, stop = words[number].start(), words[end - 1].end()
            hidden += text[begin:start] + known.hide(text[start:stop])
            begin = stop
        number = end + 1
    return hidden + text[begin:]


class _Secrets:
    """Secrets sorted for looking up: a tree has some of thousands of patients."""

    def __init__(self, secrets: tuple[str, ...]):
        self._alone: set[str] = set()
        self._within: dict[str, list[str]] = {}  # by their first two letters
        self._joined: dict[str, list[str]] = {}  # without what stands between their parts, by two letters
        for secret in {spelling for text in set(secrets) for spelling in _spellings(text.strip())}:
            joined = "".join(_RUNS.findall(secret))
            if len(joined) >= (_DATE if joined.isdigit() else _SHORT + 1):
                self._joined.setdefault(joined[:2], []).append(joined)
            if secret.isdigit():
                self._alone |= {secret.lstrip("0")} if len(secret) >= _SHORT else set()
            elif secret.isascii() and secret.isalpha() and len(secret) <= _SHORT:
                self._alone |= {secret} if len(secret) > 1 else set()
            elif len(secret) > 1:
                self._within.setdefault(secret[:2], []).append(secret)

    @staticmethod
    @lru_cache(maxsize=64)
    def of(secrets: tuple[str, ...]) -> _Secrets:
        return _Secrets(secrets)

    def hide(self, name: str) -> str:
        """A name or a path without the words that hold a secret."""
        return _PARTS.sub(lambda part: self._hide_words(self._hide_joined(part[0])), name)

    def is_one(self, word: str) -> bool:
        """Whether a word is a secret as a whole, or several with hyphens between them."""
        runs = [run for spelling in _spellings(word) for run in (spelling, *_RUNS.findall(spelling))]
        return any(run in self._alone or run in self._within.get(run[:2], ()) for run in runs)

    def _hide_words(self, part: str) -> str:
        return _WORD.sub(lambda word: self._hide_word(word[0]), part)

    def _hide_word(self, word: str) -> str:
        is_secret = SHOWN not in word and any(self._is_in(_theirs(spelling)) for spelling in _spellings(word))
        return _masked(word) if is_secret else word

    def _is_in(self, word: str) -> bool:
        if any((run.lstrip("0") if run.isdigit() else run) in self._alone for run in _RUNS.findall(word)):
            return True
        return any(
            word.startswith(secret, start)
            for start in range(len(word) - 1)
            for secret in self._within.get(word[start : start + 2], ())
        )

    def _hide_joined(self, part: str) -> str:
        """Whole words of a name that together are a secret: "Schmidt Meier", "PAT 0815", "1961-03-12"."""
        words = [word for word in _WORD.finditer(part) if SHOWN not in word[0]]
        touched: set[int] = set()
        for fold in _FOLDS:
            runs = [(n, run) for n, word in enumerate(words) for run in _RUNS.findall(_theirs(fold(word[0])))]
            for first in range(len(runs)):
                touched |= self._joined_from(runs[first:])
        for n in sorted(touched, reverse=True):
            part = part[: words[n].start()] + _masked(words[n][0]) + part[words[n].end() :]
        return part

    def _joined_from(self, runs: list[tuple[int, str]]) -> set[int]:
        """The numbers of the words that a secret takes which begins with the first run and ends with one."""
        ends, text = {}, ""
        for number, run in runs:
            text += run
            ends[len(text)] = number
        for secret in self._joined.get(text[:2], ()):
            if len(secret) in ends and text.startswith(secret):
                return set(range(runs[0][0], ends[len(secret)] + 1))
        return set()


def _theirs(word: str) -> str:
    """Without what this program adds to the names of outputs."""
    return _OWN_IN_NAMES.sub("", word)


def _masked(word: str) -> str:
    core = word.strip(_AROUND)
    return word.replace(core, SHOWN) if core else SHOWN


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _german(text: str) -> str:
    """With umlauts as two letters."""
    return _plain(text).translate(_GERMAN)


def _bare(text: str) -> str:
    """With letters that have lost their dots and accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", _plain(text)) if not unicodedata.combining(c))


_FOLDS: tuple[Callable[[str], str], ...] = (_plain, _german, _bare)


def _spellings(text: str) -> set[str]:
    """In small letters, in all the ways in which umlauts are written."""
    return {fold(text) for fold in _FOLDS}
