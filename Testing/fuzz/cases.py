"""One case from a seed and a number: always the same spoilt files."""

from __future__ import annotations

import gzip
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from random import Random

from .harm_bytes import harm_bytes
from .harm_dicom import elements_of, harm_elements
from .harm_json import harm_json
from .harm_nifti import harm_nifti
from .harm_text import harm_lines, header_end
from .samples import KINDS, sample

_EXPLICIT = ("dicom", "dicom rle", "dicom jpeg", "dicom jpeg 2000", "dicom jpeg-ls", "dicom jpeg 12", "dicom enhanced",
             "dicom enhanced jpeg")  # fmt: skip
_STREAMS = tuple(kind for kind in _EXPLICIT if "j" in kind or "rle" in kind)


@dataclass(frozen=True)
class Case:
    """`path` is what to read: a folder of DICOM files, or a file."""

    kind: str
    path: Path


def make_case(seed: int, number: int, folder: Path, kinds: tuple[str, ...] = KINDS) -> Case:
    """Writes the files of a case into `folder`, which is empty."""
    chance = Random(f"{seed} {number}")
    kind = kinds[number % len(kinds)]
    files = dict(sample(kind))
    names = list(files)
    for name in {names[0] if not kind.startswith("dicom") else chance.choice(names), chance.choice(names)}:
        files[name] = spoil(kind, name, files[name], chance)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    whole = kind.startswith("dicom") and chance.random() < 0.7
    return Case(kind, folder if whole else folder / names[0])


def spoil(kind: str, name: str, content: bytes, chance: Random) -> bytes:
    """The content of one file, spoilt in a way that suits its kind."""
    if kind == "dicom deflated":
        return _deflated(content, chance)
    if kind in _STREAMS and chance.random() < 0.5:
        return _stream(content, chance)
    if kind in _EXPLICIT and chance.random() < 0.7:
        return harm_elements(content, chance)
    if kind.startswith("dicom"):
        return harm_bytes(content, chance, 100, chance.choice((1000, None)))
    if name.endswith(".nii.gz"):
        return _gzipped(content, chance)
    if name.endswith(".nii"):
        return harm_nifti(content, chance)
    if name.endswith(".json"):
        return harm_json(content, chance) if chance.random() < 0.8 else harm_bytes(content, chance)
    if name.endswith((".nrrd", ".nhdr", ".mha", ".mhd")) and chance.random() < 0.75:
        return harm_lines(content, chance)
    if name.endswith((".nrrd", ".mha")):
        return harm_bytes(content, chance, 0, chance.choice((header_end(content), None)))
    if name.endswith(".safetensors"):
        return harm_bytes(content, chance, 0, 400)
    return harm_bytes(content, chance)


def _stream(content: bytes, chance: Random) -> bytes:
    """Changes within the compressed pixels: in their first bytes, where size and tables are, or anywhere."""
    begin = elements_of(content)[-1][2] + 12
    found = re.compile(rb"\xff\xd8\xff|\xff\x4f\xff\x51|\x02\0\0\0[@-Z]").search(content, begin)
    first = found.start() if found and chance.random() < 0.8 else begin
    return harm_bytes(content, chance, first, chance.choice((first + 60, first + 200, None)))


def _deflated(content: bytes, chance: Random) -> bytes:
    begin = 144 + int.from_bytes(content[140:144], "little")
    if chance.random() < 0.3:
        return harm_bytes(content, chance)
    inside = b"\0" * 132 + zlib.decompress(content[begin:], -zlib.MAX_WBITS)
    inside = harm_elements(inside, chance)[132:]
    if chance.random() < 0.05:
        inside += bytes(1 << 28)  # a small bomb: 256 MB of nothing
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return content[:begin] + packer.compress(inside) + packer.flush()


def _gzipped(content: bytes, chance: Random) -> bytes:
    if chance.random() < 0.3:
        return harm_bytes(content, chance)
    inside = harm_nifti(gzip.decompress(content), chance)
    if chance.random() < 0.05:
        inside += bytes(1 << 28)
    return gzip.compress(inside, 1, mtime=0)
