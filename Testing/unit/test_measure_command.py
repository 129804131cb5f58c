"""`ldct-denoise measure` as a user meets it: figures, files, regions, and one sentence for what is wrong."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib import read_volume, write_volume
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.orientation import Orientation


@pytest.fixture
def a_file(tmp_path, a_small_ct) -> Path:
    return write_volume(a_small_ct, tmp_path / "a scan of Jürgen" / "in.nrrd")


def halved(volume):
    """Half of the noise."""
    clean = np.where(volume.hu > -500, 50.0, -1000.0).astype(np.float32)
    return volume.with_hu(clean + (volume.hu - clean) / 2)


def document(tmp_path, *argv) -> dict:
    out = tmp_path / "all.json"
    assert main(["measure", *(str(a) for a in argv), "--json", str(out), "--overwrite", "--progress", "none"]) == 0
    return json.loads(out.read_text(encoding="utf-8"))


def value(answer: dict, image: str, key: str):
    found = [one["value"] for one in answer["figures"] if (one["image"], one["key"]) == (image, key)]
    return found[0] if found else None


def refused(capsys, *argv) -> str:
    assert main([str(a) for a in argv]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("ldct-denoise: ") and "\n" not in error
    return error


def test_a_volume_alone_is_measured(a_file, capsys):
    assert main(["measure", str(a_file)]) == 0
    said = capsys.readouterr().out
    assert "Noise level" in said and "HU" in said and "4 of 4 slices" in said
    assert "For research use only. Not for diagnosis." in said and "HU shift" not in said


def test_denoised_volumes_are_measured_against_the_input(a_file, a_small_ct, tmp_path):
    half = write_volume(halved(a_small_ct), tmp_path / "half.nii.gz")
    answer = document(tmp_path, a_file, "--denoised", half, "--denoised", f"again={half}")
    assert answer["images"] == ["input", "half", "again"]
    assert value(answer, "half", "noise_reduction") == pytest.approx(50, abs=6)
    assert value(answer, "half", "bias_soft") == pytest.approx(0, abs=0.5)
    assert value(answer, "half", "noise") == value(answer, "again", "noise")
    assert value(answer, "half", "psnr_full") is None


def test_methods_are_run_and_their_records_kept(a_file, tmp_path):
    answer = document(tmp_path, a_file, "--models", "median,gaussian", "--slices", "1:3")
    assert answer["images"] == ["input", "median", "gaussian"] and answer["input"]["slices"] == [1, 2]
    assert answer["records"]["median"]["model"] == "median" and answer["titles"]["gaussian"] == "Gaussian smoothing"
    assert value(answer, "median", "noise") < value(answer, "input", "noise")
    assert value(answer, "median", "seconds_per_slice") > 0


def test_a_reference_adds_every_named_definition(a_file, a_small_ct, tmp_path):
    clean = write_volume(halved(halved(a_small_ct)), tmp_path / "normal.nrrd")
    answer = document(tmp_path, a_file, "--models", "gaussian", "--reference", clean)
    assert answer["reference"] == "reference" and answer["images"][-1] == "reference"
    for window in ("full", "soft", "lung", "founddiff"):
        for kind in ("psnr", "gain", "ssim", "rmse", "mae"):
            assert value(answer, "gaussian", f"{kind}_{window}") is not None
    assert len([row for row in answer["per_slice"] if row["image"] == "gaussian" and "psnr_full" in row]) == 4


def test_figures_do_not_depend_on_how_the_volumes_are_stored(a_small_ct, tmp_path):
    """Sagittal and upside down, both volumes each in its own way would be other slices: both in the same way."""
    low, half = a_small_ct, halved(a_small_ct)
    turned = Orientation((1, 0, 2), (True, True, False))
    answers = []
    for number, volumes in enumerate(([low, half], [low.reoriented(turned), half.reoriented(turned)])):
        paths = [write_volume(v, tmp_path / f"{number}-{i}.nrrd") for i, v in enumerate(volumes)]
        answers.append(document(tmp_path, paths[0], "--denoised", f"half={paths[1]}", "--slices", "0:4"))
    upright, sideways = answers
    assert sideways["figures"] == upright["figures"]
    assert sideways["input"]["slices"] == upright["input"]["slices"][::-1] and sideways["input"]["shape"] == [80, 64, 4]


def test_part_of_the_slices_of_a_volume_stored_from_head_to_feet(a_small_ct, tmp_path):
    volume = a_small_ct.with_hu(a_small_ct.hu * np.array([1, 1.5, 2, 2.5], np.float32)[:, None, None])
    upside = replace(volume, hu=volume.hu[::-1].copy(), direction=volume.direction * [1, 1, -1])
    answer = document(tmp_path, write_volume(upside, tmp_path / "up.nrrd"), "--slices", "0:2", "--models", "median")
    assert answer["input"]["slices"] == [1, 0]
    straight = document(tmp_path, write_volume(volume, tmp_path / "low.nrrd"), "--slices", "2:4", "--models", "median")
    untimed = [[one for one in a["figures"] if one["key"] != "seconds_per_slice"] for a in (answer, straight)]
    assert untimed[0] == untimed[1]


def test_regions_give_noise_and_contrast(a_file, a_small_ct, tmp_path):
    labels = np.zeros(a_small_ct.shape, np.float32)
    labels[1:3, 20:44, 30:50], labels[1:3, 0:5, 0:80] = 1, 2
    import SimpleITK as sitk

    image = sitk.Cast(sitk.GetImageFromArray(labels), sitk.sitkUInt8)
    image.CopyInformation(sitk.ReadImage(str(a_file)))
    sitk.WriteImage(image, str(tmp_path / "labels.nrrd"))
    answer = document(tmp_path, a_file, "--roi", tmp_path / "labels.nrrd")
    assert answer["input"]["slices"] == [1, 2] and answer["rois"]["origin"] == "user"
    assert value(answer, "input", "roi_mean") == pytest.approx(50, abs=2)
    assert value(answer, "input", "roi_sd") == pytest.approx(20, rel=0.05)
    assert value(answer, "input", "cnr_contrast") == pytest.approx(1050, abs=10)


def test_the_report_and_the_table_are_written_whole_or_not_at_all(a_file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page, table = tmp_path / "new" / "report.html", tmp_path / "figures.csv"
    assert main(["measure", str(a_file), "--models", "median", "--html", str(page), "--csv", str(table)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Not for diagnosis" in text and "data:image/png;base64," in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text), "nothing is fetched"
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {"input", "median"} and "unit" in rows[0]
    assert "exists already" in refused(capsys, "measure", a_file, "--html", page)
    assert sorted(path.name for path in tmp_path.rglob("*.part")) == []


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--denoised", "nothing.nrrd"], "does not exist"),
        (["--denoised", "input=x.nrrd"], "cannot be the name"),
        (["--models", "median", "--denoised", "median=x.nrrd"], "are called median"),
        (["--lesions"], "--models"),
        (["--fid-weights", "w.pt"], "--reference"),
        (["--slices", "3:9"], "4 slices"),
        (["--most", "0"], "not a number of slices"),
        (["--record", "no.json"], "no record"),
        (["--roi", "no.nrrd"], "does not exist"),
        (["--models", "medium"], "medium"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(a_file, tmp_path, monkeypatch, capsys, argv, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused(capsys, "measure", a_file, *argv)


def test_a_denoised_volume_of_another_size_is_refused(a_file, a_small_ct, tmp_path, capsys):
    other = write_volume(a_small_ct.slices(0, 3), tmp_path / "other.nrrd")
    assert "80×64×3" in refused(capsys, "measure", a_file, "--denoised", other)
    assert document(tmp_path, a_file, "--denoised", other, "--slices", "0:3")["images"] == ["input", "other"]


def test_a_volume_that_lies_elsewhere_is_noticed(a_file, a_small_ct, tmp_path):
    moved = replace(a_small_ct, origin=(0.0, 0.0, 0.0))
    answer = document(tmp_path, a_file, "--denoised", write_volume(moved, tmp_path / "moved.nrrd"))
    assert any("lies elsewhere" in text for text in answer["notices"])


def test_the_record_of_a_denoised_file_stands_in_the_document(a_file, tmp_path):
    out, record = tmp_path / "median.nrrd", tmp_path / "how.json"
    assert main(["denoise", str(a_file), str(out), "--model", "median", "--report", str(record)]) == 0
    answer = document(tmp_path, a_file, "--denoised", out, "--record", record)
    assert answer["records"]["median"]["model"] == "median" and "version" in answer["records"]["median"]
    assert read_volume(out).shape == (4, 64, 80)


def test_several_draws_of_a_random_method_have_a_spread(a_file, tmp_path, a_small_network):
    answer = document(tmp_path, a_file, "--models", a_small_network, "--draws", "2", "--slices", "0:1")
    assert value(answer, a_small_network, "spread") > 0
    assert "not an uncertainty" in answer["definitions"]["spread"]["meaning"]
