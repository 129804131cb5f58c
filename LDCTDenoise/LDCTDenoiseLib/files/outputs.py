"""What will be written, checked before hours of work. What is read is never replaced."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..atomic import check_output, write_failure
from ..errors import InputError
from ..workplace import workplace
from .endings import ending_of
from .names import require_unicode

_COMPANIONS = {".nhdr": ".raw.gz", ".mhd": ".raw"}  # header → the file that SimpleITK writes the voxels into
_LONGEST_HEADER = 1 << 16  # bytes
_OF_A_RESULT = re.compile(r"IM-\d{4,}\.dcm")


def check_outputs(
    paths: Sequence[Path], overwrite: bool, inputs: Iterable[Path | None] = (), folders: Sequence[Path] = ()
) -> None:
    """InputError if an output could not be written later, if two are the same file, or if one replaces an input.

    paths    files that will be written
    inputs   every file and folder that the command reads; None for what was not given. Not even `overwrite` replaces
             one of them, nor a slice of a DICOM folder, nor the voxels that belong to a header: whatever is read here
             may be the only copy of a scan.
    folders  folders that will be written, each as a whole: a former one is replaced with all that is in it
    """
    read = [path for path in inputs if path is not None]
    seen: set[str] = set()
    for folder in folders:
        require_unicode(folder)
        refuse_beside_inputs(folder, read)
        check_output_folder(folder, overwrite)
        for path in paths:
            if _lies_in(path, folder):
                raise InputError(f"{path} lies in the folder {folder}, which is an output itself: put it beside that.")
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
    for path in {_home(path): path for path in (*paths, *folders)}.values():
        _try_writing(path)


def check_output_folder(folder: Path, overwrite: bool) -> None:
    """InputError if a DICOM series could not be written as `folder` later.

    With `overwrite` a former result is replaced, never a folder with anything else in it, such as somebody's scans.
    """
    check_output(folder / "IM-0001.dcm", overwrite=True)  # whether the place takes files
    try:
        inside = [file.name for file in folder.iterdir()] if folder.is_dir() else []
    except OSError as error:
        raise InputError(write_failure(folder, error)) from error
    if inside and not overwrite:
        raise InputError(
            f"{folder} holds files already; choose another folder, or allow it to be replaced (--overwrite)."
        )
    if not all(_OF_A_RESULT.fullmatch(name) for name in inside):
        raise InputError(
            f"{folder} holds files that are no result of this program and is not replaced; choose another folder."
        )


def refuse_beside_inputs(folder: Path, inputs: Iterable[Path]) -> None:
    """InputError if the output `folder` holds an input, or lies in the folder of a DICOM series that is one."""
    for read in inputs:
        home = read if read.is_dir() else read.parent
        if _lies_in(read, folder) or (_lies_in(folder, home) and not ending_of(read)):
            raise InputError(f"{folder} and the input {read} lie in each other; choose a folder beside the input's.")


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


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder` or anything below it, however both are written."""
    inner, outer = Path(_whole(path)), Path(_whole(folder))
    return inner == outer or outer in inner.parents or any(_is_same(parent, folder) for parent in (path, *path.parents))


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
    try:
        with workplace(_home(path)):
            pass
    except OSError as error:
        raise InputError(write_failure(path, error)) from error
