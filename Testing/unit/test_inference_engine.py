"""One engine for every method: padding, strength, draws, seeds, cancelling, progress."""

import numpy as np
import pytest
from fakes import Halving, Noisy
from LDCTDenoiseLib import Cancelled, CTVolume, InputError
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume
from LDCTDenoiseLib.inference.seeds import slice_seed


def a_volume(slices: int = 5, **kwargs) -> CTVolume:
    hu = np.random.default_rng(0).normal(40, 100, (slices, 24, 32)).astype(np.float32)
    return CTVolume(hu, (0.7, 0.7, 2.0), (1.0, 2.0, 3.0), **kwargs)


def test_full_strength_gives_what_the_method_gives():
    volume = a_volume()
    np.testing.assert_allclose(denoise_volume(volume, Halving(), Settings()).volume.hu, volume.hu / 2)


def test_strength_mixes_the_input_back_in():
    volume = a_volume()
    result = denoise_volume(volume, Halving(), Settings(strength=0.3)).volume.hu
    np.testing.assert_allclose(result, volume.hu * 0.85, rtol=1e-5)
    np.testing.assert_array_equal(denoise_volume(volume, Halving(), Settings(strength=0)).volume.hu, volume.hu)


def test_the_input_is_never_changed():
    volume = a_volume()
    before = volume.hu.copy()
    denoise_volume(volume, Halving(), Settings())
    np.testing.assert_array_equal(volume.hu, before)


def test_padding_is_hidden_from_the_method_and_comes_back_untouched():
    padding = np.zeros((5, 24, 32), bool)
    padding[:, :4] = True
    plain = a_volume()
    volume = CTVolume(np.where(padding, -3024, plain.hu), padding=padding)
    seen = []

    class Watching(Halving):
        def denoise(self, slices_hu, *, seeds, spacing=None):
            seen.append(slices_hu.min())
            return super().denoise(slices_hu, seeds=seeds, spacing=spacing)

    result = denoise_volume(volume, Watching(), Settings()).volume
    assert min(seen) == -1024
    assert (result.hu[padding] == -3024).all()
    np.testing.assert_allclose(result.hu[~padding], volume.hu[~padding] / 2)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("flips", [(-1, 1, 1), (1, -1, 1), (-1, -1, -1)])
def test_a_volume_stored_the_other_way_round_reaches_the_method_in_ordinary_memory(flips, batch):
    class Strict(Halving):
        def denoise(self, slices_hu, *, seeds, spacing=None):
            assert min(slices_hu.strides) > 0, "torch refuses negative strides"
            return super().denoise(slices_hu, seeds=seeds, spacing=spacing)

    hu = a_volume().hu[tuple(slice(None, None, step) for step in flips)]
    result = denoise_volume(CTVolume(hu), Strict(), Settings(), setup=Setup(batch=batch)).volume.hu
    np.testing.assert_allclose(result, hu / 2)


def test_geometry_and_source_stay():
    volume = a_volume()
    result = denoise_volume(volume, Halving(), Settings()).volume
    assert (result.spacing, result.origin, result.source) == (volume.spacing, volume.origin, volume.source)


def test_a_range_of_slices_lies_where_it_lay_in_the_volume():
    volume = a_volume()
    result = denoise_volume(volume, Halving(), Settings(slices=(2, 4))).volume
    assert len(result.hu) == 2
    assert result.origin == (1.0, 2.0, 7.0)


def test_the_same_seed_gives_the_same_answer_whatever_the_batch_and_the_range():
    volume = a_volume()
    one = denoise_volume(volume, Noisy(), Settings(seed=3), setup=Setup(batch=1)).volume.hu
    many = denoise_volume(volume, Noisy(), Settings(seed=3), setup=Setup(batch=4)).volume.hu
    some = denoise_volume(volume, Noisy(), Settings(seed=3, slices=(1, 3))).volume.hu
    np.testing.assert_array_equal(one, many)
    np.testing.assert_array_equal(some, one[1:3])
    assert not np.array_equal(one, denoise_volume(volume, Noisy(), Settings(seed=4)).volume.hu)


def test_slices_and_draws_have_seeds_of_their_own():
    seeds = {slice_seed(seed, index, draw) for seed in range(5) for index in range(20) for draw in range(5)}
    assert len(seeds) == 500


def test_draws_are_averaged_and_their_spread_is_the_standard_deviation():
    volume = a_volume()
    draws = [Noisy().denoise(volume.hu, seeds=[slice_seed(0, i, k) for i in range(5)]) for k in range(4)]
    result = denoise_volume(volume, Noisy(), Settings(draws=4, strength=0.5))
    np.testing.assert_allclose(result.volume.hu, (np.mean(draws, 0) + volume.hu) / 2, atol=1e-3)
    np.testing.assert_allclose(result.spread.hu, np.std(draws, 0, ddof=1) / 2, atol=1e-3)
    assert denoise_volume(volume, Noisy(), Settings()).spread is None


def test_the_spread_is_zero_where_nothing_was_measured():
    padding = np.zeros((5, 24, 32), bool)
    padding[:, 0] = True
    spread = denoise_volume(a_volume(padding=padding), Noisy(), Settings(draws=2)).spread
    assert not spread.hu[padding].any() and spread.padding is None and spread.hu[~padding].any()


def test_several_draws_of_a_method_without_chance_are_refused():
    with pytest.raises(InputError, match="same answer"):
        denoise_volume(a_volume(), Halving(), Settings(draws=2))


@pytest.mark.parametrize(
    "settings", [Settings(strength=1.5), Settings(strength=-0.1), Settings(draws=0), Settings(slices=(3, 3)),
                 Settings(slices=(0, 6)), Settings(slices=(-1, 2)), Settings(strength=float("nan"))]
)  # fmt: skip
def test_impossible_settings_are_refused(settings):
    with pytest.raises(InputError):
        denoise_volume(a_volume(), Halving(), settings)


def test_a_negative_seed_is_refused():
    with pytest.raises(InputError, match="seed"):
        denoise_volume(a_volume(), Noisy(), Settings(seed=-1))


def test_cancelling_stops_before_the_next_batch():
    method, asked = Halving(), []

    def cancel() -> bool:
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        denoise_volume(a_volume(), method, Settings(), setup=Setup(batch=1), cancel=cancel)
    assert len(method.shapes) == 2


def test_progress_counts_every_evaluated_slice():
    heard = []
    denoise_volume(
        a_volume(), Noisy(), Settings(draws=3), setup=Setup(batch=2), progress=lambda *event: heard.append(event)
    )
    assert [done for done, *_ in heard] == [2, 4, 6, 8, 10, 12, 13, 14, 15]
    assert {event[1:] for event in heard} == {(15, "denoise")}


def test_values_that_are_not_numbers_are_an_error_and_no_result():
    class Broken(Halving):
        def denoise(self, slices_hu, *, seeds, spacing=None):
            return np.full_like(slices_hu, np.nan)

    with pytest.raises(InputError, match="not numbers"):
        denoise_volume(a_volume(), Broken(), Settings())


def test_a_method_without_a_device_computes_on_the_processor_but_knows_what_a_device_is():
    with pytest.raises(InputError, match="no device abacus"):
        denoise_volume(a_volume(), Halving(), Settings(device="abacus"))
    outcome = denoise_volume(a_volume(), Halving(), Settings(device="cuda:1"))
    assert (outcome.setup.device, outcome.rung.device) == ("cpu", "cpu")
