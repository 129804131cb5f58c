"""`ldct-denoise denoise INPUT FOLDER`: a DICOM series in, a new one out."""

from __future__ import annotations

import json
from pathlib import Path

import derived_factory as made
import dicom_factory as factory
import numpy as np
import pydicom
import pytest
import vendor_headers as vendors
from LDCTDenoiseLib import read_volume, write_volume
from LDCTDenoiseLib.cli import main
from test_cli import refused


@pytest.fixture
def a_series(tmp_path: Path) -> Path:
    return factory.save(vendors.siemens(), tmp_path / "a scan of Jürgen")


def results(folder: Path) -> list[pydicom.Dataset]:
    return [pydicom.dcmread(file) for file in sorted(folder.iterdir())]


def denoise(*argv: object) -> int:
    return main(["denoise", *map(str, argv)])


def test_an_output_without_an_ending_is_a_folder_for_a_new_series(a_series, tmp_path):
    out = tmp_path / "results" / "new series"
    assert denoise(a_series, out, "--model", "gaussian", "--seed", 9) == 0
    written = results(out)
    assert [file.name for file in sorted(out.iterdir())] == [f"IM-{n:04d}.dcm" for n in range(1, 5)]
    for dataset in written:
        assert list(dataset.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
        assert "gaussian" in dataset.SeriesDescription and "seed 9" in dataset.DerivationDescription
        assert not [element for element in dataset.iterall() if element.tag.is_private]
    before, after = read_volume(a_series), read_volume(out)
    assert after.lies_like(before)
    noise = [np.diff(volume.hu[:, 8:12, 14:18]).std() for volume in (before, after)]
    assert noise[1] < 0.8 * noise[0]


def test_the_series_holds_what_a_volume_file_would_hold(a_series, tmp_path):
    for output in ("folder", "volume.nrrd"):
        assert denoise(a_series, tmp_path / output, "--model", "gaussian") == 0
    folder, volume = read_volume(tmp_path / "folder"), read_volume(tmp_path / "volume.nrrd")
    assert np.abs(folder.hu - volume.hu)[~folder.padding].max() <= 0.51


def test_without_strength_nothing_changes_but_the_name(a_series, tmp_path):
    assert denoise(a_series, tmp_path / "out", "--model", "gaussian", "--strength", 0) == 0
    sources = [pydicom.dcmread(file) for file in read_volume(a_series).source.files]
    for source, result in zip(sources, results(tmp_path / "out"), strict=True):
        assert result.PixelData == source.PixelData and result.SeriesDescription.endswith("[gaussian 0%]")


def test_private_elements_stay_where_asked_for(a_series, tmp_path):
    assert denoise(a_series, tmp_path / "out", "--model", "median", "--private", "keep") == 0
    assert all((0x0029, 0x1010) in dataset for dataset in results(tmp_path / "out"))
    assert "--private" in refused_argument(a_series, tmp_path)


def refused_argument(series: Path, place: Path) -> str:
    from LDCTDenoiseLib.cli import _parser

    with pytest.raises(Exception, match="private") as error:
        argv = ["denoise", str(series), str(place / "x"), "--private", "some"]
        _parser(argv).parse_args(argv)
    return str(error.value)


def test_a_part_is_written_with_its_own_images(a_series, tmp_path):
    assert denoise(a_series, tmp_path / "part", "--model", "gaussian", "--slices", "1:3") == 0
    assert [int(dataset.InstanceNumber) for dataset in results(tmp_path / "part")] == [2, 3]


def test_sagittal_slices_can_be_written_whole_and_not_in_part(tmp_path, capsys):
    pixels = factory.stored_values(8, 6, 7)
    series = factory.save(factory.ct_series(pixels, orientation=(0, 1, 0, 0, 0, -1)), tmp_path / "sagittal")
    assert main(["denoise", str(series), str(tmp_path / "part"), "--model", "median", "--slices", "1:3"]) == 2
    assert "cropped" in capsys.readouterr().err
    assert denoise(series, tmp_path / "whole", "--model", "median") == 0
    assert read_volume(tmp_path / "whole").lies_like(read_volume(series))


def test_the_report_lies_beside_the_folder_and_says_the_same(a_series, tmp_path, capsys):
    inside = tmp_path / "out" / "how.json"
    assert "beside" in refused(capsys, "denoise", a_series, tmp_path / "out", "--model", "median", "--report", inside)
    report = tmp_path / "how.json"
    assert denoise(a_series, tmp_path / "out", "--model", "median", "--seed", 3, "--report", report) == 0
    record = json.loads(report.read_text(encoding="utf-8"))
    assert record["output"] == "out" and record["seed"] == 3
    assert "seed 3" in results(tmp_path / "out")[0].DerivationDescription


def test_progress_tells_of_the_writing_too(a_series, tmp_path, capsys):
    assert denoise(a_series, tmp_path / "out", "--model", "median", "--progress", "json") == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    stages = [event["stage"] for event in events if event["event"] == "progress"]
    assert list(dict.fromkeys(stages)) == ["scan", "read", "denoise", "encode", "write"]
    assert events[-1]["event"] == "result" and events[-1]["output"] == str(tmp_path / "out")


@pytest.mark.parametrize("where", ["", "below", "a/b", ".."])
def test_the_input_is_never_touched(a_series, tmp_path, capsys, where):
    before = {file.name: file.read_bytes() for file in a_series.iterdir()}
    for source in (a_series, a_series / "002.dcm"):
        text = refused(capsys, "denoise", source, a_series / where, "--model", "median", "--overwrite")
        assert "beside" in text
    assert {file.name: file.read_bytes() for file in a_series.iterdir()} == before


def test_a_former_result_is_replaced_only_when_asked(a_series, tmp_path, capsys):
    out = tmp_path / "out"
    assert denoise(a_series, out, "--model", "median") == 0
    assert "--overwrite" in refused(capsys, "denoise", a_series, out, "--model", "gaussian")
    assert denoise(a_series, out, "--model", "gaussian", "--slices", "0:2", "--overwrite") == 0
    assert len(results(out)) == 2 and "gaussian" in results(out)[0].SeriesDescription
    (out / "notes.txt").write_text("precious")
    assert "no result" in refused(capsys, "denoise", a_series, out, "--model", "gaussian", "--overwrite")


def test_what_is_no_series_cannot_become_one(a_series, tmp_path, capsys, a_small_ct):
    file = write_volume(a_small_ct, tmp_path / "in.nrrd")
    assert "DICOM" in refused(capsys, "denoise", file, tmp_path / "out", "--model", "nlm")
    for slip in ("out.nrdd", "out.dcm"):
        assert "must end in" in refused(capsys, "denoise", a_series, tmp_path / slip, "--model", "nlm")
    for folder in ("1.2.840.10008", "study v2.1"):  # a name may have dots
        assert denoise(a_series, tmp_path / folder, "--model", "gaussian") == 0


def test_a_spread_is_no_series(a_series, tmp_path, capsys):
    argv = ["denoise", a_series, tmp_path / "out", "--model", "nlm", "--draws", 2, "--spread", tmp_path / "spread"]
    assert "must end in" in refused(capsys, *argv)


def test_a_series_and_a_spread_in_one_go(a_series, tmp_path, a_small_network):
    spread = tmp_path / "spread.nrrd"
    argv = (a_series, tmp_path / "out", "--model", a_small_network, "--draws", 2, "--spread", spread, "--device", "cpu")
    assert denoise(*argv) == 0
    assert read_volume(spread).shape == (4, 36, 32)
    assert "2x" in results(tmp_path / "out")[0].SeriesDescription
    assert made.stored(results(tmp_path / "out")[0]).shape == (36, 32)
