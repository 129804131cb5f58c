"""What the worker answers: denoise, state, simulate, import_weights."""

from __future__ import annotations

import numpy as np
import pytest
from worker_factory import WITHOUT_TORCH_AND_SCIKIT_IMAGE, a_stored_volume, denoise, started


@pytest.fixture
def worker():
    with started() as worker:
        yield worker


@pytest.fixture
def volume(tmp_path):
    return a_stored_volume(tmp_path)


def test_a_volume_is_denoised_and_keeps_its_type_and_padding(worker, volume, tmp_path):
    worker.send(**denoise(tmp_path))
    *progress, result = worker.events()
    assert [e["done"] for e in progress if e["stage"] == "denoise"] == [1, 2, 3, 4]
    assert result["output"] == str(tmp_path / "after.npy") and result["origin"] == [0, 0, 0]
    assert result["record"]["model"] == "gaussian" and result["record"]["slices"] == [0, 4]
    after = np.load(tmp_path / "after.npy")
    assert (after.dtype, after.shape) == (volume.dtype, volume.shape)
    padded = volume == -3024
    assert (after[padded] == -3024).all() and after[~padded].min() > -1100
    assert after[:, 20:28, 28:36].std() < 0.7 * volume[:, 20:28, 28:36].std()
    assert not list(tmp_path.glob("*.part"))


def test_every_real_type_of_number_comes_back(worker, tmp_path):
    for dtype in ["uint8", "int16", ">i2", "uint16", "int32", "uint64", "float16", "float32", "float64"]:
        hu = (np.random.default_rng(1).normal(100, 20, (2, 32, 32))).astype(dtype)
        np.save(tmp_path / "before.npy", np.asfortranarray(hu))
        assert worker.ask(**denoise(tmp_path))["event"] == "result"
        after = np.load(tmp_path / "after.npy")
        assert after.dtype == np.dtype(dtype) and abs(after.astype(float).mean() - 100) < 2


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_the_input_stays_as_it_is(worker, tmp_path, dtype):
    hu = np.random.default_rng(1).normal(0, 20, (2, 32, 32)).astype(dtype)
    np.save(tmp_path / "before.npy", hu)
    assert worker.ask(**denoise(tmp_path))["event"] == "result"
    np.testing.assert_array_equal(np.load(tmp_path / "before.npy"), hu)
    assert np.load(tmp_path / "after.npy").std() < 0.9 * hu.std()


def test_whole_numbers_are_rounded_and_clipped_to_what_they_can_hold(tmp_path):
    from LDCTDenoiseLib.worker.arrays import write_array

    hu = np.array([-40.0, 0.5, 1.5, 254.6, 300.0, 1e30], np.float32).reshape(1, 1, 6)
    for dtype, expected in {
        "uint8": [0, 0, 2, 255, 255, 255],
        "int32": [-40, 0, 2, 255, 300, 2**31 - 1],
        "int64": [-40, 0, 2, 255, 300, 2**63 - 1024],
    }.items():
        write_array(tmp_path / "x.npy", hu, np.dtype(dtype))
        np.testing.assert_array_equal(np.load(tmp_path / "x.npy").ravel(), np.array(expected, dtype))


def test_a_slice_alone_gives_the_hu_that_it_has_in_the_whole_volume(worker, volume, tmp_path, a_small_network):
    from LDCTDenoiseLib.files.padding import plateau_value

    flipped = {"model": a_small_network, "seed": 3, "direction": [-1, 0, 0, 0, 1, 0, 0, 0, -1]}
    assert worker.ask(**denoise(tmp_path, **flipped))["event"] == "result"
    whole = np.load(tmp_path / "after.npy")
    np.save(tmp_path / "before.npy", volume[2:3])
    part = {"first_slice": 2, "total_slices": 4, "padding": plateau_value(volume)}
    result = worker.ask(**denoise(tmp_path, **flipped, **part))
    assert result["record"]["slices"] == [2, 3]
    np.testing.assert_array_equal(np.load(tmp_path / "after.npy"), whole[2:3])


def test_the_padding_of_a_part_is_what_the_request_says(worker, tmp_path):
    rng = np.random.default_rng(0)
    hu = np.where(np.arange(32) < 8, -1500, rng.normal(0, 20, (1, 32, 32))).astype(np.int16)
    np.save(tmp_path / "before.npy", hu)
    edges = []
    for padding in ({}, {"padding": -1500}, {"padding": None}):
        assert worker.ask(**denoise(tmp_path, **padding))["event"] == "result"
        edges.append(np.load(tmp_path / "after.npy")[0, :, 7])
    assert (edges[0] == -1500).all() and (edges[1] == -1500).all() and (edges[2] > -1500).all()


def test_a_range_of_slices_counts_along_the_axis_from_head_to_feet(worker, volume, tmp_path):
    np.save(tmp_path / "before.npy", volume.transpose(1, 0, 2))  # coronal planes
    coronal = {"spacing": [0.8, 2.5, 0.8], "origin": [5, 6, 7], "direction": [1, 0, 0, 0, 0, 1, 0, 1, 0]}
    result = worker.ask(**{**denoise(tmp_path), **coronal, "slices": [1, 3]})
    assert result["origin"] == [5, 6, 9.5]
    assert np.load(tmp_path / "after.npy").shape == (48, 2, 64)


def test_the_model_stays_warm_until_another_is_used(worker, volume, tmp_path, a_small_network):
    from LDCTDenoiseLib.weights.store import imported_folder

    request = denoise(tmp_path, model=a_small_network)
    assert worker.ask(**request)["event"] == "result"
    weights = next(imported_folder().glob("*.safetensors"))
    weights.write_bytes(b"\0" * weights.stat().st_size)  # read again, it would be damaged
    assert worker.ask(**request)["event"] == "result"
    assert worker.ask(**{**request, "model": "median"})["event"] == "result"
    assert "damaged" in worker.ask(**request)["text"]


def test_values_unlike_hu_are_noticed(worker, volume, tmp_path):
    np.save(tmp_path / "before.npy", np.abs(volume))
    worker.send(**denoise(tmp_path))
    assert any("does not look like Hounsfield" in e["text"] for e in worker.events() if e["event"] == "notice")


def test_the_state_lists_versions_devices_and_models(worker):
    state = worker.ask(do="state")
    assert state["versions"]["numpy"] == np.__version__
    assert state["devices"][-1]["id"] == "cpu" and state["devices"][-1]["title"].startswith("Processor, ")
    models = {model["id"]: model for model in state["models"]}
    assert models["bilateral"]["ready"] and models["bilateral"]["why"] == "" and models["bilateral"]["missing"] == []
    waiting = models["rddm-fine-official"]
    assert not waiting["ready"] and "import" in waiting["why"]
    assert {"title", "description", "family", "size", "licence", "quality", "time"} <= set(waiting)
    assert state["problems"] == []


def test_the_state_without_torch_and_scikit_image_says_what_is_missing():
    with started(WITHOUT_TORCH_AND_SCIKIT_IMAGE) as worker:
        state = worker.ask(do="state")
    assert state["versions"]["torch"] is None and [d["id"] for d in state["devices"]] == ["cpu"]
    models = {model["id"]: model for model in state["models"]}
    assert models["rddm-balanced"]["missing"] == ["torch"] and "PyTorch" in models["rddm-balanced"]["why"]
    assert models["nlm"]["missing"] == models["tv"]["missing"] == ["skimage"]
    assert models["gaussian"]["ready"] and not models["nlm"]["ready"]
    assert state["problems"] == []


def test_a_broken_torch_is_a_problem_and_no_end(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('libgomp.so.1 is missing')")
    with started(f"import sys; sys.path.insert(0, {str(tmp_path)!r})") as worker:
        state = worker.ask(do="state")
    assert "libgomp.so.1 is missing" in state["problems"][0] and state["versions"]["torch"] is None
    ours = next(model for model in state["models"] if model["id"] == "rddm-balanced")
    assert not ours["ready"] and "does not load" in ours["why"] and ours["missing"] == []


def test_a_low_dose_scan_is_simulated(worker, volume, tmp_path):
    request = {**denoise(tmp_path), "do": "simulate", "dose": 0.25, "seed": 1}
    assert worker.ask(**request)["record"]["dose"] == 0.25
    low, inside = np.load(tmp_path / "after.npy"), np.s_[:, 18:30, 24:40]
    assert low.dtype == np.int16 and low[inside].std() > 1.5 * volume[inside].std()
    assert (low[volume == -3024] == -3024).all()
    assert "between 0 and 1" in worker.ask(**{**request, "dose": 1})["text"]


def test_a_volume_whose_noise_cannot_be_measured_is_still_simulated(worker, tmp_path):
    np.save(tmp_path / "before.npy", np.full((1, 32, 32), -1000, np.float32))
    worker.send(**{**denoise(tmp_path), "do": "simulate", "dose": 0.5, "seed": 1})
    *events, result = worker.events()
    assert result["event"] == "result" and any("average scanner" in e.get("text", "") for e in events)


def test_weights_are_imported(worker, tmp_path):
    torch = pytest.importorskip("torch")
    from LDCTDenoiseLib.weights.store import imported_folder, shipped_cards
    from weights_factory import a_checkpoint, a_state

    network = shipped_cards()[0]["rddm-fine-official"].network
    file = a_checkpoint(tmp_path / "rddm_fine.pth", {name: t.half() for name, t in a_state(**network).items()})
    assert worker.ask(do="import_weights", file=str(file), model=None)["model"] == "rddm-fine-official"
    assert (imported_folder() / "rddm-fine-official.json").exists()
    odd = a_checkpoint(tmp_path / "odd.pth", {"a": torch.zeros(2)})
    assert "not RDDM" in worker.ask(do="import_weights", file=str(odd), model="mine")["text"]


def test_the_result_takes_the_place_of_the_original_but_for_its_padding():
    from LDCTDenoiseLib.errors import InputError
    from LDCTDenoiseLib.volume import CTVolume
    from LDCTDenoiseLib.worker.export_dicom import _filled

    before, after = np.full((2, 3, 4), -3000, np.float32), np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    padding = np.zeros(before.shape, bool)
    padding[1, 0] = True
    filled = _filled(CTVolume(before.copy(), padding=padding), after)
    assert np.array_equal(filled.hu, np.where(padding, before, after))
    assert np.array_equal(_filled(CTVolume(before.copy()), after).hu, after)
    with pytest.raises(InputError, match="not finite"):
        _filled(CTVolume(before.copy()), np.full(before.shape, np.nan))
