"""Sound DICOM series of three small slices in every way of storing them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))

import dicom_factory as factory
from test_files_codecs import SAMPLES, stream, stream_of, with_streams

_HEIGHTS = (0.0, 2.5, 5.0)


def _files(datasets: list) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        factory.save(datasets, Path(folder))
        return {file.name: file.read_bytes() for file in sorted(Path(folder).iterdir())}


def _planes() -> np.ndarray:
    return factory.stored_values(3, 16, 20)


def _plain(syntax: str) -> Callable[[], dict[str, bytes]]:
    def make() -> dict[str, bytes]:
        big = syntax == uid.ExplicitVRBigEndian
        datasets = factory.ct_series(_planes().astype(">u2") if big else _planes(), PixelPaddingValue=0)
        for dataset in datasets:
            dataset.file_meta.TransferSyntaxUID = syntax
        return _files(datasets)

    return make


def _packed(syntax: str) -> Callable[[], dict[str, bytes]]:
    def make() -> dict[str, bytes]:
        datasets = factory.ct_series(_planes(), PixelPaddingValue=0)
        with tempfile.TemporaryDirectory() as folder:
            for dataset, plane in zip(datasets, _planes(), strict=True):
                if syntax == uid.RLELossless:
                    factory.compress(dataset, syntax)
                else:
                    with_streams(dataset, [stream(plane, syntax, Path(folder))], syntax)
        return _files(datasets)

    return make


def _foreign(name: str, rows: int, columns: int, **tags: int) -> Callable[[], dict[str, bytes]]:
    """One slice around a stream that SimpleITK cannot write."""

    def make() -> dict[str, bytes]:
        dataset = factory.ct_slice(np.zeros((rows, columns), np.uint16), (0, 0, 0), **tags)
        syntax = pydicom.dcmread(SAMPLES / name, stop_before_pixels=True).file_meta.TransferSyntaxUID
        return _files([with_streams(dataset, [stream_of(SAMPLES / name)], syntax)])

    return make


def _enhanced(packed: bool) -> Callable[[], dict[str, bytes]]:
    def make() -> dict[str, bytes]:
        dataset = factory.enhanced(_planes(), _HEIGHTS, (1, 1, 2))
        if packed:
            with tempfile.TemporaryDirectory() as folder:
                streams = [stream(plane, uid.JPEGLosslessSV1, Path(folder)) for plane in _planes()]
            with_streams(dataset, streams, uid.JPEGLosslessSV1, 2)
        return _files([dataset])

    return make


DICOM: dict[str, Callable[[], dict[str, bytes]]] = {
    "dicom": _plain(uid.ExplicitVRLittleEndian),
    "dicom implicit": _plain(uid.ImplicitVRLittleEndian),
    "dicom big endian": _plain(uid.ExplicitVRBigEndian),
    "dicom deflated": _plain(uid.DeflatedExplicitVRLittleEndian),
    "dicom rle": _packed(uid.RLELossless),
    "dicom jpeg": _packed(uid.JPEGLosslessSV1),
    "dicom jpeg 2000": _packed(uid.JPEG2000Lossless),
    "dicom jpeg-ls": _foreign("MR_small_jpeg_ls_lossless.dcm", 64, 64),
    "dicom jpeg 12": _foreign("JPGExtended.dcm", 1024, 256, BitsStored=12, HighBit=11),
    "dicom enhanced": _enhanced(False),
    "dicom enhanced jpeg": _enhanced(True),
}
