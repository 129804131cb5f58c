"""Packing by several threads: one ordinary gzip stream, the same every time, however the bytes come."""

from __future__ import annotations

import gzip
import io
import threading
import zlib

import numpy as np
import pytest
from LDCTDenoiseLib.files import gzip_stream
from LDCTDenoiseLib.files.gzip_stream import write_gzip

SOME = np.random.default_rng(0).normal(0, 20, 700_000).astype(np.int16).tobytes()  # one block and a part of another


def packed(*parts: bytes) -> bytes:
    file = io.BytesIO()
    write_gzip(file, parts)
    return file.getvalue()


@pytest.mark.parametrize("length", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, len(SOME)])
def test_what_is_packed_comes_back(length: int):
    assert gzip.decompress(packed(SOME[:length])) == SOME[:length]


def test_it_is_one_stream_to_readers_that_know_of_no_second_one():
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert unpacker.decompress(packed(SOME, SOME, SOME)) == 3 * SOME
    assert unpacker.eof and not unpacker.unused_data


def test_the_same_bytes_give_the_same_file_in_whatever_parts_they_come():
    assert packed(SOME) == packed(SOME[:7], memoryview(SOME)[7:300_000], b"", SOME[300_000:])


def test_the_blocks_share_what_came_before_them():
    again = b"".join([np.random.default_rng(1).bytes(4096)] * 1024)  # noise, the same 1024 times
    assert len(packed(again)) < len(again) / 100


def test_it_packs_about_as_well_as_one_thread():
    assert len(packed(SOME)) < 1.001 * len(gzip.compress(SOME, gzip_stream.LEVEL))


def test_few_blocks_are_held_while_a_slow_file_takes_them(monkeypatch):
    monkeypatch.setattr(gzip_stream, "_processors", lambda: 2)
    taken, wrote = [], []

    class Slow(io.BytesIO):
        def write(self, data) -> int:
            wrote.append(len(taken))
            return super().write(data)

    def parts():
        for _ in range(40):
            taken.append(1)
            yield bytes(1 << 20)

    write_gzip(Slow(), parts())
    assert wrote[1] <= 6, "no more blocks than twice the threads wait, and one at hand"


def test_an_error_of_the_source_or_of_the_file_ends_it_and_its_threads():
    def broken():
        yield SOME
        raise KeyError("source")

    class Full(io.BytesIO):
        def write(self, data) -> int:
            if len(data) > 100:
                raise OSError("full")
            return super().write(data)

    for file, parts, error in ((io.BytesIO(), broken(), KeyError), (Full(), iter([SOME] * 30), OSError)):
        with pytest.raises(error):
            write_gzip(file, parts)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("gzip")]
