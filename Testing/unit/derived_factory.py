"""Derived series for tests: a source, something done to it, and what was written, slice beside slice."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dicom_factory as factory
import numpy as np
import pydicom
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.files import read_volume, write_volume
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.tag import Tag

CHECKSUM = "0123456789abcdef" * 4
RECORD = {
    "software": "LDCTDenoise", "version": "0.1.0", "use": "For research use only. Not for diagnosis.",
    "model": "rddm-balanced", "model_version": "1.2", "checksum": CHECKSUM, "parameters": 25_000_000, "seed": 4217,
    "strength": 0.85, "draws": 3, "steps": 5, "slices": [0, 4], "device": "cpu", "precision": "float32", "batch": 4,
    "tile": None, "self_check_rms_hu": 0.01, "notices": [], "seconds": 1.5, "finished": "2026-01-01T00:00:00+00:00",
    "versions": {"python": "3.11.2"},
}  # fmt: skip


@dataclass(frozen=True)
class Derived:
    """One derived series: `volume` is what was written, `sources` and `results` are in slice order."""

    volume: CTVolume
    folder: Path
    sources: list[FileDataset]
    results: list[FileDataset]

    @property
    def files(self) -> list[Path]:
        return sorted(self.folder.iterdir())

    @property
    def pairs(self) -> list[tuple[FileDataset, FileDataset]]:
        return list(zip(self.sources, self.results, strict=True))


def derive(
    source: Iterable[Dataset] | Path,
    place: Path,
    change: Callable[[CTVolume], CTVolume] = lambda volume: volume,
    record: dict | None = RECORD,
    name: str = "derived",
    **options: object,
) -> Derived:
    """Writes the changed volume of `source` (objects, or where they lie) to `place`, as `denoise` would."""
    folder = source if isinstance(source, Path) else factory.save(source, place / "source")
    volume = change(read_volume(folder))
    written = write_volume(volume, place / name, record=record, **options)
    results = [pydicom.dcmread(file) for file in sorted(written.iterdir())]
    return Derived(volume, written, [pydicom.dcmread(file, force=True) for file in volume.source.files], results)


def denoised(volume: CTVolume) -> CTVolume:
    """Other values, not whole ones, where something was measured."""
    rng = np.random.default_rng(5)
    return volume.with_hu((0.9 * volume.hu + rng.normal(0, 20, volume.shape)).astype(np.float32))


def stored(dataset: FileDataset) -> np.ndarray:
    """The stored values, int64 [rows, columns], by nothing but the header's own words."""
    sign = "i" if dataset.PixelRepresentation else "u"
    kind = np.dtype(f"<{sign}{dataset.BitsAllocated // 8}")
    return np.frombuffer(dataset.PixelData, kind).reshape(dataset.Rows, dataset.Columns).astype(np.int64)


def hu(dataset: FileDataset) -> np.ndarray:
    """float64 [rows, columns]."""
    return stored(dataset) * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)


def raw(dataset: FileDataset, tag: object) -> bytes | None:
    """The bytes of a value as they lie in the file of `dataset`; pydicom forgets them when it has looked at them."""
    return elements(Path(dataset.filename)).get(Tag(tag), (None, None))[1]


def elements(file: Path) -> dict[int, tuple[str, bytes]]:
    """Representation and bytes of every element of an explicit little endian file, sequences unopened."""
    return _elements(file, file.stat().st_mtime_ns)


@cache
def _elements(file: Path, _changed: int) -> dict[int, tuple[str, bytes]]:
    content, found = file.read_bytes(), {}
    assert content[:132] == b"\0" * 128 + b"DICM"
    place = 132
    while place < len(content):
        group, element, vr = struct.unpack_from("<HH2s", content, place)
        long = vr in (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
        (length,) = struct.unpack_from("<I" if long else "<H", content, place + (8 if long else 6))
        place += 12 if long else 8
        assert length % 2 == 0 and place + length <= len(content), "an odd or an undefined length"
        tag = group << 16 | element
        assert tag > max(found, default=0), "elements out of order"
        found[tag] = vr.decode("ascii"), content[place : place + length]
        place += length
    return found
