"""The stored values of a slice: straight from the file, or decoded where they are compressed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..errors import InputError
from .dicom_decode import NoDecoderError, decode_frame
from .dicom_frames import Fragment, frames_of, read_frame
from .dicom_header import EXPLICIT_BIG, damaged
from .dicom_inflate import DEFLATED, Inflated
from .dicom_slices import Slice


class PixelReader:
    """Reads slices one by one. Remembers where it is in the last packed file: other frames of it come next."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._frames: list[list[Fragment]] = []
        self._inflated: Inflated | None = None

    def stored_values(self, piece: Slice) -> np.ndarray:
        """Integers [rows, columns] as stored, before slope and intercept. Raises InputError if the file is damaged."""
        stored = piece.stored
        if stored.native:
            values = self._native(piece)
        else:
            values = self._deflated(piece) if stored.syntax == DEFLATED else self._compressed(piece)
        return _without_overlay(values, stored.allocated, stored.bits) if stored.overlay else values

    def _native(self, piece: Slice) -> np.ndarray:
        stored = piece.stored
        order = ">" if stored.syntax == EXPLICIT_BIG else "<"
        dtype = np.dtype(stored.dtype).newbyteorder(order)
        offset = stored.place.offset + piece.frame * stored.frame_bytes
        values = np.fromfile(piece.path, dtype=dtype, count=stored.rows * stored.columns, offset=offset)
        if values.size != stored.rows * stored.columns:  # it became shorter since its header was read
            raise damaged(piece.path.name)
        return values.reshape(stored.rows, stored.columns)

    def _deflated(self, piece: Slice) -> np.ndarray:
        """Frames are unpacked one after the other; a frame before the last one begins the file anew."""
        stored = piece.stored
        begin = stored.place.offset + piece.frame * stored.frame_bytes
        try:
            if self._path != piece.path or self._inflated.position > begin:
                self._path, self._inflated = None, Inflated(piece.path.open("rb"))
                self._path = piece.path
            self._inflated.skip_to(begin)
            values = np.frombuffer(self._inflated.read(stored.frame_bytes), np.dtype(stored.dtype).newbyteorder("<"))
            return values.reshape(stored.rows, stored.columns)
        except ValueError as error:
            raise damaged(piece.path.name) from error

    def _compressed(self, piece: Slice) -> np.ndarray:
        stored, name = piece.stored, piece.path.name
        try:
            with piece.path.open("rb") as file:
                if self._path != piece.path:
                    self._path, self._frames = None, frames_of(file, stored.place.offset, stored.frames)
                    self._path = piece.path
                code = read_frame(file, self._frames[piece.frame])
            return decode_frame(code, stored)
        except NoDecoderError as error:
            raise _no_decoder(name, stored.syntax, error.package) from error
        except ValueError as error:
            raise InputError(
                f"The compressed pixels of {name} could not be decoded, the file is probably damaged; copy it again."
            ) from error


def _no_decoder(name: str, syntax: str, package: str) -> InputError:
    import pydicom

    if not package:
        return InputError(f"{name} is compressed in a way that cannot be read here; export the series uncompressed.")
    kind = pydicom.uid.UID(syntax).name.split(",")[0]
    return InputError(f'{name} is compressed ({kind}) and needs a decoder: run pip install "{package}" and try again.')


def _without_overlay(values: np.ndarray, allocated: int, bits: int) -> np.ndarray:
    """Clears the bits above the value, extending the sign: graphics in them are no measurement."""
    shift = values.dtype.type(allocated - bits)
    return np.right_shift(np.left_shift(values, shift), shift)
