"""The fan-beam projector and its filtered back-projection, against line integrals and slow textbook formulas."""

import numpy as np
import pytest
from LDCTDenoiseLib.simulation.fan_beam import FanBeam, FanGeometry, fan_beam
from scipy.integrate import trapezoid

COARSE = FanGeometry(views=240, channels=92, channel_width=8 * 1.2858, offset=0.25)
SHAPE, SPACING, ISOCENTRE = (44, 52), (5.0, 6.0), (12.0, -7.0)
KERNEL = 0.03  # 1/mm


@pytest.fixture(scope="module")
def beam() -> FanBeam:
    return FanBeam(SHAPE, SPACING, COARSE, ISOCENTRE)


def positions() -> tuple[np.ndarray, np.ndarray]:
    """x [1, columns] and y [rows, 1] from the isocentre, mm."""
    x, y = ((np.arange(n) - (n - 1) / 2) * d - c for n, d, c in zip(SHAPE[::-1], SPACING, ISOCENTRE, strict=True))
    return x[None, :], y[:, None]


def directions() -> np.ndarray:
    """θ = β + γ [views, channels]."""
    return np.arange(COARSE.views)[:, None] * 2 * np.pi / COARSE.views + COARSE.fan_angles


def apodised_ramp(t: np.ndarray, highest: float, kernel: float = KERNEL) -> np.ndarray:
    """h(t) = ∫ |ρ|·exp(−ρ²/2k²)·cos(2πρt) dρ up to ± highest."""
    rho = np.linspace(0, highest, 2001)
    values = rho * np.exp(-((rho / kernel) ** 2) / 2)
    return 2 * np.array([trapezoid(values * np.cos(2 * np.pi * rho * d), rho) for d in t])


def white_noise(count: int, geometry: FanGeometry = COARSE) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, geometry.views, geometry.channels)).astype(np.float32)


def test_the_default_geometry_is_that_of_the_mayo_scanner():
    geometry = FanGeometry()
    fan = np.ptp(geometry.fan_angles) * geometry.channels / (geometry.channels - 1)
    assert np.degrees(fan) == pytest.approx(49.95, abs=0.01)
    assert geometry.spacing == pytest.approx(0.7047, abs=1e-4)


def test_a_quarter_offset_interleaves_opposite_rays():
    distances = FanGeometry(offset=0.25).distances
    middle = np.sort(np.concatenate([distances, -distances]))[700:772]
    np.testing.assert_allclose(np.diff(middle), 0.7047 / 2, rtol=0.01)


def test_projections_of_a_gaussian_are_its_line_integrals(beam):
    x, y = positions()
    image = np.exp(-((x - 30) ** 2 + (y + 20) ** 2) / (2 * 14**2))
    theta = directions()
    distance = 30 * np.cos(theta) - 20 * np.sin(theta) - 595 * np.sin(COARSE.fan_angles)
    wanted = np.sqrt(2 * np.pi) * 14 * np.exp(-(distance**2) / (2 * 14**2))
    assert np.abs(beam.project(image) - wanted).max() < 0.002 * wanted.max()


def test_back_projection_gives_the_object_back(beam):
    x, y = positions()
    image = np.exp(-((x - 30) ** 2 + (y + 20) ** 2) / (2 * 14**2))
    assert np.abs(beam.reconstruct(beam.project(image)) - image).max() < 0.005


def test_it_is_the_sum_over_all_rays_each_with_its_own_weight(beam):
    """½ Σ p·h(x·θ − R sin γ)·R cos γ Δγ Δβ, ray by ray: nothing is interpolated away."""
    rays = white_noise(1)[0]
    table = np.linspace(-900, 900, 7201)
    ramp = apodised_ramp(table, beam.frequency[-1] + beam.frequency[1] / 2)
    x, y = positions()
    wanted = np.zeros(SHAPE)
    for theta, gammas in zip(directions(), rays, strict=True):
        for angle, gamma, value in zip(theta, COARSE.fan_angles, gammas, strict=True):
            along = x * np.cos(angle) + y * np.sin(angle) - 595 * np.sin(gamma)
            wanted += value * 595 * np.cos(gamma) * np.interp(along, table, ramp)
    wanted *= 0.5 * (COARSE.channel_width / 1085.6) * (2 * np.pi / COARSE.views)
    image = beam.reconstruct(rays, np.exp(-((beam.frequency / KERNEL) ** 2) / 2))
    assert np.sqrt(np.mean((image - wanted) ** 2)) < 0.01 * wanted.std()


def textbook_fan_fbp(draws: np.ndarray, x: np.ndarray, y: np.ndarray, geometry: FanGeometry) -> np.ndarray:
    """Kak & Slaney eq. 3.101 ff., equiangular rays: 1/L², weights R·cos γ, filter ½(γ/sin γ)²·h(γ)."""
    radius, gammas, step = geometry.source_isocentre, geometry.fan_angles, geometry.channel_width / 1085.6
    table = np.linspace(-0.9, 0.9, 4001)
    # the ramp of angles: frequencies are R times those at the isocentre
    ramp = 0.5 * radius**2 * apodised_ramp(table * radius, 0.5 / geometry.spacing)
    ramp *= (table / np.where(table == 0, 1, np.sin(table))) ** 2
    ramp[2000] = 0.5 * radius**2 * apodised_ramp(np.zeros(1), 0.5 / geometry.spacing)[0]
    images = np.zeros((len(draws), x.size))
    for view in range(geometry.views):
        beta = 2 * np.pi * view / geometry.views
        # the source sees the point at γ with s = x·cos θ + y·sin θ = R·sin γ, θ = β + γ
        along, across = x * np.cos(beta) + y * np.sin(beta), -x * np.sin(beta) + y * np.cos(beta)
        depth = radius - across
        gamma, squared = np.arctan2(along, depth), along**2 + depth**2
        filtered = np.interp(gamma[:, None] - gammas, table, ramp) * radius * np.cos(gammas) * step
        images += (filtered / squared[:, None] @ draws[:, view].T).T
    return images * 2 * np.pi / geometry.views


def test_noise_and_texture_are_those_of_the_textbook_fan_beam_reconstruction():
    geometry = FanGeometry(views=240, channels=92, channel_width=8 * 1.2858)
    spacing, size = 6.0, 32
    ours = FanBeam((size, size), (spacing, spacing), geometry)
    steady = 1 + 0.5 * np.cos(geometry.fan_angles / 0.1)  # rays in the middle are noisier, as behind a patient
    draws = white_noise(24, geometry) * steady.astype(np.float32)
    images = np.stack([ours.reconstruct(d, np.exp(-((ours.frequency / KERNEL) ** 2) / 2)) for d in draws])
    axis = (np.arange(size) - (size - 1) / 2) * spacing
    x, y = (v.ravel() for v in np.meshgrid(axis, axis))
    wanted = textbook_fan_fbp(draws, x, y, geometry).reshape(images.shape)

    middle = slice(12, 20)
    assert np.corrcoef(images[:, middle, middle].ravel(), wanted[:, middle, middle].ravel())[0, 1] > 0.99
    blocks = [v.reshape(24, 4, 8, 4, 8).std(axis=(0, 2, 4)) for v in (images, wanted)]
    np.testing.assert_allclose(blocks[0][1:3, 1:3], blocks[1][1:3, 1:3], rtol=0.02)
    # Towards 100 mm the textbook's kernel, which follows the distance to the source, is a little sharper on average.
    np.testing.assert_allclose(blocks[0], blocks[1], rtol=0.08)
    middle = slice(10, 22)
    f = np.hypot(*np.meshgrid(*[np.fft.fftfreq(12, spacing)] * 2))
    power = [np.mean(np.abs(np.fft.fft2(v[:, middle, middle])) ** 2, axis=0) for v in (images, wanted)]
    for low, high in [(0.01, 0.02), (0.02, 0.03), (0.03, 0.04), (0.04, 0.06)]:
        ring = (f >= low) & (f < high)
        assert power[0][ring].sum() == pytest.approx(power[1][ring].sum(), rel=0.04)


def test_reordering_rays_by_direction_keeps_their_noise(beam):
    rays = white_noise(1)[0]
    assert beam.parallel(rays).std() == pytest.approx(rays.std(), rel=0.005)


def test_a_turn_of_an_odd_number_of_views_is_refused():
    with pytest.raises(ValueError, match="even"):
        FanBeam((8, 8), (5.0, 5.0), FanGeometry(views=11))


def test_the_projector_is_kept():
    assert fan_beam((16, 16), (5.0, 5.0), COARSE) is fan_beam((16, 16), (5.0, 5.0), COARSE)
