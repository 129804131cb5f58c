"""A volume that is given away becomes its own result, and nothing of its size is taken beside it."""

import tracemalloc

import numpy as np
import pytest
from fakes import Halving, Noisy
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.inference import engine
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume

SHAPE = (7, 16, 24)


def a_volume(**kwargs) -> CTVolume:
    return CTVolume(np.random.default_rng(0).normal(40, 100, SHAPE).astype(np.float32), **kwargs)


def padded() -> np.ndarray:
    padding = np.zeros(SHAPE, bool)
    padding[:, :3] = True
    return padding


@pytest.mark.parametrize(
    "settings", [Settings(), Settings(strength=0.3), Settings(draws=3, strength=0.6), Settings(slices=(2, 5))]
)
@pytest.mark.parametrize("direction", [np.diag([1.0, 1, 1]), np.diag([1.0, -1, -1]), np.eye(3)[:, [1, 2, 0]]])
def test_in_place_gives_the_same_and_in_the_volumes_own_memory(settings, direction):
    volume = a_volume(padding=padded(), direction=direction)
    expected = denoise_volume(volume, Noisy(), settings, setup=Setup(batch=2))
    found = denoise_volume(volume, Noisy(), settings, setup=Setup(batch=2), in_place=True)
    np.testing.assert_array_equal(found.volume.hu, expected.volume.hu)
    assert np.shares_memory(found.volume.hu, volume.hu)
    if settings.draws > 1:
        np.testing.assert_array_equal(found.spread.hu, expected.spread.hu)


def test_in_place_also_after_steps_down_the_ladder():
    volume = a_volume()
    wanted = volume.hu / 2
    method = Halving(pixels_at_once=2 * 16 * 24)
    found = denoise_volume(volume, method, Settings(), setup=Setup(batch=7), in_place=True)
    np.testing.assert_allclose(found.volume.hu, wanted)
    assert found.rung.batch == 1 and found.stepped_down


def test_memory_that_must_not_be_written_is_left_alone():
    hu = a_volume().hu
    hu.flags.writeable = False
    found = denoise_volume(CTVolume(hu), Halving(), Settings(), in_place=True)
    np.testing.assert_allclose(found.volume.hu, hu / 2)


def test_a_method_that_gives_back_what_it_was_given_is_averaged_rightly():
    class Lazy(Noisy):
        """Its first draw is what it was given, and each later one has 10 HU more."""

        draws = 0

        def denoise(self, slices_hu, *, seeds, spacing=None):
            self.draws += 1
            return slices_hu if self.draws == 1 else slices_hu + 10 * (self.draws - 1)

    volume = a_volume()
    found = denoise_volume(volume, Lazy(), Settings(draws=3), setup=Setup(batch=7))
    np.testing.assert_allclose(found.volume.hu, volume.hu + 10, rtol=1e-5)
    np.testing.assert_allclose(found.spread.hu, 10, rtol=1e-4)


def test_slices_are_made_ready_once_for_all_draws(monkeypatch):
    made, honest = [], engine._Run.shown
    monkeypatch.setattr(engine._Run, "shown", lambda run, *range: made.append(range) or honest(run, *range))
    denoise_volume(a_volume(), Noisy(), Settings(draws=3), setup=Setup(batch=4))
    assert made == [(0, 4), (4, 7)]


def peak(volume: CTVolume, **how) -> int:
    tracemalloc.start()
    denoise_volume(volume, Noisy(), Settings(draws=3), setup=Setup(batch=1), **how)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def test_no_more_than_some_slices_are_held_beside_the_volume():
    volume = CTVolume(np.zeros((60, 64, 64), np.float32))
    size, one = volume.hu.nbytes, volume.hu[0].nbytes
    assert peak(volume, in_place=True, spread=False) < 20 * one
    assert size < peak(volume, in_place=True) < size + 20 * one
    assert 2 * size < peak(volume) < 2 * size + 20 * one


def test_a_spread_that_is_not_wanted_is_not_made():
    found = denoise_volume(a_volume(), Noisy(), Settings(draws=2), spread=False)
    assert found.spread is None
    both = denoise_volume(a_volume(), Noisy(), Settings(draws=2))
    np.testing.assert_array_equal(found.volume.hu, both.volume.hu)
