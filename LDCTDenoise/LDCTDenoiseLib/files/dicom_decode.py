"""One compressed frame as numbers.

JPEG, JPEG-LS and JPEG 2000 go through the GDCM that SimpleITK brings along, so no further package is needed. GDCM
applies slope and intercept and believes the header; therefore it is given a file of the one frame alone, whose header
says what the stream itself says, without a rescale and without anything of the patient.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import threading
from collections.abc import Iterator

import numpy as np

from ..workplace import workplace
from .dicom_codestream import CodeStream, head_of
from .dicom_rle import unpack_rle
from .dicom_slices import Stored

RLE = "1.2.840.10008.1.2.5"
_BY_GDCM = {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)}
_PLACEHOLDER = b"1.2.3"  # for identifiers that nobody reads
_SECONDARY_CAPTURE = b"1.2.840.10008.5.1.4.1.1.7"  # a class to which GDCM applies no rescale
_one_at_a_time = threading.Lock()  # standard error belongs to the whole process


class NoDecoderError(Exception):
    """The transfer syntax cannot be decoded here; `package` would help where it is not empty."""

    def __init__(self, package: str = ""):
        self.package = package


def decode_frame(code: bytes, stored: Stored) -> np.ndarray:
    """The values [rows, columns] of the frame with the stream `code`, in the type that `stored` names.

    Raises NoDecoderError, and ValueError if the stream is damaged or of another size than the header tells.
    """
    if stored.syntax == RLE:
        return unpack_rle(code, stored.rows, stored.columns, stored.dtype)
    if stored.syntax not in _BY_GDCM:
        return _by_pydicom(code, stored)
    head = head_of(code)
    if (head.rows, head.columns) != (stored.rows, stored.columns) or head.bits > stored.allocated:
        raise ValueError("the stream has another size than the header tells")
    values = _by_gdcm(code, stored, head)
    if values.shape != (stored.rows, stored.columns) or values.dtype.kind not in "iu":
        raise ValueError("the decoder made another picture")
    values = values.astype(stored.dtype)  # wraps, so bit patterns stay
    if stored.signed and head.bits < stored.allocated:  # JPEG-LS knows no sign, and GDCM leaves it so
        shift = values.dtype.type(stored.allocated - head.bits)
        values = np.right_shift(np.left_shift(values, shift), shift)
    return values


def _by_gdcm(code: bytes, stored: Stored, head: CodeStream) -> np.ndarray:
    import SimpleITK as sitk

    with workplace() as folder:
        path = folder / "frame.dcm"
        path.write_bytes(_file_of_one_frame(code, stored, head.bits))
        reader = sitk.ImageFileReader()
        reader.SetImageIO("GDCMImageIO")
        reader.SetFileName(str(path))
        try:
            with _silence():
                return sitk.GetArrayFromImage(reader.Execute()).reshape(-1, stored.columns)
        except RuntimeError as error:  # SimpleITK's only kind
            raise ValueError("the stream cannot be decoded") from error


def _by_pydicom(code: bytes, stored: Stored) -> np.ndarray:
    """With whatever decoder is installed for a transfer syntax that GDCM does not know."""
    from io import BytesIO

    import pydicom

    known, ready = _pydicom_decoder(stored.syntax)
    if not ready:
        raise NoDecoderError("ldct-denoise[codecs]" if known else "")
    try:
        values = pydicom.dcmread(BytesIO(_file_of_one_frame(code, stored, stored.bits))).pixel_array
    except Exception as error:  # each decoder raises its own kinds
        raise ValueError("the stream cannot be decoded") from error
    if values.shape != (stored.rows, stored.columns):
        raise ValueError("the decoder made another picture")
    return values.astype(stored.dtype)


def _pydicom_decoder(syntax: str) -> tuple[bool, bool]:
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


def _file_of_one_frame(code: bytes, stored: Stored, bits: int) -> bytes:
    """A DICOM file around one frame, with the least that a decoder needs to know."""
    meta = _element(0x0002, 0x0002, b"UI", _SECONDARY_CAPTURE) + _element(0x0002, 0x0003, b"UI", _PLACEHOLDER)
    meta += _element(0x0002, 0x0010, b"UI", stored.syntax.encode("ascii"))
    head = _element(0x0008, 0x0016, b"UI", _SECONDARY_CAPTURE) + _element(0x0008, 0x0018, b"UI", _PLACEHOLDER)
    head += _number(0x0002, 1) + _element(0x0028, 0x0004, b"CS", b"MONOCHROME2")
    head += _number(0x0010, stored.rows) + _number(0x0011, stored.columns)
    head += _number(0x0100, stored.allocated) + _number(0x0101, bits) + _number(0x0102, bits - 1)
    head += _number(0x0103, int(stored.signed))
    code += b"\0" * (len(code) % 2)
    pixels = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF) + _item(0xE000, b"")
    pixels += _item(0xE000, code) + _item(0xE0DD, b"")
    meta = _element(0x0002, 0x0000, b"UL", struct.pack("<I", len(meta))) + meta
    return b"\0" * 128 + b"DICM" + meta + head + pixels


def _element(group: int, element: int, kind: bytes, value: bytes) -> bytes:
    value += (b"\0" if kind == b"UI" else b" ") * (len(value) % 2)
    return struct.pack("<HH2sH", group, element, kind, len(value)) + value


def _number(element: int, value: int) -> bytes:
    return _element(0x0028, element, b"US", struct.pack("<H", value))


def _item(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, element, len(value)) + value


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keeps what GDCM's decoders print, even about sound 12-bit JPEG, off the user's screen."""
    with _one_at_a_time, contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError, ValueError):  # a program with windows may have no standard error
            if sys.stderr is not None:
                sys.stderr.flush()
            before = os.dup(2)
            stack.callback(os.close, before)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            stack.callback(os.close, nowhere)
            os.dup2(nowhere, 2)
            stack.callback(os.dup2, before, 2)
        yield
