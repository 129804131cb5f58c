"""The folder of a derived series: whole or absent, never in the way of something else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import derived_factory as made
import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import vendor_headers as vendors
from derived_factory import derive
from LDCTDenoiseLib.errors import Cancelled, InputError
from LDCTDenoiseLib.files import read_series, read_volume, write_volume
from LDCTDenoiseLib.orientation import Orientation


@pytest.fixture
def volume(tmp_path: Path):
    return read_volume(factory.save(vendors.ge(), tmp_path / "source"))


def test_progress_is_told_and_the_folder_is_returned(volume, tmp_path: Path):
    seen = []
    folder = write_volume(volume, tmp_path / "a" / "b", progress=lambda *what: seen.append(what))
    assert folder == tmp_path / "a" / "b" and len(list(folder.iterdir())) == 4
    for stage in ("encode", "write"):
        assert [(done, total) for done, total, name in seen if name == stage] == [(n, 4) for n in range(1, 5)]
    assert {stage for _, _, stage in seen} == {"encode", "write"}


@pytest.mark.parametrize("questions", [1, 3, 6])
def test_cancelling_while_encoding_or_writing_leaves_nothing(volume, tmp_path: Path, questions: int):
    asked, seen = [], []

    def cancel() -> bool:
        asked.append(True)
        return len(asked) > questions

    with pytest.raises(Cancelled):
        write_volume(volume, tmp_path / "derived", cancel=cancel, progress=lambda *what: seen.append(what))
    assert len(seen) < 8 and ("write" in {stage for _, _, stage in seen}) == (questions > 4)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_folder_with_something_in_it_is_replaced_only_if_asked_and_only_if_it_is_a_series(volume, tmp_path: Path):
    folder = write_volume(volume, tmp_path / "derived")
    with pytest.raises(InputError, match="--overwrite"):
        write_volume(volume, folder)
    write_volume(volume.slices(0, 3), folder, overwrite=True)
    assert [file.name for file in sorted(folder.iterdir())] == ["IM-0001.dcm", "IM-0002.dcm", "IM-0003.dcm"]
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError):
        write_volume(volume, folder, overwrite=True)
    assert (folder / "thesis.txt").exists() and len(list(folder.iterdir())) == 4


def test_somebodys_scans_are_never_replaced_and_a_refusal_comes_before_the_work(volume, tmp_path: Path):
    scans, seen = factory.save(vendors.philips(), tmp_path / "scans"), []
    before = {file: file.read_bytes() for file in scans.iterdir()}
    for overwrite in (False, True):
        with pytest.raises(InputError):
            write_volume(volume, scans, overwrite=overwrite, progress=lambda *what: seen.append(what))
    assert {file: file.read_bytes() for file in scans.iterdir()} == before and not seen


def test_the_source_is_never_replaced_by_its_result(volume, tmp_path: Path):
    before = {file: file.read_bytes() for file in (tmp_path / "source").iterdir()}
    for target in (tmp_path / "source", tmp_path / "other" / ".." / "source"):
        with pytest.raises(InputError):
            write_volume(volume, target, overwrite=True)
    assert {file: file.read_bytes() for file in (tmp_path / "source").iterdir()} == before


def test_what_did_not_come_from_dicom_cannot_become_dicom(tmp_path: Path, a_small_ct):
    with pytest.raises(InputError, match="DICOM"):
        write_volume(a_small_ct, tmp_path / "derived")
    file = write_volume(a_small_ct, tmp_path / "volume.nrrd")
    with pytest.raises(InputError, match="DICOM"):
        write_volume(read_volume(file), tmp_path / "derived")


def test_a_source_that_went_away_or_changed_is_told_in_one_sentence(volume, tmp_path: Path):
    first = volume.source.files[0]
    kept = first.read_bytes()
    for spoil in (first.unlink, lambda: first.write_bytes(kept[:-100]), lambda: first.write_bytes(b"")):
        spoil()
        with pytest.raises(InputError):
            write_volume(volume, tmp_path / "derived")
        first.write_bytes(kept)
    other = pydicom.dcmread(first)
    other.Rows, other.Columns = other.Columns, other.Rows
    other.save_as(first)
    with pytest.raises(InputError):
        write_volume(volume, tmp_path / "derived")
    assert not (tmp_path / "derived").exists()


def test_a_volume_without_a_file_per_slice_is_refused(volume, tmp_path: Path):
    with pytest.raises(InputError):
        write_volume(replace(volume, source=replace(volume.source, files=volume.source.files[:2])), tmp_path / "d")
    with pytest.raises(InputError):  # sagittal slices have no files
        write_volume(volume.reoriented(Orientation((2, 1, 0), (False,) * 3)), tmp_path / "d")


@pytest.mark.parametrize("flipped", [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
def test_a_volume_with_flipped_axes_is_written_as_its_source_lies(volume, tmp_path: Path, flipped):
    hu = volume.hu + np.arange(volume.hu.size).reshape(volume.shape) % 97  # no two voxels and no two sides alike
    changed = volume.with_hu(hu)
    folder = write_volume(changed.reoriented(Orientation((0, 1, 2), tuple(map(bool, flipped)))), tmp_path / "derived")
    back = read_volume(folder)
    np.testing.assert_array_equal(back.hu, changed.hu)
    assert back.lies_like(volume)


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 0, 2)])
def test_a_volume_with_exchanged_axes_is_refused(volume, tmp_path: Path, order):
    with pytest.raises(InputError):
        write_volume(volume.reoriented(Orientation(order, (False,) * 3)), tmp_path / "derived")


@pytest.mark.parametrize("part", ["origin", "spacing", "direction"])
def test_a_volume_that_lies_elsewhere_is_refused(volume, tmp_path: Path, part):
    other = {
        "origin": (volume.origin[0] + 1, *volume.origin[1:]),
        "spacing": (volume.spacing[0] * 1.02, *volume.spacing[1:]),
        "direction": np.array([[0.999, -0.0447, 0], [0.0447, 0.999, 0], [0, 0, 1]]),
    }[part]
    with pytest.raises(InputError, match="lie"):
        write_volume(replace(volume, **{part: other}), tmp_path / "derived")


def test_slices_may_come_from_several_folders_with_the_same_file_names(tmp_path: Path):
    series = vendors.ge()
    folders = [factory.save(series[:2], tmp_path / "disc 1"), factory.save(series[2:], tmp_path / "disc 2")]
    volume = read_series([file for folder in folders for file in folder.iterdir()])
    results = [pydicom.dcmread(file) for file in sorted(write_volume(volume, tmp_path / "derived").iterdir())]
    assert [result.PixelData for result in results] == [dataset.PixelData for dataset in series[::-1]]
    assert [int(result.InstanceNumber) for result in results] == [4, 3, 2, 1]


def test_paths_may_have_blanks_and_umlauts(tmp_path: Path):
    derived = derive(vendors.ge(), tmp_path / "Größe ü 測定")
    assert len(derived.files) == 4 and made.stored(derived.results[0]).shape == (36, 32)
