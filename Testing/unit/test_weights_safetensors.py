"""Our own reader and writer of safetensors: it agrees with the package, and believes no hostile file."""

import json
import random

import pytest
from LDCTDenoiseLib.errors import InputError

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.weights.safetensors_file import read_tensors, write_tensors  # noqa: E402
from LDCTDenoiseLib.weights.store import SHIPPED  # noqa: E402

TENSORS = {
    "a.weight": torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 7,
    "a.bias": torch.tensor([1.5, -2.25], dtype=torch.float16),
    "brain": torch.tensor([[1.0, 3.14]], dtype=torch.bfloat16),
    "a number": torch.tensor(5.0, dtype=torch.float64),
    "nothing": torch.empty(0, 3),
    "steps": torch.tensor([-(2**40), 7]),
    "small": torch.tensor([-1, 1], dtype=torch.int8),
    "odd": torch.tensor([1, 2, 3], dtype=torch.uint8),
    "mask": torch.tensor([[True], [False]]),
    "Gewicht für Ärzte 試験": torch.tensor([3], dtype=torch.int16),
    "turned": torch.arange(6, dtype=torch.int32).reshape(2, 3).T,
}


def assert_same(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype and found[name].shape == tensor.shape, name
        assert torch.equal(found[name], tensor), name


def test_what_is_written_is_read_back():
    data = write_tensors(TENSORS)
    assert_same(read_tensors(data), TENSORS)
    assert write_tensors(dict(reversed(TENSORS.items()))) == data


def test_numbers_begin_at_multiples_of_their_size():
    data = write_tensors(TENSORS)
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    assert all(header[name]["data_offsets"][0] % tensor.element_size() == 0 for name, tensor in TENSORS.items())


def test_the_package_reads_what_we_write_and_we_read_what_it_writes():
    package = pytest.importorskip("safetensors.torch")
    assert_same(package.load(write_tensors(TENSORS)), TENSORS)
    contiguous = {name: tensor.contiguous() for name, tensor in TENSORS.items()}
    assert_same(read_tensors(package.save(contiguous, metadata={"format": "pt", "é": "ü"})), TENSORS)


def test_the_shipped_weights_are_read_as_the_package_reads_them():
    package = pytest.importorskip("safetensors.torch")
    for file in SHIPPED.glob("*.safetensors"):
        assert_same(read_tensors(file.read_bytes()), package.load(file.read_bytes()))


def test_tensors_have_memory_of_their_own():
    first, second = read_tensors(write_tensors({"a": torch.ones(2), "b": torch.ones(2)})).values()
    first += 1
    assert second.tolist() == [1, 1]


def test_what_the_format_does_not_have_is_not_written():
    for tensors in ({"a": torch.ones(2, dtype=torch.complex64)}, {"__metadata__": torch.ones(2)}):
        with pytest.raises(ValueError, match="no place"):
            write_tensors(tensors)


def a_file(header, body: bytes = bytes(8), size: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if size is None else size).to_bytes(8, "little") + text + body


def one(**changes) -> dict:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}


HOSTILE = {
    "empty": b"",
    "seven bytes": b"1234567",
    "a header past the end": a_file(one(), size=1000),
    "an endless header": a_file(one(), size=2**64 - 1),
    "a header over 100 MB": a_file(b"{}" + b" " * 100_000_000, b""),
    "text": b"nonsense" * 10,
    "no UTF-8": a_file(b'{"\xff": 1}'),
    "no JSON": a_file(b"{"),
    "a list": a_file([1]),
    "NaN": a_file(b'{"a": NaN}'),
    "deep": a_file(b"[" * 100_000),
    "a long number": a_file(b'{"a":' + b"9" * 10_000 + b"}"),
    "a name twice": a_file(json.dumps(one()).encode()[:-1] + b"," + json.dumps(one()).encode()[1:]),
    "a field twice": a_file(b'{"a":{"dtype":"F32","dtype":"I32","shape":[2],"data_offsets":[0,8]}}'),
    "metadata of numbers": a_file({"__metadata__": {"a": 1}, **one()}),
    "metadata in a list": a_file({"__metadata__": ["a"], **one()}),
    "no tensor": a_file({"a": 5}),
    "no type": a_file({"a": {"shape": [2], "data_offsets": [0, 8]}}),
    "too much": a_file(one(code="import os")),
    "an unknown type": a_file(one(dtype="F31")),
    "a type in a list": a_file(one(dtype=["F32"])),
    "another shape": a_file(one(shape=[3])),
    "a negative shape": a_file(one(shape=[-1, -2])),
    "a broken shape": a_file(one(shape=[2.0])),
    "a true shape": a_file(one(shape=[2, True])),
    "a shape that is a number": a_file(one(shape=2)),
    "an immense shape": a_file(one(shape=[2**40, 2**40])),
    "an immense shape of nothing": a_file(one(shape=[2**62, 2**62, 0], data_offsets=[0, 0]), b""),
    "backwards": a_file(one(data_offsets=[8, 0])),
    "below the file": a_file(one(data_offsets=[-8, 0])),
    "past the file": a_file(one(data_offsets=[8, 16])),
    "three ends": a_file(one(data_offsets=[0, 8, 16])),
    "bytes left over": a_file(one(), bytes(9)),
    "bytes missing": a_file(one(), bytes(7)),
    "a gap": a_file({**one(), "b": one(data_offsets=[16, 24])["a"]}, bytes(24)),
    "an overlap": a_file({**one(), "b": one(data_offsets=[4, 12])["a"]}, bytes(12)),
    "the same place": a_file({**one(), "b": one()["a"]}),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(data):
    with pytest.raises(InputError, match="not a safetensors file"):
        read_tensors(data)


def test_a_file_that_is_right_is_not_refused():
    assert read_tensors(a_file(one()))["a"].tolist() == [0, 0]
    assert read_tensors(a_file({}, b"")) == {}


def test_a_damaged_file_is_read_or_refused_and_nothing_else():
    rng = random.Random(0)
    data = write_tensors({name: TENSORS[name] for name in ("a.weight", "mask", "nothing")})
    for _ in range(3000):
        spoilt = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
        try:
            found = read_tensors(bytes(spoilt[: rng.randint(0, len(spoilt))] if rng.random() < 0.2 else spoilt))
        except InputError:
            continue
        assert sum(tensor.nbytes for tensor in found.values()) < len(data)
