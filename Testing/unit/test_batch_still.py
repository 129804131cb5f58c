"""A series may change between the search and its turn: that is noticed, and other files in the folder do no harm."""

from __future__ import annotations

import os
import shutil

import pytest
from find_factory import another, found, images, only, put
from LDCTDenoiseLib.batch import still
from LDCTDenoiseLib.batch.still import still_as_found


@pytest.fixture
def a_series(tmp_path):
    slices = images(6)
    put(slices[:3], tmp_path / "0")
    put(slices[3:5], tmp_path / "1")
    return only(found(tmp_path))


def test_nothing_has_changed(a_series):
    assert still_as_found(a_series) is None


def test_a_file_is_gone(a_series):
    a_series.files[2].path.unlink()
    assert still_as_found(a_series).startswith("002.dcm is gone")


@pytest.mark.parametrize("grow", [b"", b"x"])
def test_a_file_is_another(a_series, grow):
    file = a_series.files[2]
    file.path.write_bytes(file.path.read_bytes() + grow)
    os.utime(file.path, ns=(0, file.mtime_ns if grow else file.mtime_ns + 1))
    assert still_as_found(a_series).startswith("002.dcm has changed")


def test_a_series_has_grown(a_series, tmp_path):
    put(images(6)[5:], tmp_path / "1", 9)
    assert "has grown by 1 file(s)" in still_as_found(a_series)


def test_a_series_grows_though_the_times_of_its_files_are_old(a_series, tmp_path):
    put(images(6)[5:], tmp_path / "1", 9)
    os.utime(tmp_path / "1" / "009.dcm", (0, 0))
    assert "has grown" in still_as_found(a_series)


@pytest.mark.parametrize("part", [lambda whole: whole[:200], lambda whole: whole[:200].ljust(len(whole), b"\0")])
def test_what_was_half_copied_at_the_search_and_is_whole_now_makes_it_grow(tmp_path, part):
    put(images(6), tmp_path)
    last = tmp_path / "005.dcm"
    whole = last.read_bytes()
    last.write_bytes(part(whole))
    is_longer, then = last.stat().st_size < len(whole), last.stat().st_mtime_ns
    series = only(found(tmp_path))
    assert series.slices == 5 and still_as_found(series) is None
    last.write_bytes(whole)
    os.utime(last, ns=(0, then if is_longer else then + 10**9))
    assert "has grown" in still_as_found(series)


def test_another_series_at_the_same_place_grows_as_well(tmp_path):
    for uid in ("1.2.3.8", "1.2.3.9"):
        shutil.rmtree(tmp_path / "0", ignore_errors=True)
        put(images(6, SeriesInstanceUID=uid)[:5], tmp_path / "0")
        series = only(found(tmp_path))
        put(images(6, SeriesInstanceUID=uid)[5:], tmp_path / "0", 9)
        assert "has grown by 1 file(s)" in still_as_found(series)


def test_other_files_in_the_folder_do_no_harm_and_are_read_once(a_series, tmp_path, monkeypatch):
    put(another(), tmp_path / "0", 50)
    (tmp_path / "1" / "note.txt").write_text("hello")
    (tmp_path / "1" / ".hidden").write_text("hello")
    (tmp_path / "1" / "folder").mkdir()
    assert still_as_found(a_series) is None
    monkeypatch.setattr(still, "look", lambda path: pytest.fail("it was read before"))
    assert still_as_found(a_series) is None


def test_other_parts_of_the_series_do_no_harm(tmp_path):
    put(images(4, AcquisitionNumber=1) + images(4, AcquisitionNumber=2), tmp_path)
    for series in found(tmp_path).series:
        assert still_as_found(series) is None
        (tmp_path / "note.txt").write_text(series.key)
        assert still_as_found(series) is None


def test_a_tree_under_another_name_is_not_the_one_that_was_found(a_series, tmp_path):
    shutil.move(tmp_path / "1", tmp_path / "2")
    assert "is gone" in still_as_found(a_series)


def test_a_folder_is_closed(a_series, monkeypatch):
    def refuse(place):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(still, "look_into", refuse)
    assert "Permission denied" in still_as_found(a_series)


def test_a_volume_file_has_changed(tmp_path):
    import numpy as np
    from LDCTDenoiseLib import CTVolume, write_volume

    write_volume(CTVolume(np.zeros((3, 4, 5))), tmp_path / "x.nrrd")
    series = only(found(tmp_path))
    assert still_as_found(series) is None
    write_volume(CTVolume(np.ones((3, 4, 6))), tmp_path / "x.nrrd", overwrite=True)
    assert "x.nrrd has changed" in still_as_found(series)
