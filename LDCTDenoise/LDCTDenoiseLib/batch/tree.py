"""All files below a folder, each once: links are followed, but not in circles and not to what holds the tree."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from .found import FoundFile
from .log import COLUMNS, NAME

_WINDOWS_LIMIT = 240  # characters; Windows wants a longer path in another form
_CHECKED = 256  # entries of a folder between two looks at the cancel button


@dataclass
class Tree:
    """`files` in the order of their relative names, which `names` holds beside them, with "/" between folders.

    passed_by  (relative name, sentence) of folders and files that could not be opened, and of outputs of batches.
    listings   relative name of a folder → digest of what lies in it.
    """

    files: list[FoundFile] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    passed_by: list[tuple[str, str]] = field(default_factory=list)
    listings: dict[str, str] = field(default_factory=dict)


@dataclass
class Folder:
    """What lies in one folder, hidden things left out: names, and what the system tells of them."""

    files: dict[str, os.stat_result] = field(default_factory=dict)
    folders: dict[str, os.stat_result] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)  # those of the files and folders that are links
    closed: dict[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        told = hashlib.blake2b(digest_size=8)
        for name, info in sorted(self.files.items()):
            told.update(os.fsencode(name) + f"/{info.st_size}/{info.st_mtime_ns}/".encode())
        return told.hexdigest()


def walk(
    root: Path,
    without: Iterable[Path] = (),
    *,
    progress: Callable[[int, int, str], None],
    check: Callable[[], None],
) -> Tree:
    """The tree below `root`, without hidden files and folders and without those of `without`.

    Raises OSError if `root` itself cannot be opened; what is closed below it is told in the tree.
    """
    tree, found = Tree(), {}
    been: set[tuple[int, int]] = set()
    for path in without:
        with contextlib.suppress(OSError):  # what does not exist needs no leaving out
            _is_new(extended(path).stat(), been)
    start = extended(root).stat()
    been.discard((start.st_dev, start.st_ino))
    linked: list[tuple[Path, str, os.stat_result]] = []
    pending, later = [(root, "", start)], []
    while pending or later:
        check()
        # What a link leads to comes last: what lies in the tree itself keeps its own name.
        place, relative, info = pending.pop() if pending else later.pop(0)
        if not _is_new(info, been):
            continue
        try:
            folder = look_into(place, check)
        except OSError as error:
            if not relative:
                raise
            tree.passed_by.append((relative, _closed(_reason(error))))
            continue
        if relative and NAME in folder.files and _is_log(place / NAME):
            tree.passed_by.append((relative, "It holds the outputs of a batch; choose it by itself to use them."))
            continue
        tree.listings[relative] = folder.digest()
        below = f"{relative}/" if relative else ""
        tree.passed_by += [(below + name, _closed(reason)) for name, reason in folder.closed.items()]
        for name, info in sorted(folder.folders.items(), reverse=True):  # the last is taken first
            inner = place / name, below + name, info
            if name not in folder.links:
                pending.append(inner)
            elif not _holds(inner[0], root):
                later.append(inner)
        for name, info in sorted(folder.files.items()):
            path = extended(place / name)
            if name in folder.links:
                linked.append((path, below + name, info))
            elif _is_new(info, been):
                found[below + name] = FoundFile(path, info.st_size, info.st_mtime_ns)
        progress(len(found), 0, "find")
    for path, name, info in linked:
        if _is_new(info, been):
            found[name] = FoundFile(path, info.st_size, info.st_mtime_ns)
    tree.names = sorted(found, key=lambda name: name.split("/"))
    tree.files = [found[name] for name in tree.names]
    return tree


def look_into(place: Path, check: Callable[[], None] = lambda: None) -> Folder:
    """What lies in the folder `place`. Raises OSError if it cannot be opened."""
    folder = Folder()
    with os.scandir(extended(place)) as entries:
        for number, entry in enumerate(entries):
            if number % _CHECKED == 0:
                check()
            if entry.name.startswith("."):
                continue
            is_link = entry.is_symlink() or getattr(entry, "is_junction", bool)()
            try:
                info = extended(place / entry.name).stat()
            except OSError as error:
                folder.closed[entry.name] = "a link to nothing" if is_link else _reason(error)
                continue
            if stat.S_ISDIR(info.st_mode):
                folder.folders[entry.name] = info
            elif stat.S_ISREG(info.st_mode):
                folder.files[entry.name] = info
            if is_link:
                folder.links.add(entry.name)
    return folder


def surroundings(digests: Iterable[str]) -> str:
    """One digest of several folders."""
    return hashlib.blake2b("/".join(sorted(digests)).encode(), digest_size=8).hexdigest()


def extended(path: Path) -> Path:
    """`path`, absolute, as Windows wants it if it is long; the same elsewhere."""
    return Path(extended_name(str(path))) if os.name == "nt" else path


def extended_name(path: str) -> str:
    """What Windows calls a long path."""
    if len(path) < _WINDOWS_LIMIT or path.startswith("\\\\?\\"):
        return path
    return "\\\\?\\UNC\\" + path[2:] if path.startswith("\\\\") else "\\\\?\\" + path


def _is_new(info: os.stat_result, been: set[tuple[int, int]]) -> bool:
    """Whether a thing was not met before; it is noted in `been`. What has no number is always new."""
    identity = info.st_dev, info.st_ino  # two names with the same are one thing
    if info.st_ino and identity in been:
        return False
    been.add(identity)
    return True


def _holds(folder: Path, root: Path) -> bool:
    """Whether `root` lies in `folder`, which is a link."""
    outer, inner = os.path.realpath(folder), os.path.realpath(root)
    try:
        return os.path.commonpath([outer, inner]) == outer
    except ValueError:  # on two drives
        return False


def _is_log(file: Path) -> bool:
    try:
        with extended(file).open("rb") as log:
            return ",".join(COLUMNS[:3]).encode() in log.read(100)
    except OSError:
        return False


def _closed(reason: str) -> str:
    return f"It could not be opened ({reason})."


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
