"""Simulated lesions look as they should, and lie where a lesion may lie."""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.task.lesions import FWHM, Places, deal, find_places, fullest_slices, insert, lesion, room
from parity import SHARED
from scipy.ndimage import gaussian_filter, median_filter

RADII = [room(d) for d in (3.0, 5.0, 8.0, 12.0)]


def discs(places, shape, spacing):
    """For each place its number of slice and the mask of its disc."""
    row, column = np.indices(shape)
    for s, r, c, radius in zip(places.slice, places.row, places.column, places.radius, strict=True):
        yield s, np.hypot((row - r) * spacing[1], (column - c) * spacing[0]) < radius - 1e-9


@pytest.fixture
def an_organ_with_a_vessel():
    """Three slices: an organ of 55 HU in fat, a band of 130 HU through it, noise of 25 HU; and the noise-free slice."""
    row, column = np.indices((200, 260))
    clean = np.where(((row - 100) / 90) ** 2 + ((column - 130) / 120) ** 2 < 1, 55.0, -90.0)
    clean[np.abs(column - row - 20) < 6] += 75
    noise = 25 * np.random.default_rng(0).standard_normal((3, *clean.shape))
    return clean + noise, clean


@pytest.mark.parametrize("spacing", [(0.5, 0.5), (0.8, 0.6)])
@pytest.mark.parametrize("diameter", [3.0, 8.0])
def test_a_lesion_has_its_area_and_its_middle_the_height_of_a_blurred_disc(diameter, spacing):
    shape = lesion(diameter, spacing, 1.2)
    assert shape.sum() * spacing[0] * spacing[1] == pytest.approx(np.pi * diameter**2 / 4, rel=0.01)
    fine = lesion(diameter, 0.15, 2.0)
    assert fine.max() == pytest.approx(1 - np.exp(-((diameter / 2) ** 2) / (2 * (2.0 / FWHM) ** 2)), abs=0.01)
    middle = fine.shape[0] // 2
    assert fine[middle, middle] == fine.max()


def test_a_lesion_is_round_in_millimetres():
    shape = lesion(8.0, (0.5, 1.0), 1.2)  # half as far between columns as between rows
    rows, columns = shape.shape
    assert np.allclose(shape[:, columns // 2], shape[rows // 2, columns // 2 % 2 :: 2][: len(shape)], atol=0.06)
    assert columns == 2 * rows - 1


def test_places_lie_inside_an_organ_and_off_its_vessel(an_organ_with_a_vessel):
    noisy, clean = an_organ_with_a_vessel
    places = find_places(noisy, 0.75, RADII)
    assert len(places) > 60 and set(places.slice) == {0, 1, 2}
    spoilt = [np.ptp(clean[mask]) > 0 for _, mask in discs(places, clean.shape, (0.75, 0.75))]
    outside = [np.mean(clean[mask] != 55) for _, mask in discs(places, clean.shape, (0.75, 0.75))]
    assert np.mean(spoilt) < 0.1 and max(outside) < 0.1  # a corner of a vessel may hide in noise


def test_a_small_vessel_is_found_in_a_large_place():
    image = 55 + 25 * np.random.default_rng(0).standard_normal((4, 180, 180))
    row, column = np.indices(image.shape[1:])
    image[:, np.hypot(row % 90 - 45, column % 90 - 45) < 2.2] += 70  # 3 mm wide
    places = find_places(image, 0.75, RADII)
    assert np.count_nonzero(places.radius == 12) > 12
    middle = np.hypot(places.row % 90 - 45, places.column % 90 - 45) * 0.75
    assert (middle > places.radius - 2).all()


def test_where_a_part_is_even_and_a_part_is_mottled_places_lie_in_the_even_part():
    rng = np.random.default_rng(0)
    image = 60 + 15 * rng.standard_normal((4, 120, 240))
    image[:, :, 120:] += 6 * np.sign(gaussian_filter(rng.standard_normal((120, 120)), 5))
    places = find_places(image, 0.75, [12.0])
    assert len(places) > 25 and np.mean(places.column < 120) > 0.75


def test_bone_and_contrast_medium_are_no_soft_tissue():
    image = 60 + 15 * np.random.default_rng(0).standard_normal((120, 240))
    image[:, 120:] += 240
    places = find_places(image, 0.75, RADII)
    assert len(places) > 8 and places.column.max() < 120


def test_places_do_not_overlap_and_large_ones_come_first(an_organ_with_a_vessel):
    noisy, _ = an_organ_with_a_vessel
    spacing = (0.9, 0.6)
    places = find_places(noisy[0], spacing, RADII)
    covered = sum(mask.astype(int) for _, mask in discs(places, noisy.shape[1:], spacing))
    assert covered.max() == 1
    assert (np.diff(places.radius) <= 0).all() and places.radius[0] == 12.0


def test_no_place_reaches_over_the_border():
    image = 60 + 10 * np.random.default_rng(0).standard_normal((2, 70, 61))
    places = find_places(image, 0.75, RADII)
    assert len(places) > 6
    for row, n in ((places.row, 70), (places.column, 61)):
        assert (row * 0.75 >= places.radius).all() and ((n - 1 - row) * 0.75 >= places.radius).all()


@pytest.mark.parametrize(
    "image", [np.full((3, 64, 64), -1000.0), np.zeros((2, 5, 5)), np.zeros((1, 1)), np.full((90, 90), 3000.0)]
)
def test_where_no_lesion_can_lie_there_is_no_place_and_no_error(image):
    assert len(find_places(image, 0.75, RADII)) == 0


def test_a_slice_that_is_nothing_but_structure_has_no_place():
    waves = 50 + 60 * np.sin(np.arange(200) / 4) * np.ones((200, 1))  # 19 mm long
    assert len(find_places(waves + 5 * np.random.default_rng(0).standard_normal(waves.shape), 0.75, RADII)) == 0


def test_of_a_long_volume_only_some_slices_are_tried_and_the_fullest_are_used():
    slices = 60 + 10 * np.random.default_rng(0).standard_normal((48, 60, 60))
    slices[:24, 30:] = -1000
    places = find_places(slices, 0.75, [6.5])
    numbers = np.unique(places.slice)
    assert len(numbers) == 24 and numbers[0] == 0 and numbers[-1] == 47
    used = fullest_slices(places, 30)
    assert used.min() >= 24 and (np.diff(used) > 0).all()
    part = places.of_slices(used)
    assert len(part) >= 30 and set(part.slice) == set(range(len(used)))


def test_no_place_has_a_lesion_twice_and_all_come_about_equally_often():
    rng = np.random.default_rng(0)
    n = 120
    zeros = np.zeros(n, int)
    places = Places(zeros, zeros, zeros, rng.choice(RADII, n))
    kinds = [(d, c) for d in (3.0, 5.0, 8.0, 12.0) for c in (10.0, 30.0)]
    dealt = deal(places, kinds, 5, seed=1)
    assert dealt.shape == (5, n)
    for place, column in enumerate(dealt.T):
        given = column[column >= 0]
        assert len(set(given)) == len(given)
        assert all(room(kinds[k][0]) <= places.radius[place] for k in given)
    count = np.bincount(dealt[dealt >= 0], minlength=len(kinds))
    large = np.count_nonzero(places.radius == RADII[-1])
    assert count[-2:].min() >= 0.9 * large and np.ptp(count[:-2]) < 0.5 * count.mean()
    assert (dealt == deal(places, kinds, 5, seed=1)).all() and (dealt != deal(places, kinds, 5, seed=2)).any()


def test_lesions_are_added_to_a_copy():
    stack = np.random.default_rng(0).normal(50, 10, (2, 40, 40)).astype(np.float32)
    before, shape = stack.copy(), 15 * lesion(3.0, 0.75, 1.2)
    places = Places(np.array([0, 1]), np.array([20, 15]), np.array([12, 25]), np.array([6.5, 6.5]))
    out = insert(stack, places, [shape, None])
    assert (stack == before).all() and (out[1] == stack[1]).all()
    half = shape.shape[0] // 2
    assert np.allclose((out - stack)[0, 20 - half : 21 + half, 12 - half : 13 + half], shape, atol=1e-4)
    assert (out - stack)[0].sum() == pytest.approx(shape.sum(), rel=1e-3)


def test_in_a_real_abdomen_at_a_quarter_of_the_dose_places_stay_in_tissue():
    file = SHARED / "data" / "test" / "CRLM-CT-1006.ctz"
    if not file.exists():
        pytest.skip("no real data here")
    from LDCTDenoiseLib.training.ctz import read_ctz

    volume = read_ctz(file)
    clean, spacing = volume.hu[[4, 14, 22]], volume.spacing[:2]
    noise = gaussian_filter(np.random.default_rng(0).standard_normal(clean.shape), (0, 0.7, 0.7))
    places = find_places(clean + 45 * noise / noise.std(), spacing, RADII)
    assert len(places) > 40
    calm = [median_filter(image, 5) for image in clean]
    lowest = [np.quantile(calm[s][mask], 0.02) for s, mask in discs(places, clean.shape[1:], spacing)]
    assert np.mean(np.array(lowest) < -20) < 0.05  # fat or lung at a rim
