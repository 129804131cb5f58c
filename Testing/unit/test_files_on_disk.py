"""A spread that is made on disk is the one that memory would hold, and leaves nothing behind."""

import errno
import os
import shutil
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from fakes import Noisy
from LDCTDenoiseLib import CTVolume, InputError
from LDCTDenoiseLib.files import on_disk
from LDCTDenoiseLib.files.on_disk import SlicesOnDisk, room_for_slices
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume

SHAPE = (7, 16, 24)


def some_slices() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 30, SHAPE).astype(np.float32)


@pytest.mark.parametrize("direction", [np.diag([1.0, 1, 1]), np.diag([1.0, -1, -1]), np.eye(3)[:, [1, 2, 0]]])
@pytest.mark.parametrize("slices", [None, (2, 5)])
def test_it_is_the_spread_of_memory_however_the_volume_is_stored(direction, slices, tmp_path):
    padding = np.zeros(SHAPE, bool)
    padding[:, :3] = True
    volume = CTVolume(some_slices(), padding=padding, direction=direction)
    run = partial(denoise_volume, volume, Noisy(), Settings(draws=3, strength=0.6, slices=slices), setup=Setup(batch=2))
    expected, found = run().spread, run(spread=partial(room_for_slices, tmp_path)).spread
    np.testing.assert_array_equal(found.hu, expected.hu)
    assert expected.hu.any() and not found.hu.flags.writeable


def test_it_lies_in_the_folder_and_not_in_memory(tmp_path):
    rooms = room_for_slices(tmp_path / "not yet" / "there", SHAPE)
    assert isinstance(rooms, SlicesOnDisk)
    assert isinstance(rooms.__array__(), np.memmap)


def test_slices_are_put_in_any_order_and_read_after_the_file_is_let_go(tmp_path):
    wanted, rooms = some_slices(), SlicesOnDisk(tmp_path, SHAPE)
    for here in (slice(5, 7), slice(0, 2), slice(2, 5)):
        rooms[here] = wanted[here][:, ::-1][:, ::-1]
    found = np.asarray(rooms)
    del rooms
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.skipif(os.name == "nt", reason="there the file has a name, which goes when it is closed")
def test_nothing_is_left_even_while_it_is_used(tmp_path):
    rooms = SlicesOnDisk(tmp_path, SHAPE)
    rooms[0:7] = some_slices()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_with_too_little_room_is_spared(tmp_path, monkeypatch):
    needed = some_slices().nbytes
    for free, kind in ((3 * needed, SlicesOnDisk), (3 * needed - 1, np.ndarray)):
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, free=free: SimpleNamespace(free=free))
        rooms = room_for_slices(tmp_path, SHAPE)
        assert isinstance(rooms, kind)
        rooms[0:7] = some_slices()
        np.testing.assert_array_equal(np.asarray(rooms), some_slices())


def test_a_folder_that_takes_no_file_is_spared(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EROFS, "read only")

    monkeypatch.setattr(on_disk, "_reserve", refused)
    assert isinstance(room_for_slices(tmp_path, SHAPE), np.ndarray)


@pytest.mark.parametrize("step", ["seek", "write", "flush"])
def test_a_disk_that_is_full_after_all_is_said_in_one_sentence(step, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "no room")

    rooms = SlicesOnDisk(tmp_path, SHAPE)
    works = dict.fromkeys(("seek", "write", "flush"), lambda *_: None)
    rooms._file = SimpleNamespace(**works | {step: full})
    with pytest.raises(InputError, match="The disk is full"):
        rooms[0:1] = some_slices()[:1]
