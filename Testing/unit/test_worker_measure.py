"""What the worker answers when it is asked to measure: the document, and the files that were asked for."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from worker_factory import GEOMETRY, WITHOUT_TORCH_AND_SCIKIT_IMAGE, a_stored_volume, started


@pytest.fixture(scope="module")
def worker():
    with started() as worker:
        yield worker


@pytest.fixture
def volume(tmp_path):
    return a_stored_volume(tmp_path)


def measured(tmp_path, **images) -> dict:
    for name, hu in images.items():
        np.save(tmp_path / f"{name}.npy", hu)
    return {"do": "measure", **{name: str(tmp_path / f"{name}.npy") for name in images}, **GEOMETRY}


def value(answer, image, key):
    found = [one["value"] for one in answer["document"]["figures"] if (one["image"], one["key"]) == (image, key)]
    return found[0] if found else None


def test_the_document_says_how_much_noise_is_left(worker, volume, tmp_path):
    clean = np.where(volume > -500, 50, -1000)
    answer = worker.ask(**measured(tmp_path, before=volume, after=(clean + 0.5 * (volume - clean)).astype(np.float32)))
    document = answer["document"]
    assert document["input"]["slices"] == [0, 1, 2, 3] and document["images"] == ["input", "after"]
    assert 15 < value(answer, "input", "noise") < 25
    assert value(answer, "after", "noise") == pytest.approx(value(answer, "input", "noise") / 2, rel=0.1)
    assert value(answer, "after", "noise_reduction") == pytest.approx(50, abs=5)
    assert set(document["definitions"]) == {one["key"] for one in document["figures"]}


def test_the_shift_of_tissues_leaves_out_what_was_not_measured(worker, volume, tmp_path):
    volume[:, :, :12] = -3024  # what was not measured does not count as air
    after = np.where(volume == -3024, volume, volume + np.where(volume > -500, 3.0, -8.0))
    answer = worker.ask(**measured(tmp_path, before=volume, after=after.astype(np.float32)))
    assert value(answer, "after", "bias_air") == pytest.approx(-8, abs=0.2)
    assert value(answer, "after", "bias_soft") == pytest.approx(3, abs=0.2)
    assert value(answer, "after", "bias_bone") is None


def test_figures_do_not_depend_on_the_storage(worker, volume, tmp_path):
    request = {"before": volume, "after": (volume * 0.9).astype(np.int16), "reference": volume + np.int16(3)}
    expected = worker.ask(**measured(tmp_path, **request))["document"]
    turned = measured(tmp_path, **{name: hu.transpose(1, 0, 2)[:, ::-1] for name, hu in request.items()})
    turned |= {"spacing": [0.8, 2.5, 0.8], "direction": [1, 0, 0, 0, 0, 1, 0, -1, 0]}
    found = worker.ask(**turned)["document"]
    assert found["figures"] == expected["figures"]
    assert found["input"] == {**expected["input"], "slices": [3, 2, 1, 0]}  # as stored


def test_slices_stored_from_head_to_feet_keep_their_numbers(worker, volume, tmp_path):
    upright = worker.ask(**measured(tmp_path, before=volume, after=volume))["document"]
    request = measured(tmp_path, before=volume[::-1], after=volume[::-1])
    turned = worker.ask(**{**request, "direction": [1, 0, 0, 0, 1, 0, 0, 0, -1]})["document"]
    assert turned["figures"] == upright["figures"]
    assert turned["input"]["slices"] == [3, 2, 1, 0]
    noise = {row["slice"]: row["noise"] for row in turned["per_slice"] if row["image"] == "input"}
    assert noise[3] == next(r["noise"] for r in upright["per_slice"] if (r["image"], r["slice"]) == ("input", 0))


def test_against_a_reference_there_are_all_named_definitions(worker, volume, tmp_path):
    clean = np.where(volume > -500, 50, -1000).astype(np.float32)
    worker.send(**measured(tmp_path, before=volume, after=clean + (volume - clean) / 2, reference=clean))
    *progress, answer = worker.events()
    for window in ("full", "soft", "lung", "founddiff"):
        assert value(answer, "after", f"psnr_{window}") > value(answer, "input", f"psnr_{window}")
        assert value(answer, "after", f"ssim_{window}") > value(answer, "input", f"ssim_{window}")
    done = [event["done"] for event in progress if event["event"] == "progress"]
    assert done == list(range(done[-1] + 1)) and {e["total"] for e in progress if e["event"] == "progress"} == {
        done[-1]
    }


def test_similarity_needs_no_scikit_image(volume, tmp_path):
    with started(WITHOUT_TORCH_AND_SCIKIT_IMAGE) as worker:
        answer = worker.ask(**measured(tmp_path, before=volume, after=volume + np.int16(1), reference=volume))
    assert value(answer, "after", "ssim_full") > 0.99
    assert value(answer, "input", "psnr_full") is None  # infinite


def test_noise_is_measured_in_the_users_region(worker, volume, tmp_path):
    loud = volume.astype(np.float32)
    loud[1:3, 12:36, 20:44] = np.random.default_rng(0).normal(400, 80, (2, 24, 24))
    mask = np.zeros(volume.shape, np.uint8)
    mask[1:3, 12:36, 20:44] = 1
    np.save(tmp_path / "roi.npy", mask)
    request = {**measured(tmp_path, before=loud, after=loud), "rois": [str(tmp_path / "roi.npy")]}
    answer = worker.ask(**request)
    assert value(answer, "input", "roi_mean") == pytest.approx(400, abs=10)
    assert value(answer, "input", "roi_sd") == pytest.approx(80, rel=0.1)
    assert value(answer, "input", "nps_noise") == pytest.approx(80, rel=0.1)
    assert answer["document"]["input"]["slices"] == [1, 2] and answer["document"]["rois"]["origin"] == "user"
    np.save(tmp_path / "roi.npy", mask * 0)
    assert "does not meet the volume" in worker.ask(**request)["text"]


def test_the_files_that_were_asked_for_are_written(worker, volume, tmp_path):
    pytest.importorskip("matplotlib")
    outputs = {kind: str(tmp_path / f"é {kind}.{kind}") for kind in ("json", "csv")}
    outputs["report"] = str(tmp_path / "the report.html")
    names = {"before": "Scan <b>", "after": "Mine"}
    request = {**measured(tmp_path, before=volume, after=volume * 0.9), **outputs, "names": names}
    answer = worker.ask(**request, record={"model": "rddm-fine", "seed": 3})
    page = (tmp_path / "the report.html").read_text(encoding="utf-8")
    assert "Scan &lt;b&gt;" in page and "rddm-fine" in page and "Not for diagnosis" in page
    assert json.loads(Path(outputs["json"]).read_text(encoding="utf-8")) == answer["document"]
    assert Path(outputs["csv"]).read_text(encoding="utf-8").startswith("image,key,value,error,unit\n")


def test_volumes_that_do_not_fit_are_not_measured(worker, volume, tmp_path):
    assert "64×48×4 and 64×48×2" in worker.ask(**measured(tmp_path, before=volume, after=volume[:2]))["text"]


def test_no_more_than_forty_slices_are_measured(worker, tmp_path):
    hu = np.random.default_rng(0).normal(50, 20, (100, 24, 24)).astype(np.int16)
    document = worker.ask(**measured(tmp_path, before=hu, after=hu))["document"]
    assert len(document["input"]["slices"]) == 40 and document["input"]["slices_total"] == 100


def test_the_second_region_counts_in_the_slices_of_the_first(worker, volume, tmp_path):
    first, second = np.zeros(volume.shape, np.uint8), np.zeros(volume.shape, np.uint8)
    first[1:3, 12:36, 20:44], second[0:2, 14:30, 22:40] = 1, 1
    for name, mask in (("a", first), ("b", second)):
        np.save(tmp_path / f"{name}.npy", mask)
    paths = [str(tmp_path / f"{name}.npy") for name in ("a", "b")]
    answer = worker.ask(**measured(tmp_path, before=volume, after=volume * 0.9), rois=paths)
    assert answer["document"]["notices"] == [
        "The second region also lies in slices that the first does not reach: only slices of the first count."
    ]
    assert value(answer, "input", "cnr") is not None


def test_what_the_worker_reads_is_not_replaced(worker, volume, tmp_path):
    request = measured(tmp_path, before=volume, after=volume)
    answer = worker.ask(**request, json=request["after"])
    assert "inputs are never replaced" in answer["text"]
    np.testing.assert_array_equal(np.load(request["after"]), volume)
