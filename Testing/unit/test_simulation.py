"""Projection, back-projection and inserted noise, against formulas and scikit-image."""

import numpy as np
import pytest
from LDCTDenoiseLib import Cancelled, CTVolume, InputError
from LDCTDenoiseLib.simulation.low_dose import Scanner, dose_noise, simulate_low_dose
from LDCTDenoiseLib.simulation.parallel_beam import ParallelBeam, parallel_beam

SPACING = (0.8, 0.8)


def a_water_cylinder(size: int = 128, radius_mm: float = 40.0) -> np.ndarray:
    y, x = (np.mgrid[:size, :size] - size / 2) * SPACING[0]
    return np.where(x**2 + y**2 < radius_mm**2, 0.0, -1000.0).astype(np.float32)


@pytest.fixture(scope="module")
def beam() -> ParallelBeam:
    return ParallelBeam(128, views=180)


def a_smooth_object(size: int = 128) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - size // 2
    return (np.exp(-((x - 12) ** 2 + (y + 7) ** 2) / 200) + 0.5 * np.exp(-((x + 20) ** 2 + y**2) / 90)).astype(
        np.float32
    )


def test_projections_of_a_gaussian_are_its_line_integrals(beam):
    y, x = np.mgrid[:128, :128] - 64
    sinogram = beam.project(np.exp(-((x - 12) ** 2 + (y + 7) ** 2) / 200).astype(np.float32))
    angle = np.arange(180) * np.pi / 180
    centre = 12 * np.cos(angle) - 7 * np.sin(angle)
    wanted = np.sqrt(200 * np.pi) * np.exp(-((np.arange(256) - 128 - centre[:, None]) ** 2) / 200)
    assert np.abs(sinogram - wanted).max() < 0.01 * wanted.max()


def test_back_projection_gives_the_object_back(beam):
    image = a_smooth_object()
    again = beam.reconstruct(beam.project(image))
    difference = again - image
    assert np.abs(difference - difference.mean()).max() < 0.01 * image.max()
    assert abs(difference.mean()) < 0.02


def test_it_agrees_with_scikit_image(beam):
    transform = pytest.importorskip("skimage.transform")
    image = a_smooth_object()
    theirs = transform.radon(image, theta=-np.arange(180.0), circle=True).T  # their angle turns the other way
    ours = beam.project(image)[:, 64:192]
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


def noise_of(dose: float, seed: int = 0, **scanner) -> np.ndarray:
    return dose_noise(a_water_cylinder(), SPACING, dose, Scanner(views=180, **scanner), np.random.default_rng(seed))


def test_the_same_seed_gives_the_same_noise():
    np.testing.assert_array_equal(noise_of(0.25), noise_of(0.25))
    assert not np.array_equal(noise_of(0.25), noise_of(0.25, seed=1))


def test_quantum_noise_grows_as_one_minus_dose_over_dose():
    quarter, tenth = noise_of(0.25, electronic=0), noise_of(0.1, electronic=0)
    np.testing.assert_allclose(tenth, quarter * np.sqrt(9 / 3), rtol=1e-3, atol=1e-3)


def test_noise_shrinks_with_the_root_of_the_photons():
    np.testing.assert_allclose(
        noise_of(0.25, electronic=0, photons=4e5), noise_of(0.25, electronic=0) / 2, rtol=1e-3, atol=1e-3
    )


def test_electronic_noise_adds_where_few_photons_arrive():
    assert (
        noise_of(0.05, photons=2e3, electronic=1000)[48:80, 48:80].std()
        > 1.2 * noise_of(0.05, photons=2e3, electronic=0)[48:80, 48:80].std()
    )


def test_a_sharper_kernel_lets_more_noise_through():
    assert noise_of(0.25, kernel=0.6).std() > 1.4 * noise_of(0.25, kernel=0.28).std()


def test_noise_has_no_mean_and_is_strongest_in_the_middle():
    field = np.stack([noise_of(0.25, seed) for seed in range(20)])
    assert abs(field.mean()) < 0.5
    assert field[:, 56:72, 56:72].std() > 1.2 * field[:, :16, :16].std()


def test_the_noise_of_a_cylinder_has_the_size_that_theory_gives():
    """Variance at the centre of a uniform cylinder: (π/V)² · Σ over views of var(p) · Σ h², h the apodised ramp."""
    dose, scanner = 0.25, Scanner(views=180, electronic=0)
    attenuation = 0.0192 * 80.0  # through the diameter of 80 mm
    photons = scanner.photons * 1152 / 180 * SPACING[0] / 0.7047
    variance = (1 - dose) / dose * np.exp(attenuation) / photons
    f = np.fft.fftfreq(256)
    response = np.abs(f) * np.exp(-((f / SPACING[0]) ** 2) / (2 * scanner.kernel**2))
    sigma = np.pi / 180 * np.sqrt(180 * variance * np.mean(response**2)) * 1000 / (0.0192 * SPACING[0])
    fields = np.stack([noise_of(dose, seed, electronic=0)[58:70, 58:70] for seed in range(40)])
    # linear interpolation between bins, which the theory leaves out, smooths a little
    assert fields.std() == pytest.approx(sigma, rel=0.1)


def test_a_volume_keeps_its_geometry_and_never_falls_below_its_floor():
    volume = CTVolume(np.stack([a_water_cylinder()] * 2), (*SPACING, 3.0), (1.0, 2.0, 3.0))
    heard = []
    low = simulate_low_dose(volume, 0.1, seed=5, scanner=Scanner(views=180), progress=lambda *e: heard.append(e))
    assert low.hu.min() >= -1024 and low.origin == volume.origin and heard[-1] == (2, 2, "simulate")
    assert not np.array_equal(low.hu[0], low.hu[1]), "each slice has noise of its own"


def test_slices_that_are_not_square_or_odd_are_fine():
    field = dose_noise(np.zeros((61, 90), np.float32), SPACING, 0.5, Scanner(views=60), np.random.default_rng(0))
    assert field.shape == (61, 90) and np.isfinite(field).all()


@pytest.mark.parametrize("dose", [0, 1, 1.5, -0.1])
def test_a_dose_that_is_no_fraction_is_refused(dose):
    with pytest.raises(InputError, match="between 0 and 1"):
        simulate_low_dose(CTVolume(a_water_cylinder()[None]), dose)


def test_simulation_can_be_cancelled():
    with pytest.raises(Cancelled):
        simulate_low_dose(CTVolume(a_water_cylinder()[None]), 0.5, cancel=lambda: True)


def test_the_projector_of_a_size_is_kept():
    assert parallel_beam(32, 30) is parallel_beam(32, 30)
