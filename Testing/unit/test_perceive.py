"""Perception of a volume: dose and anatomy slice by slice, the ranges that they make, and what they suggest."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.errors import Cancelled, InputError
from LDCTDenoiseLib.methods.perceived import Dose, Perceived, fraction_text, segments
from LDCTDenoiseLib.methods.suggestion import RULE, suggest

pytest.importorskip("torch")

from LDCTDenoiseLib.inference.perceive import evenly, perceive_volume, place_perception
from perception_factory import ANATOMIES, SeesNoise, a_perception, slices_of

EVERY_VARIANT = {"rddm-fine", "rddm-balanced", "rddm-smooth"}
HEAD_TO_FEET = np.diag([1.0, 1.0, -1.0])


def chances(*labels: int, sure: float = 0.98) -> np.ndarray:
    """Probabilities [n, 3] with `sure` for the given class of each slice."""
    rest = (1 - sure) / 2
    return np.array([[sure if k == label else rest for k in range(3)] for label in labels])


def a_volume(hu: np.ndarray, **more) -> CTVolume:
    return CTVolume(hu, **{"spacing": (0.8, 0.8, 5.0), **more})


# ranges


def test_a_single_slice_that_looks_like_something_else_makes_no_range_of_its_own():
    labels = [0] * 10 + [2] + [0] * 10
    assert segments(chances(*labels), least=3) == [(0, 21, 0)]
    assert segments(chances(2, *[0] * 10), least=3) == [(0, 11, 0)]


def test_two_anatomies_meet_where_the_slices_change():
    assert segments(chances(*[1] * 8, *[0] * 12), least=3) == [(0, 8, 1), (8, 20, 0)]


def test_slices_that_are_undecided_stay_with_their_neighbours():
    labels = chances(*[1] * 8, *[0] * 8)
    labels[8:10] = [0.35, 0.33, 0.32]  # between the two, a little more like the second
    assert segments(labels, least=3) == [(0, 8, 1), (8, 16, 0)]


def test_a_few_slices_that_hardly_prefer_something_else_are_no_range():
    labels = chances(*[0] * 20)
    labels[8:12] = [0.3, 0.4, 0.3]
    assert segments(labels, least=3) == [(0, 20, 0)]
    labels[8:12] = [0.05, 0.9, 0.05]
    assert segments(labels, least=3) == [(0, 8, 0), (8, 12, 1), (12, 20, 0)]


def test_a_volume_shorter_than_any_range_is_one_range():
    assert segments(chances(1), least=3) == [(0, 1, 1)]
    assert segments(chances(1, 0), least=5) in ([(0, 2, 1)], [(0, 2, 0)])


def test_every_slice_is_in_one_range_whatever_the_probabilities():
    rng = np.random.default_rng(1)
    for count in (1, 2, 5, 40):
        found = segments(rng.dirichlet([0.3] * 3, count), least=4)
        assert found[0][0] == 0 and found[-1][1] == count
        assert all(a[1] == b[0] and a[2] != b[2] for a, b in pairwise(found))
        assert all(stop - start >= min(4, count) for start, stop, _ in found)


def test_a_range_of_thin_slices_is_as_long_as_one_of_thick_slices():
    labels = chances(*[0] * 30, *[2] * 8, *[0] * 30)

    def ranges(thickness):
        return Perceived("m", np.arange(68), (0, 68), np.full(68, 0.25), ANATOMIES, labels, thickness).ranges

    assert len(ranges(1.0)) == 1, "8 mm of head within a chest is no head"
    assert [(r.first, r.last, r.anatomy) for r in ranges(5.0)] == [
        (0, 30, "chest"), (30, 38, "head"), (38, 68, "chest"),
    ]  # fmt: skip


def test_a_few_slices_stand_for_all_of_them():
    numbers = evenly(80, 8)
    assert list(numbers) == [5, 15, 25, 35, 45, 55, 65, 75]
    found = Perceived("m", numbers, (0, 80), np.full(8, 0.25), ANATOMIES, chances(1, 1, 1, 0, 0, 0, 0, 0), 2.0)
    assert [(r.first, r.last, r.anatomy) for r in found.ranges] == [(0, 30, "abdomen"), (30, 80, "chest")]
    assert list(evenly(3, 16)) == [0, 1, 2]


def test_each_range_has_its_own_dose_with_its_spread():
    dose = np.r_[np.full(10, 0.25), np.full(10, 0.1)]
    found = Perceived("m", np.arange(20), (0, 20), dose, ANATOMIES, chances(*[1] * 10, *[0] * 10), 5.0)
    assert [str(r.dose) for r in found.ranges] == ["1/4", "1/10"]
    assert str(found.whole_dose) == "1/6 (1/10–1/4)"
    assert found.whole_dose.low == pytest.approx(0.1) and found.whole_dose.high == pytest.approx(0.25)


def test_a_range_that_is_only_likely_says_so():
    found = Perceived("m", np.arange(6), (0, 6), np.ones(6), ANATOMIES, chances(*[0] * 6, sure=0.5), 5.0)
    assert not found.ranges[0].is_sure and not found.summary()["ranges"][0]["sure"]


@pytest.mark.parametrize(
    ("fraction", "text"), [(1.0, "1"), (1.4, "1"), (0.72, "3/4"), (0.5, "1/2"), (0.24, "1/4"), (0.055, "1/20")]
)
def test_doses_are_said_as_people_say_them(fraction, text):
    assert fraction_text(fraction) == text


def test_the_spread_is_that_of_the_middle_half_of_the_slices():
    dose = Dose.of(2.0 ** -np.arange(5))
    assert (dose.high, dose.median, dose.low) == pytest.approx((1 / 2, 1 / 4, 1 / 8))


def test_quartiles_that_read_the_same_are_not_repeated():
    assert str(Dose(0.25, 0.24, 0.26)) == "1/4" and str(Dose(0.25, 0.2, 0.33)) == "1/4 (1/5–1/3)"


# the volume


def test_each_slice_gets_a_dose_and_an_anatomy():
    found = perceive_volume(a_volume(slices_of((6, 40, 20), (6, -500, 40))), a_perception())
    np.testing.assert_allclose(found.dose, [0.25] * 6 + [1 / 16] * 6, rtol=1e-3)
    assert [(r.first, r.last, r.anatomy) for r in found.ranges] == [(0, 6, "abdomen"), (6, 12, "chest")]
    json = found.to_dict()
    assert json["per_slice"][7]["slice"] == 7 and json["per_slice"][7]["anatomy"] == "chest"
    assert sum(json["per_slice"][7]["probabilities"].values()) == pytest.approx(1)


def test_slices_are_counted_as_the_file_stores_them():
    hu = slices_of((4, 40, 20), (8, -500, 40))
    found = perceive_volume(a_volume(hu, direction=HEAD_TO_FEET), a_perception())
    assert [(r.first, r.last, r.anatomy) for r in found.ranges] == [(0, 4, "abdomen"), (4, 12, "chest")]
    part = perceive_volume(a_volume(hu, direction=HEAD_TO_FEET), a_perception(), slices=(3, 9))
    assert list(part.slices) == list(range(3, 9)) and part.dose[0] == pytest.approx(0.25, rel=1e-3)


def test_the_storage_does_not_change_what_is_seen():
    hu = slices_of((3, 40, 20))
    first, second = SeesNoise(), SeesNoise()
    perceive_volume(a_volume(hu), a_perception(first), at_once=3)
    turned = a_volume(
        np.ascontiguousarray(hu.transpose(1, 0, 2)[:, ::-1]), direction=[[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    )
    perceive_volume(turned, a_perception(second), at_once=3)
    assert second.batches[0].shape == first.batches[0].shape
    assert sorted(s.mean().round(4) for s in second.batches[0]) == sorted(s.mean().round(4) for s in first.batches[0])


def test_what_was_not_measured_is_shown_as_air():
    hu = slices_of((2, 40, 20))
    hu[:, :4] = -3024
    diary = SeesNoise()
    perceive_volume(a_volume(hu, padding=hu == -3024), a_perception(diary))
    assert diary.batches[0].min() == -1024 and diary.batches[0].flags.c_contiguous


def test_it_can_be_cancelled_between_slices():
    diary = SeesNoise()
    with pytest.raises(Cancelled):
        perceive_volume(a_volume(slices_of((5, 0, 9))), a_perception(diary), cancel=lambda: len(diary.batches) > 1)
    assert len(diary.batches) == 2


def test_slices_that_are_not_there_and_values_that_are_no_numbers_are_refused():
    volume = a_volume(slices_of((4, 40, 20)))
    with pytest.raises(InputError, match="4 slices"):
        perceive_volume(volume, a_perception(), slices=(2, 9))
    volume.hu[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        perceive_volume(volume, a_perception())


def test_weights_that_give_no_numbers_are_damaged():
    perception = a_perception()
    perception._readout = lambda dose, anatomy: (dose[:, 0] * float("nan"), anatomy)
    with pytest.raises(InputError, match="damaged"):
        perception.perceive(slices_of((1, 40, 20)))


def test_a_device_that_is_not_there_is_one_sentence():
    with pytest.raises(InputError, match="no device cuda:7"):
        place_perception(a_perception(), "cuda:7")


@pytest.mark.parametrize("factor", [-1.0, float("nan")])
def test_a_device_that_sees_something_else_is_not_used(monkeypatch, factor):
    monkeypatch.setattr("LDCTDenoiseLib.inference.hardware.available_devices", lambda: ["cuda:0", "cpu"])
    diary = SeesNoise()
    good = diary.perceive

    def perceive(hu):
        dose, anatomy = good(hu)
        return dose, anatomy * (factor if diary.places[-1] != "cpu" else 1)

    diary.perceive = perceive
    device, notice = place_perception(a_perception(diary))
    assert device == "cpu" and "cuda:0" in notice and diary.places[-1] == "cpu"
    with pytest.raises(InputError, match="cuda:0 does not perceive"):
        place_perception(a_perception(diary), "cuda")
    fine = SeesNoise()
    assert place_perception(a_perception(fine), "cuda") == ("cuda:0", None) and fine.places[-1] == "cuda:0"


# the suggestion


def test_less_dose_suggests_more_smoothing_and_the_usual_dose_the_least():
    models = [suggest(dose, EVERY_VARIANT).model for dose in (1.0, 0.5, 0.25, 0.05)]
    assert models == ["rddm-fine", "rddm-fine", "rddm-balanced", "rddm-smooth"]
    assert suggest(1.0, EVERY_VARIANT).strength < suggest(0.5, EVERY_VARIANT).strength == 1


def test_a_suggestion_is_something_that_is_here_and_says_what_is_not():
    assert suggest(0.25, {"rddm-balanced"}).reason == RULE[2][2]
    other = suggest(0.05, {"rddm-balanced"})
    assert other.model == "rddm-balanced" and "rddm-smooth" in other.reason
    assert suggest(0.05, {"rddm-smooth-official"}).model == "rddm-smooth-official"
    assert suggest(0.05, set()).model == "bilateral", "which needs neither weights nor packages"


def test_there_is_a_suggestion_for_every_dose():
    for dose in np.geomspace(0.001, 3, 50):
        assert 0 < suggest(float(dose), EVERY_VARIANT).strength <= 1
    assert suggest(0.25, EVERY_VARIANT).sentence.startswith("This suggests rddm-balanced, strength 1, since ")
