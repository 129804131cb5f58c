"""When memory runs out the engine steps down, says so at each step, and the result is still whole."""

import numpy as np
import pytest
from fakes import Halving, OnDevice
from LDCTDenoiseLib import Cancelled, CTVolume, InputError
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume
from LDCTDenoiseLib.inference.ladder import is_out_of_memory
from LDCTDenoiseLib.inference.tiles import denoise_in_tiles

SIDE = 512


def a_volume(slices: int = 6) -> CTVolume:
    return CTVolume(np.random.default_rng(0).normal(0, 50, (slices, SIDE, SIDE)).astype(np.float32))


def run(method, setup: Setup, slices: int = 6):
    said = []
    volume = a_volume(slices)
    outcome = denoise_volume(volume, method, Settings(), setup=setup, notice=said.append)
    np.testing.assert_allclose(outcome.volume.hu, volume.hu / 2, atol=1e-3)
    assert outcome.notices == tuple(said)
    return outcome, said


def test_the_batch_is_halved_until_it_fits():
    method = Halving(pixels_at_once=2 * SIDE**2)
    outcome, said = run(method, Setup(batch=8), slices=10)
    assert outcome.rung.batch == 2
    assert [shape[0] for shape in method.shapes] == [2] * 5
    assert said == [
        "Memory is short: going on with 4 slices at a time.",
        "Memory is short: going on with 2 slices at a time.",
    ]


def test_a_network_goes_on_in_tiles_when_one_slice_does_not_fit():
    outcome, said = run(OnDevice(pixels_at_once=256**2), Setup("cuda:0", batch=2), slices=2)
    assert outcome.rung.tile == 256 and outcome.rung.device == "cuda:0"
    assert len(said) == 2 and "one slice" in said[0] and "tiles of 256" in said[1]


def test_the_processor_is_the_last_resort_and_takes_whole_slices_again():
    pytest.importorskip("torch")
    method = OnDevice(pixels_at_once=100)
    outcome, said = run(method, Setup("cuda:0", "float16", batch=1), slices=2)
    assert outcome.rung.device == "cpu" and outcome.rung.tile is None
    assert outcome.setup.precision == "float32" and method.places == ["cpu"]
    assert "processor" in said[-1] and len(said) == 3


def test_when_nothing_is_left_to_try_one_sentence_says_so():
    pytest.importorskip("torch")
    with pytest.raises(InputError, match="too little memory"):
        denoise_volume(a_volume(1), OnDevice(100, 100), Settings(), setup=Setup("cuda:0"))


def test_other_errors_are_not_taken_for_lack_of_memory():
    class Wrong(Halving):
        def denoise(self, slices_hu, *, seeds, spacing=None):
            raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        denoise_volume(a_volume(1), Wrong(), Settings(), setup=Setup(batch=4))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"))
    assert is_out_of_memory(MemoryError()) and not is_out_of_memory(ValueError("out of memory"))


@pytest.mark.parametrize(
    "text", ["could not create a primitive", "std::bad_alloc", "can't start new thread", "CUDA out of memory."]
)
def test_what_libraries_say_when_memory_runs_out_is_understood(text: str):
    assert is_out_of_memory(RuntimeError(text)) and not is_out_of_memory(OSError(text))


def test_neighbouring_tiles_that_differ_are_blended_without_a_seam():
    class Levelling:
        """Takes away the mean of what it sees, as a norm over the slice does: tiles disagree about it."""

        def denoise(self, slices_hu, *, seeds, spacing=None):
            return slices_hu - slices_hu.mean(axis=(1, 2), keepdims=True)

    slope = np.tile(np.linspace(0, 400, 600, dtype=np.float32), (1, 300, 1))
    tiled = denoise_in_tiles(Levelling(), slope, seeds=[0], spacing=None, tile=128)
    steps = np.abs(np.diff(tiled[0, 150]))
    assert steps.max() < 3 * (400 / 600), "a hard border would be a step of some 40 HU"


def test_every_tile_has_noise_of_its_own():
    seen = []

    class Listening:
        def denoise(self, slices_hu, *, seeds, spacing=None):
            seen.extend(seeds)
            return slices_hu

    denoise_in_tiles(Listening(), np.zeros((2, 300, 300), np.float32), seeds=[1, 2], spacing=None, tile=128)
    assert len(set(seen)) == len(seen) > 8


@pytest.mark.parametrize("shape", [(1, 512, 512), (2, 300, 517), (1, 40, 600), (1, 10, 10)])
def test_tiles_cover_a_slice_of_any_size_without_a_seam(shape):
    slices = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    method = Halving(pixels_at_once=128**2)
    tiled = denoise_in_tiles(method, slices, seeds=[0] * shape[0], spacing=None, tile=128)
    np.testing.assert_allclose(tiled, slices / 2, atol=1e-6)


def test_a_run_cancelled_after_a_step_down_leaves_no_false_setup_behind():
    pytest.importorskip("torch")
    from LDCTDenoiseLib.inference.run import WarmModel
    from LDCTDenoiseLib.weights.store import find_card

    method = OnDevice(pixels_at_once=100)
    settings, volume = Settings(), a_volume(2)
    key = (settings.device, settings.precision, None, volume.hu.shape[1:])
    warm = WarmModel(find_card("gaussian"), method)
    warm._setups = {key: Setup("cuda:0")}

    def cancel() -> bool:
        return method.places == ["cpu"]

    with pytest.raises(Cancelled):
        warm.denoise(volume, settings, cancel=cancel)
    assert warm.denoise(volume, settings).record["device"] == "cpu"
