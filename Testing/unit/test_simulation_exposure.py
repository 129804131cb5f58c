"""Photons of each ray and the noise they make, against formulas and counted photons."""

import numpy as np
import pytest
from LDCTDenoiseLib import InputError
from LDCTDenoiseLib.simulation.exposure import (
    STARVED,
    WATER,
    added_variance,
    angular_modulation,
    bowtie_transmission,
    check_dose,
    log_variance,
    longitudinal_modulation,
)  # fmt: skip

LINES = np.linspace(0, 6, 13).astype(np.float32)


@pytest.mark.parametrize("dose", [0.05, 0.25, 0.7])
def test_the_added_noise_is_that_of_yu(dose):
    photons, electronic, blocked = 1e5, 10.0, np.exp(LINES.astype(float)) / 1e5
    wanted = (1 - dose) / dose * blocked * (1 + (1 + dose) / dose * electronic * blocked)
    np.testing.assert_allclose(added_variance(photons, LINES, electronic, dose), wanted, rtol=1e-4)


def test_a_reference_dose_is_the_full_dose_of_a_weaker_tube():
    np.testing.assert_allclose(
        added_variance(1e5, LINES, 10.0, 0.1, reference=0.5), added_variance(5e4, LINES, 10.0, 0.2), rtol=1e-4
    )


def test_noise_added_in_two_steps_is_noise_added_in_one():
    one = added_variance(1e5, LINES, 10.0, 0.1)
    two = added_variance(1e5, LINES, 10.0, 0.5) + added_variance(1e5, LINES, 10.0, 0.1, reference=0.5)
    np.testing.assert_allclose(one, two, rtol=1e-4)


def test_the_variance_is_that_of_counted_photons_also_where_few_arrive():
    rng, electronic = np.random.default_rng(0), 10.0
    for photons in (300, 100, 40):
        counts = rng.poisson(photons, 200_000) + rng.normal(0, np.sqrt(electronic), 200_000)
        counted = np.log(np.maximum(counts, 1)).var()
        assert float(log_variance(photons, np.float32(0), electronic)) == pytest.approx(counted, rel=0.08)
    starved = [np.log(np.maximum(rng.poisson(n, 100_000) + rng.normal(0, 3.16, 100_000), 1)).var() for n in range(12)]
    assert max(starved) == pytest.approx(STARVED, rel=0.03)


def test_a_ray_through_metal_is_bounded_and_gets_nothing_more_at_a_lower_dose():
    assert log_variance(1e5, np.float32(80), 10.0) == np.float32(STARVED)
    assert added_variance(1e5, np.float32(80), 10.0, 0.1) == 0


def test_the_bow_tie_evens_out_its_water_cylinder():
    angles = np.linspace(-0.16, 0.16, 41)
    radius, source = 160.0, 595.0
    path = 2 * np.sqrt(radius**2 - (source * np.sin(angles)) ** 2)
    arriving = bowtie_transmission(angles, source, radius) * np.exp(-WATER * path)
    np.testing.assert_allclose(arriving, np.exp(-WATER * 2 * radius), rtol=1e-6)


def test_the_bow_tie_is_clear_in_the_middle_and_lets_some_light_through_at_the_edge():
    transmission = bowtie_transmission(np.array([0.0, 0.43]), 595.0, 120.0)
    np.testing.assert_allclose(transmission, [1, np.exp(-WATER * 100)])
    assert (bowtie_transmission(np.array([0.0, 0.43]), 595.0, 0.0) == 1).all()


def test_the_tube_current_follows_the_thickest_ray_and_keeps_its_mean():
    lines = np.zeros((4, 3), np.float32)
    lines[:, 1] = [2, 3, 4, 3]
    half = angular_modulation(lines, 0.5)
    assert half.mean() == pytest.approx(1)
    np.testing.assert_allclose(half / half[0], np.exp(0.5 * (lines[:, 1] - 2)), rtol=1e-6)
    assert (angular_modulation(lines, 0) == 1).all()


def test_the_tube_current_has_limits():
    lines = np.zeros((100, 1), np.float32)
    lines[0] = 30
    assert angular_modulation(lines, 1.0).max() <= 4


def test_thicker_slices_get_more_current():
    y, x = np.mgrid[:64, :64] - 31.5
    discs = np.stack([np.where(x**2 + y**2 < r**2, 0.0, -1000.0) for r in (12, 20)])
    current = longitudinal_modulation(discs, (5.0, 5.0), 0.5)
    assert current.mean() == pytest.approx(1)
    assert current[1] / current[0] == pytest.approx(np.exp(0.5 * WATER * 2 * 8 * 5), rel=0.02)


@pytest.mark.parametrize(("dose", "reference"), [(0, 1), (1, 1), (0.5, 0.5), (0.6, 0.5), (-1, 1), (0.5, 1.2), (0.5, 0)])
def test_a_dose_that_is_no_fraction_of_the_reference_is_refused(dose, reference):
    with pytest.raises(InputError, match="dose"):
        check_dose(dose, reference)
