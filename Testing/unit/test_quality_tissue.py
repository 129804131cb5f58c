"""HU bias per tissue counts what a method shifts, and nothing that noise selects."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.tissue import TISSUES, bias, classes, interior
from scipy.ndimage import gaussian_filter

HU = {"air": -1000.0, "lung": -800.0, "fat": -100.0, "soft": 50.0, "bone": 700.0}


@pytest.fixture
def bands() -> np.ndarray:
    """Five bands of 20 rows, one tissue each."""
    return np.repeat(np.array(list(HU.values())), 20)[:, None] * np.ones(60)


def test_each_tissue_is_found_where_it_is(bands):
    masks = classes(bands)
    for number, name in enumerate(TISSUES):
        assert masks[name][0, 20 * number + 3 : 20 * number + 17].all()
        assert not masks[name][0, : 20 * number].any() and not masks[name][0, 20 * number + 20 :].any()


def test_a_shift_of_one_tissue_is_reported_for_it_alone(bands):
    image = bands.copy()
    image[40:60] += 7
    found = bias(image, bands)
    assert found["fat"] == pytest.approx(7)
    assert all(value == 0 for name, value in found.items() if name != "fat")


def test_noise_of_the_reference_does_not_select_voxels():
    # The clean image of tissue near a class limit, against a noisy reference of it: truly without bias.
    rng = np.random.default_rng(0)
    clean = np.full((400, 400), -65.0)
    reference = clean + rng.normal(0, 30, clean.shape)
    by_voxel = (reference >= TISSUES["fat"][0]) & (reference < TISSUES["fat"][1])
    assert (clean - reference)[by_voxel].mean() > 10  # what choosing by the voxel's own value would report
    assert abs(bias(clean, reference)["fat"]) < 2


def test_the_rim_of_a_body_in_air_is_not_taken_for_lung_or_fat():
    rows, columns = np.mgrid[:128, :128] - 64.0
    body = np.where(np.hypot(rows, columns) < 40, 50.0, -1000.0)
    masks = classes(body)
    assert not masks["lung"].any() and not masks["fat"].any() and masks["soft"].sum() > 4500


def test_a_tissue_that_is_not_there_is_not_a_number(bands):
    found = bias(bands[:20], bands[:20])
    assert found["air"] == 0
    assert all(np.isnan(found[name]) for name in ("lung", "fat", "soft", "bone"))


def test_masks_made_once_serve_many_images(bands):
    stack = np.stack([bands, bands])
    masks = classes(stack)
    assert bias(stack + 3, stack, masks) == bias(stack + 3, stack) == dict.fromkeys(TISSUES, 3.0)


def test_volumes_of_different_shape_are_refused(bands):
    with pytest.raises(InputError):
        bias(bands, bands[:-1])


def test_a_blur_shifts_a_whole_tissue_and_not_its_inside():
    rows, columns = np.mgrid[:160, :160] - 80.0
    clean = np.where(np.hypot(rows, columns) < 60, 60.0, -1000.0)
    clean[np.hypot(rows, columns) < 25] = 700.0
    blurred = gaussian_filter(clean, 0.8)
    masks = classes(clean)
    whole, inside = bias(blurred, clean, masks), bias(blurred, clean, interior(masks, 0.8))
    assert whole["bone"] < -8
    assert abs(inside["bone"]) < 0.2 and abs(inside["soft"]) < 0.2
    shifted = bias(clean + 3, clean, interior(masks, 0.8))
    assert shifted["bone"] == shifted["soft"] == pytest.approx(3)


def test_the_inside_keeps_its_distance_from_the_border_on_every_side():
    disc = np.hypot(*(np.mgrid[:120, :120] - 60.0)) < 40
    (inside,) = interior({"soft": disc[None]}, (0.5, 1.0))["soft"]
    rows, columns = np.nonzero(inside)
    assert disc[rows - 2, columns].all() and disc[rows, columns + 5].all()
    assert not disc[inside.any(axis=1).argmax() - 3, 60]
