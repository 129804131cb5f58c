"""The stored values of a slice: straight from the file, or through pydicom where they are compressed."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np

from ..errors import InputError
from .dicom_header import EXPLICIT_BIG, damaged
from .dicom_slices import Slice


class PixelReader:
    """Reads slices one by one. Keeps the last file that had to be decompressed: its other frames come next."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._frames = np.empty((0, 0, 0))

    def stored_values(self, piece: Slice) -> np.ndarray:
        """Integers [rows, columns] as stored, before slope and intercept. Raises InputError if the file is damaged."""
        stored = piece.stored
        if stored.native:
            order = ">" if stored.syntax == EXPLICIT_BIG else "<"
            dtype = np.dtype(stored.dtype).newbyteorder(order)
            offset = stored.place.offset + piece.frame * stored.frame_bytes
            values = np.fromfile(piece.path, dtype=dtype, count=stored.rows * stored.columns, offset=offset)
            if values.size != stored.rows * stored.columns:  # it became shorter since its header was read
                raise damaged(piece.path.name)
            values = values.reshape(stored.rows, stored.columns)
        else:
            if self._path != piece.path:
                self._frames, self._path = _decompress(piece), piece.path
            values = self._frames[piece.frame]
        return _without_overlay(values, stored.allocated, stored.bits) if stored.overlay else values


def _decompress(piece: Slice) -> np.ndarray:
    """All frames of a compressed file: [frames, rows, columns]."""
    import pydicom

    stored = piece.stored
    name = piece.path.name
    known, ready = _decoder(stored.syntax)
    if known and not ready:
        kind = pydicom.uid.UID(stored.syntax).name.split(",")[0]
        raise InputError(
            f'{name} is compressed ({kind}) and needs a decoder: run pip install "ldct-denoise[codecs]" and try again.'
        )
    if not known:
        raise InputError(f"{name} is compressed in a way that cannot be read here; export the series uncompressed.")
    try:
        pixels = pydicom.dcmread(piece.path, force=True).pixel_array
    except OSError:
        raise
    except Exception as error:  # each decoder raises its own kinds
        raise InputError(
            f"The compressed pixels of {name} could not be decoded, the file is probably damaged; copy it again."
        ) from error
    frames = pixels.reshape(-1, *pixels.shape[-2:])
    if frames.shape != (stored.frames, stored.rows, stored.columns):
        raise damaged(name)
    return frames


def _decoder(syntax: str) -> tuple[bool, bool]:
    """Whether pydicom knows a decoder for the transfer syntax, and whether one is installed."""
    import pydicom

    uid = pydicom.uid.UID(syntax)
    with contextlib.suppress(ImportError):  # pydicom 3
        from pydicom.pixels import get_decoder

        try:
            return True, get_decoder(uid).is_available
        except NotImplementedError:
            return False, False
    # pydicom 2
    handlers = [handler for handler in pydicom.config.pixel_data_handlers if handler.supports_transfer_syntax(uid)]
    return bool(handlers), any(handler.is_available() for handler in handlers)


def _without_overlay(values: np.ndarray, allocated: int, bits: int) -> np.ndarray:
    """Clears the bits above the value, extending the sign: graphics in them are no measurement."""
    shift = values.dtype.type(allocated - bits)
    return np.right_shift(np.left_shift(values, shift), shift)
