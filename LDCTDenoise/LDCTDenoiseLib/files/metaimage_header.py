"""The header of a MetaImage file: lines of "key = value", of which ElementDataFile is the last."""

from __future__ import annotations

from pathlib import Path

from .volume_header import VolumeHeader, data_beside, numbers, sizes_of, whole

_BYTES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_MOST_CHANNELS = 1000
_LONGEST_VALUE = 255  # bytes: what MetaIO has room for
_MATRICES = ("TransformMatrix", "Rotation", "Orientation")
_PLACES = ("Offset", "Position", "Origin", "CenterOfRotation", "ElementSpacing", "ElementSize")


def metaimage_header(path: Path, head: bytes) -> VolumeHeader:
    """Raises ValueError, and InputError for voxels in other folders or in several files."""
    pairs, start = _pairs(head)
    if pairs.get("ObjectType", "Image") != "Image":
        raise ValueError("not an image")
    axes = whole(pairs["NDims"])
    sizes = sizes_of(pairs["DimSize"], axes)
    for key in pairs.keys() & {*_MATRICES}:
        numbers(pairs[key], axes * axes)
    for key in pairs.keys() & {*_PLACES}:
        numbers(pairs[key], axes)
    channels = whole(pairs.get("ElementNumberOfChannels", "1"))
    skip = whole(pairs.get("HeaderSize", "0"))
    if not 1 <= channels <= _MOST_CHANNELS or skip < -1:
        raise ValueError("impossible numbers")
    kind = pairs["ElementType"].removeprefix("MET_").replace("UCHAR", "CHAR").removeprefix("U")
    if kind not in _BYTES:
        raise ValueError("a type of number that is not read here")
    name = pairs["ElementDataFile"]
    local = name.upper() == "LOCAL"
    data = path if local else data_beside(path, name)
    start = max(0, skip) + (start if local else 0)
    packed = _is_true(pairs.get("CompressedData", "False"))
    if "CompressedDataSize" in pairs and data.is_file():
        length = whole(pairs["CompressedDataSize"])
        if packed and not 0 <= length <= data.stat().st_size - start:
            raise ValueError("fewer compressed bytes than promised")
    width = _BYTES[kind] * channels
    if not _is_true(pairs.get("BinaryData", "True")):
        width = 2 * channels  # a number that is written out takes a digit and a blank at least
    return VolumeHeader(sizes, width, data, start, packed)


def _pairs(head: bytes) -> tuple[dict[str, str], int]:
    """The values by key, and where the header ends."""
    pairs, start = _Pairs(), 0
    while "ElementDataFile" not in pairs:
        end = head.find(b"\n", start) + 1 or len(head)
        if end == start:
            raise ValueError("the header does not end")
        before, _, after = head[start:end].partition(b"=")
        key, value = (part.strip().decode("utf-8", "surrogateescape") for part in (before, after))
        start = end
        if key in pairs or max(len(before), len(after)) > _LONGEST_VALUE:
            raise ValueError("a key comes twice, or has a value beyond measure")
        pairs[key] = value
    return pairs, start


def _is_true(word: str) -> bool:
    return word[:1] in ("T", "t", "1")


class _Pairs(dict):
    def __missing__(self, key: str) -> str:
        raise ValueError(f"the key {key} is missing")
