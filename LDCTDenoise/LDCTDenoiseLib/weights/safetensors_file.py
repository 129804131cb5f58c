"""The safetensors format, read and written with nothing but PyTorch: Slicer has no package for it.

Eight bytes say how long the header is (little-endian); the header is a JSON object that gives each tensor's type,
shape and place; the tensors follow, flat and gap-free. No file can make the reader run code, touch memory outside the
file, or take more memory than a small multiple of the file's size.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

MOST_HEADER_BYTES = 4_000_000  # some 30,000 tensors; the format's own limit would let JSON take gigabytes
_PREFIX = 8  # bytes that hold the header's length
_METADATA = "__metadata__"  # texts about the file, no tensor
_TYPES = {  # name in the file → (name in PyTorch, bytes of a number)
    "F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2),
    "I64": ("int64", 8), "I32": ("int32", 4), "I16": ("int16", 2), "I8": ("int8", 1), "U8": ("uint8", 1),
    "BOOL": ("bool", 1),
}  # fmt: skip


def read_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a file's bytes by name, on the CPU, each with memory of its own.

    Raises InputError, naming the fault, for anything that is not exactly a safetensors file.
    """
    import torch

    header, start = _header(data)
    tensors = {}
    for name, dtype, shape, begin, end in _places(header, len(data) - start):
        kind = getattr(torch, _TYPES[dtype][0])
        own = bytearray(memoryview(data)[start + begin : start + end])
        try:
            flat = torch.frombuffer(own, dtype=kind) if own else torch.empty(0, dtype=kind)
            tensors[name] = flat.reshape(shape)
        except RuntimeError as error:  # no numbers, but a side that no memory has
            raise _not_safetensors("a tensor has an impossible shape") from error
    return tensors


def write_tensors(tensors: Mapping[str, Tensor]) -> bytes:
    """The bytes of a file that holds the tensors. The same tensors give the same bytes.

    Raises ValueError (a defect of the caller) for a type of number or a name that the format does not have.
    """
    import torch

    known = {getattr(torch, name): (code, size) for code, (name, size) in _TYPES.items()}
    header: dict[str, Any] = {}
    parts, end = [], 0
    # the widest numbers first, so that each tensor begins at a multiple of its numbers' size
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name].detach().cpu().contiguous()
        if tensor.dtype not in known or name == _METADATA:
            raise ValueError(f"the tensor {name} ({tensor.dtype}) has no place in a safetensors file")
        flat = tensor.as_strided((tensor.numel(),), (1,))  # one number may be contiguous with any stride
        part = flat.view(torch.uint8).numpy().tobytes()
        begin, end = end, end + len(part)
        header[name] = {"dtype": known[tensor.dtype][0], "shape": list(tensor.shape), "data_offsets": [begin, end]}
        parts.append(part)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _PREFIX)
    return b"".join([len(text).to_bytes(_PREFIX, "little"), text, *parts])


def _header(data: bytes) -> tuple[dict[str, Any], int]:
    """The header without its metadata, and where the tensors begin."""
    size = int.from_bytes(data[:_PREFIX], "little")
    start = _PREFIX + size
    if len(data) < _PREFIX or size > MOST_HEADER_BYTES or start > len(data):
        raise _not_safetensors("its header does not lie in it")
    try:
        header = json.loads(
            data[_PREFIX:start].decode("utf-8"), object_pairs_hook=_without_repeats, parse_constant=_refuse
        )
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # also what is not UTF-8
        raise _not_safetensors("its header is not JSON") from error
    if not isinstance(header, dict):
        raise _not_safetensors("its header is not a JSON object")
    metadata = header.pop(_METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise _not_safetensors("its metadata are not texts")
    return header, start


def _places(header: dict[str, Any], size: int) -> list[tuple[str, str, list[int], int, int]]:
    """(name, type, shape, begin, end) of every tensor; together they fill the `size` bytes without gap or overlap."""
    places = [_place(name, facts) for name, facts in header.items()]
    reached = 0
    for _, _, _, begin, end in sorted(places, key=lambda place: place[3:]):
        if begin != reached:
            raise _not_safetensors("its tensors overlap or leave gaps")
        reached = end
    if reached != size:
        raise _not_safetensors("its tensors do not end where it ends")
    return places


def _place(name: str, facts: object) -> tuple[str, str, list[int], int, int]:
    if not isinstance(facts, dict) or set(facts) != {"dtype", "shape", "data_offsets"}:
        raise _not_safetensors("the description of a tensor is incomplete")
    dtype, shape, offsets = facts["dtype"], facts["shape"], facts["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _TYPES:
        raise _not_safetensors("a tensor has a type of number that this program does not know")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2:
        raise _not_safetensors("a tensor's shape or place is not made of whole numbers")
    begin, end = offsets
    if math.prod(shape) * _TYPES[dtype][1] != end - begin:
        raise _not_safetensors("a tensor's shape does not fit its place")
    return name, dtype, shape, begin, end


def _are_sizes(values: object) -> bool:
    """Whether this is a list of whole numbers that a file can have."""
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 2**63 for value in values)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers could disagree about a name that comes twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _not_safetensors("a name comes twice in its header")
    return found


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _not_safetensors(fault: str) -> InputError:
    return InputError(f"This is not a safetensors file: {fault}.")
