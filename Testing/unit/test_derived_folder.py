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
from LDCTDenoiseLib.files import read_volume, write_volume
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


def test_cancelling_leaves_nothing(volume, tmp_path: Path):
    asked = []

    def cancel() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        write_volume(volume, tmp_path / "derived", cancel=cancel)
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
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_a_turned_volume_is_written_as_the_source_lies_or_refused_but_never_mirrored(volume, tmp_path, order, flipped):
    hu = volume.hu + np.arange(volume.hu.size).reshape(volume.shape) % 97  # no two voxels and no two sides alike
    turned = volume.with_hu(hu).reoriented(Orientation(order, tuple(map(bool, flipped))))
    try:
        folder = write_volume(turned, tmp_path / "derived")
    except InputError:
        assert order == (0, 2, 1) or any(flipped)
        return
    back = read_volume(folder)
    np.testing.assert_array_equal(back.hu, volume.with_hu(hu).hu)
    assert back.lies_like(volume)


def test_paths_may_have_blanks_and_umlauts(tmp_path: Path):
    derived = derive(vendors.ge(), tmp_path / "Größe ü 測定")
    assert len(derived.files) == 4 and made.stored(derived.results[0]).shape == (36, 32)
