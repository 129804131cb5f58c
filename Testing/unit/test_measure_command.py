"""`ldct-denoise measure` as a user meets it: figures, files, regions, and one sentence for what is wrong."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from datetime import datetime, timezone
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


def a_label_file(path: Path, like: Path, **boxes) -> Path:
    """Labels 1, 2, … from boxes of slices."""
    import SimpleITK as sitk

    scan = sitk.ReadImage(str(like))
    labels = np.zeros(scan.GetSize()[::-1], np.uint8)
    for number, box in enumerate(boxes.values(), 1):
        labels[box] = number
    image = sitk.GetImageFromArray(labels)
    image.CopyInformation(scan)
    sitk.WriteImage(image, str(path))
    return path


def test_regions_give_noise_and_contrast(a_file, tmp_path):
    body, air = np.s_[1:3, 20:44, 30:50], np.s_[1:3, 0:5, 0:80]
    answer = document(tmp_path, a_file, "--roi", a_label_file(tmp_path / "l.nrrd", a_file, body=body, air=air))
    assert answer["input"]["slices"] == [1, 2] and answer["rois"]["origin"] == "user"
    assert value(answer, "input", "roi_mean") == pytest.approx(50, abs=2)
    assert value(answer, "input", "roi_sd") == pytest.approx(20, rel=0.05)
    assert value(answer, "input", "cnr_contrast") == pytest.approx(1050, abs=10)
    assert answer["notices"] == []


def test_a_region_too_small_for_texture_still_has_mean_noise_and_contrast(a_file, tmp_path):
    body, air = np.s_[1:3, 30:36, 38:44], np.s_[0:3, 0:5, 0:80]
    answer = document(tmp_path, a_file, "--roi", a_label_file(tmp_path / "l.nrrd", a_file, body=body, air=air))
    assert answer["rois"]["origin"] == "automatic" and value(answer, "input", "nps_rois") > 0
    assert value(answer, "input", "roi_mean") == pytest.approx(50, abs=8)
    assert value(answer, "input", "roi_sd") == pytest.approx(20, rel=0.25)
    assert value(answer, "input", "cnr") > 10
    assert [text for text in answer["notices"] if "no square of 8 × 8" in text]
    assert [text for text in answer["notices"] if "only slices of the first count" in text]


def test_a_region_of_few_voxels_has_a_mean_alone(a_file, tmp_path):
    speck, air = np.s_[1:2, 30:33, 40:43], np.s_[1:2, 0:5, 0:80]
    answer = document(tmp_path, a_file, "--roi", a_label_file(tmp_path / "l.nrrd", a_file, speck=speck, air=air))
    assert value(answer, "input", "roi_mean") == pytest.approx(50, abs=30)
    assert value(answer, "input", "roi_sd") is None and value(answer, "input", "cnr") is None
    assert any("first region of interest holds 9 voxels" in text for text in answer["notices"])


def test_the_report_and_the_table_are_written_whole_or_not_at_all(a_file, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page, table = tmp_path / "new" / "report.html", tmp_path / "figures.csv"
    assert main(["measure", str(a_file), "--models", "median", "--html", str(page), "--csv", str(table)]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Not for diagnosis" in text and "data:image/png;base64," in text
    assert "not the plain curve of TG-233" in text, "the caption of the noise power spectrum"
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
    other = write_volume(read_volume(out), tmp_path / "other.nrrd")
    for argv, name, words in (
        ([f"mine={out}"], "mine", []),  # the record names the file
        ([other, f"mine={out}"], "mine", []),
        ([other], "other", ["median.nrrd and was taken for that of other.nrrd"]),
    ):
        named = [word for one in argv for word in ("--denoised", one)]
        answer = document(tmp_path, a_file, *named, "--record", record)
        assert {name: one["model"] for name, one in answer["records"].items()} == {name: "median"}
        assert len(answer["notices"]) == len(words)
        assert all(any(word in text for text in answer["notices"]) for word in words)


def test_records_that_belong_to_nothing_are_named(a_file, a_small_ct, tmp_path):
    half = write_volume(halved(a_small_ct), tmp_path / "half.nrrd")
    (tmp_path / "records.json").write_text(json.dumps({"half": {"model": "half"}, "nlm": {"model": "nlm"}}))
    answer = document(tmp_path, a_file, "--denoised", half, "--record", tmp_path / "records.json")
    assert list(answer["records"]) == ["half"] and answer["notices"][0].endswith("left out: nlm.")
    (tmp_path / "records.json").write_text(json.dumps({"model": "nlm"}))
    argv = ["--denoised", half, "--denoised", f"b={half}", "--record", tmp_path / "records.json"]
    answer = document(tmp_path, a_file, *argv)
    assert answer["records"] == {} and answer["notices"][0].endswith("left out: nlm.")


def test_the_document_says_what_measured_it(a_file, tmp_path):
    said = document(tmp_path, a_file, "--most", "3")["measured_with"]
    assert said["software"] == "LDCTDenoise" and said["most"] == 3 and said["version"]
    assert {"python", "numpy", "scipy", "SimpleITK"} <= set(said["versions"])
    age = datetime.now(timezone.utc) - datetime.fromisoformat(said["date"])
    assert abs(age.total_seconds()) < 60


def test_one_slice_is_the_middle_one(a_file, tmp_path):
    assert document(tmp_path, a_file, "--most", "1")["input"]["slices"] == [2]


def test_the_same_volume_twice_is_noticed_on_the_terminal_too(a_file, tmp_path, capsys):
    assert main(["measure", str(a_file), "--denoised", f"copy={a_file}", "--reference", str(a_file)]) == 0
    said = capsys.readouterr()
    assert "Note: copy is identical to the input" in said.out and "Note: Normal dose is identical" in said.out
    assert "Note:" not in said.err, "once is enough"


def test_names_with_an_equals_sign_or_control_characters(a_file, tmp_path, capsys):
    write_volume(read_volume(a_file), tmp_path / "a=b" / "out.nrrd")
    assert document(tmp_path, a_file, "--denoised", tmp_path / "a=b" / "out.nrrd")["images"] == ["input", "out"]
    capsys.readouterr()
    assert main(["measure", str(a_file), "--denoised", f"ev\x1b[31mil\n={a_file}"]) == 0
    said = capsys.readouterr().out
    assert "ev[31mil" in said and "\x1b" not in said


def test_the_current_folder_has_a_name(tmp_path, monkeypatch):
    from dicom_factory import ct_series, save, stored_values

    monkeypatch.chdir(save(ct_series(stored_values()), tmp_path / "series"))
    assert document(tmp_path, ".")["input"]["name"] == "series"


def test_several_draws_of_a_random_method_have_a_spread(a_file, tmp_path, a_small_network):
    answer = document(tmp_path, a_file, "--models", a_small_network, "--draws", "2", "--slices", "0:1")
    assert value(answer, a_small_network, "spread") > 0
    assert "not an uncertainty" in answer["definitions"]["spread"]["meaning"]
