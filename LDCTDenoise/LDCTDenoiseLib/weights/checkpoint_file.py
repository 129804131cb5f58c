"""Opening a checkpoint that somebody downloaded: what is not one gets a sentence, what is hostile is not loaded."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import BinaryIO

from ..errors import InputError
from .checkpoint_pickle import is_only_data
from .store import require_torch

MAX_BYTES = 4 * 1024**3  # the largest known checkpoint of these methods has about 2.1 GB

_ZIP = b"PK\x03\x04"
_PICKLE = b"\x80"  # PyTorch before 1.6 wrote bare pickles, followed by the numbers
_PICKLES = 5  # a mark, the format's version, the machine, the content, the names of the storages


def open_checkpoint(path: Path) -> object:
    """What `torch.save` put into the file: tensors (on the CPU, mapped from the file), numbers and texts in
    dicts and lists. No code in the file is ever run.

    Raises InputError for anything else: no file, a folder, a web page, a Git LFS pointer, an archive of something
    else, a file that is cut off, damaged, unreasonably large, or holds more than data.
    """
    torch = require_torch()
    try:
        kind = _kind(path)
        if kind == "zip":
            _check_archive(path)
        else:
            with path.open("rb") as file:
                _check_pickle(path, file, _PICKLES)
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check your right to read it.") from error
    try:
        # mapped, so that optimizer states and models of no interest never take memory
        return torch.load(str(path), map_location="cpu", weights_only=True, mmap=kind == "zip")
    except pickle.UnpicklingError as error:
        raise InputError(_holds_more(path)) from error
    except Exception as error:  # PyTorch raises nearly anything on nonsense
        raise InputError(_damaged(path)) from error


def _kind(path: Path) -> str:
    """ "zip" or "pickle"; InputError for all that cannot be a checkpoint."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give the checkpoint file (.pth) itself.")
    if not path.is_file():
        raise InputError(f"{path} does not exist; check the spelling.")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path.name} is empty; download it again.")
    if size > MAX_BYTES:
        raise InputError(f"{path.name} is larger than 4 GB, which no checkpoint of these methods is.")
    with path.open("rb") as file:
        head = file.read(64 * 1024)
    text = head.lower()
    if text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"<!doctype html", b"<html", b"<head", b"<?xml")):
        raise InputError(_web_page(path, b"virus" in text or b"google" in text))
    if head.startswith(b"version https://git-lfs.github.com/spec/"):
        raise InputError(f"{path.name} is only a Git LFS pointer to a checkpoint; run git lfs pull to get the file.")
    if head.startswith(_ZIP):
        return "zip"
    if head.startswith(_PICKLE):
        return "pickle"
    raise InputError(f"{path.name} is not a PyTorch checkpoint; give the .pth file that the authors offer.")


def _web_page(path: Path, from_google: bool) -> str:
    if from_google:
        return (
            f"{path.name} is a web page and no checkpoint: Google Drive asks first, because it makes no virus scan of "
            "large files. Open the link in a browser, confirm the download, and import that file."
        )
    return f"{path.name} is a web page and no checkpoint; download the file itself, for instance with a browser."


def _check_archive(path: Path) -> None:
    """A checkpoint is a ZIP of uncompressed records. Its sizes are believed only after they have been compared with
    the file's, and its checksums are verified here, because mapped records are not verified by PyTorch."""
    try:
        with zipfile.ZipFile(path) as archive:
            records = archive.infolist()
            if not any(_is_index(record) for record in records):
                inside = [r.filename for r in records if r.filename.lower().endswith((".pth", ".pt", ".ckpt"))]
                what = f"unpack it and import {Path(inside[0]).name}" if inside else "give the .pth file"
                raise InputError(f"{path.name} is a ZIP archive and no checkpoint; {what}.")
            unpacked = sum(record.file_size for record in records)
            if unpacked > path.stat().st_size or any(r.compress_type != zipfile.ZIP_STORED for r in records):
                raise InputError(
                    f"{path.name} was not loaded: its records are compressed or overlap, which PyTorch never does; "
                    "use only the file that the authors offer."
                )
            if archive.testzip() is not None:
                raise InputError(_damaged(path))
            with archive.open(next(record for record in records if _is_index(record))) as file:
                _check_pickle(path, file)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        if isinstance(error, InputError):  # it is a ValueError
            raise
        raise InputError(_damaged(path)) from error


def _is_index(record: zipfile.ZipInfo) -> bool:
    """The pickle that names the tensors."""
    return record.filename.split("/")[-1] == "data.pkl"


def _check_pickle(path: Path, file: BinaryIO, pickles: int = 1) -> None:
    if not is_only_data(file, pickles):
        raise InputError(_holds_more(path))


def _holds_more(path: Path) -> str:
    return (
        f"{path.name} contains code or objects other than tensors and was not loaded; "
        "use only the file that the authors offer."
    )


def _damaged(path: Path) -> str:
    return f"{path.name} is damaged or was not downloaded to its end; download it again."
