"""What will be written, checked before hours of work. What is read is never replaced."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..atomic import check_output, write_failure
from ..errors import InputError
from .endings import ending_of
from .names import require_unicode

_COMPANIONS = {".nhdr": ".raw.gz", ".mhd": ".raw"}  # header → the file that SimpleITK writes the voxels into
_LONGEST_HEADER = 1 << 16  # bytes


def check_outputs(paths: Sequence[Path], overwrite: bool, inputs: Iterable[Path | None] = ()) -> None:
    """InputError if an output could not be written later, if two are the same file, or if one replaces an input.

    inputs  every file and folder that the command reads; None for what was not given. Not even `overwrite` replaces
            one of them, nor a slice of a DICOM folder, nor the voxels that belong to a header: whatever is read here
            may be the only copy of a scan.
    """
    read = [path for path in inputs if path is not None]
    seen: set[str] = set()
    for path in paths:
        require_unicode(path)
        for file in _written(path):
            for one in read:
                if _belongs_to(file, one):
                    raise InputError(f"{_clash(path, file, one)}; inputs are never replaced: choose another name.")
            check_output(file, overwrite)
            if (whole := _whole(file)) in seen:
                raise InputError(f"{path} is named for two different outputs: give each a name of its own.")
            seen.add(whole)
    for path in {_home(path): path for path in paths}.values():
        _try_writing(path)


def _written(path: Path) -> list[Path]:
    """The file itself, and the one beside it that holds its voxels."""
    ending = ending_of(path)
    companion = _COMPANIONS.get(ending)
    return [path, path.with_name(path.name[: -len(ending)] + companion)] if companion else [path]


def _belongs_to(file: Path, read: Path) -> bool:
    """Whether `file` is what is read, or a part of it. Links and other ways to write a path do not hide it."""
    if _is_same(file, read):
        return True
    try:
        if not file.is_file():
            return False
    except OSError:  # a name too long, or a folder that is closed to us: `check_output` says so
        return False
    if ending_of(read) in _COMPANIONS:
        return any(_is_same(file, part) for part in _parts_of(read))
    if ending_of(read):
        return False
    folder = read if read.is_dir() else read.parent  # of one DICOM file all siblings are read
    return _is_same(Path(_whole(file)).parent, folder) and _is_dicom(file)


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except (OSError, ValueError):  # one of them does not exist
        return _whole(one) == _whole(other)


def _whole(path: Path) -> str:
    return os.path.normcase(os.path.realpath(path))


def _parts_of(header: Path) -> list[Path]:
    """The files that a header may name: whatever follows a colon or an equals sign, or stands alone in a line."""
    try:
        with header.open("rb") as file:
            lines = file.read(_LONGEST_HEADER).decode("utf-8", "replace").replace("\0", "").splitlines()
    except OSError:
        return []  # reading will say so
    values = [part.strip() for line in lines for part in (line, line.partition(":")[2], line.partition("=")[2])]
    return [header.parent / value for value in values if value]


def _is_dicom(file: Path) -> bool:
    from .dicom_header import read_header

    try:
        return read_header(file) is not None or file.suffix.lower() in (".dcm", ".dicom", ".ima")
    except (InputError, OSError):
        return True  # a damaged one


def _clash(path: Path, file: Path, read: Path) -> str:
    if path == read:
        return f"{path} is an input"
    return f"{path} would replace " + (f"the input {read}" if _is_same(file, read) else f"a part of the input {read}")


def _home(path: Path) -> Path:
    """The nearest folder that exists."""
    return next(parent for parent in path.absolute().parents if parent.is_dir())


def _try_writing(path: Path) -> None:
    """Rights do not tell everything: some places take no files although they seem to."""
    folder = _home(path) / f".ldct-{secrets.token_hex(6)}.part"
    try:
        folder.mkdir()
        folder.rmdir()
    except OSError as error:
        raise InputError(write_failure(path, error)) from error
