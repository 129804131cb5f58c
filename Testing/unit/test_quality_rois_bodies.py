"""Automatic ROIs on real bodies: chosen on the noisier image, judged in the cleaner one."""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.texture.noise import global_noise_level
from LDCTDenoiseLib.quality.texture.rois import Rois, find_rois, without_trend
from LDCTDenoiseLib.training.ctz import read_ctz
from parity import SHARED
from scipy.ndimage import gaussian_filter, median_filter

DATA = SHARED / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared CT data are not on this machine")

BODIES = {
    "abdomen": "CRLM-CT-1006",
    "tilted head": "GE-HiSpeed-head-tilt",
    "shoulders without photons": "LungFCP-01-0006-B50f",
    "head phantom": "Philips-headphantom-UB1mm",
    "head phantom, bone kernel": "Philips-headphantom-YA1mm-bone",
}


def pair(name: str):
    """(low dose, normal dose, spacing)"""
    held = np.load(DATA / "pairs" / f"{name}.npz", allow_pickle=True)
    return held["ld"][None].astype(np.float32), held["nd"][None].astype(np.float32), tuple(held["spacing"][:2])


def body(name: str):
    """(with as much noise again, as stored, spacing) of three slices."""
    volume = read_ctz(DATA / "test" / f"{name}.ctz")
    spacing, stack = volume.spacing[:2], volume.hu[1::2][:3].astype(np.float32)
    white = np.random.default_rng(1).normal(size=stack.shape)
    noise = gaussian_filter(white, (0, 0.7, 0.7)) - 0.8 * gaussian_filter(white, (0, 2, 2))
    noisy = stack + noise * (global_noise_level(stack, spacing) / noise.std())
    return np.clip(noisy, -1024, 3071), stack, spacing


def judged(rois: Rois, noisy, clean, spacing):
    """Per square: share of pixels outside soft tissue; deviation of the smoothed clean image, over the noise level."""
    tissue = np.stack([median_filter(image, 5) for image in clean])
    smooth = np.stack([gaussian_filter(image, 2.0 / spacing[0]) for image in clean])
    outside = ((rois.cut(tissue) < -20) | (rois.cut(tissue) > 220)).mean(axis=(1, 2))
    return outside, without_trend(rois.cut(smooth)).std(axis=(1, 2)) / global_noise_level(noisy, spacing)


@pytest.mark.parametrize("name", BODIES.values(), ids=BODIES)
def test_squares_chosen_through_noise_lie_in_homogeneous_tissue(name):
    noisy, clean, spacing = body(name)
    rois = find_rois(noisy, spacing)
    outside, restless = judged(rois, noisy, clean, spacing)
    assert len(rois) >= (2 if "phantom" in name else 30)
    if name != "LungFCP-01-0006-B50f":  # where fat and muscle themselves have 130 HU of noise
        assert outside.mean() < 0.005 and outside.max() < 0.1
    assert restless.max() < (0.8 if "phantom" in name else 0.5)  # of the phantom's rods one touches a drilled hole


@pytest.mark.parametrize("name", ["L096_3sharpmm_z-301.0", "L096_3sharpmm_z-397.0", "L143_3mm_z-64.9"])
def test_squares_chosen_at_quarter_dose_are_homogeneous_at_full_dose(name):
    low, normal, spacing = pair(name)
    rois = find_rois(low, spacing)
    outside, restless = judged(rois, low, normal, spacing)
    assert len(rois) >= 5
    assert outside.mean() < 0.03 and outside.max() < 0.25
    assert restless.max() < 0.4


@pytest.mark.parametrize("name", ["CRLM-CT-1006", "GE-HiSpeed-head-tilt"])
def test_where_hardly_a_place_is_calm_what_is_left_does_not_pass_for_slow_noise(name):
    """Bowel, chambers of the heart, sulci: the slices as they are stored, with the little noise of their own."""
    volume = read_ctz(DATA / "test" / f"{name}.ctz")
    stack = volume.hu[[0, -2, -1]].astype(np.float32)
    rois = find_rois(stack, volume.spacing)
    outside, restless = judged(rois, stack, stack, volume.spacing)
    assert len(rois) >= 5 and outside.max() < 0.05
    assert restless.max() < 0.7 and np.median(restless) < 0.35


def test_places_drawn_blindly_would_not_pass():
    noisy, clean, spacing = body("CRLM-CT-1006")
    inside = np.argwhere(gaussian_filter(clean, (0, 8, 8)) > 0)
    corners = np.random.default_rng(0).permutation(inside)[:200]
    corners = corners[(corners[:, 1:] < 490).all(axis=1)]
    outside, restless = judged(Rois(20, corners), noisy, clean, spacing)
    assert outside.mean() > 0.1 and np.quantile(restless, 0.95) > 2
