"""The fan-beam dose simulator: strength, seeds, fields of view, calibration and validation."""

import argparse
from dataclasses import replace

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume, InputError, read_volume, write_volume
from LDCTDenoiseLib.inference.progress import reporter
from LDCTDenoiseLib.simulation.calibration import calibrated_scanner
from LDCTDenoiseLib.simulation.fan_beam import FanGeometry
from LDCTDenoiseLib.simulation.fan_scanner import TYPICAL, DoseSimulator, FanScanner
from LDCTDenoiseLib.simulation.low_dose import Scanner, dose_noise, simulate_low_dose
from LDCTDenoiseLib.simulation.validation import thickest_path, validate
from scipy.integrate import trapezoid

COARSE = FanGeometry(views=288)
PLAIN = FanScanner(geometry=COARSE, electronic=0.0)


def a_water_cylinder(shape=(128, 128), pixel: float = 2.0, radius_mm: float = 100.0, hu: float = 0.0) -> np.ndarray:
    y, x = ((np.arange(n) - (n - 1) / 2) * pixel for n in shape)
    return np.where(x**2 + y[:, None] ** 2 < radius_mm**2, hu, -1000.0).astype(np.float32)


def noise_in_the_middle(simulator: DoseSimulator, dose: float, draws: int = 12, reference: float = 1.0) -> float:
    fields = np.stack([simulator.noise(dose, np.random.default_rng(n), reference) for n in range(draws)])
    rows, columns = fields.shape[1] // 2, fields.shape[2] // 2
    return float(fields[:, rows - 8 : rows + 8, columns - 8 : columns + 8].std())


def test_the_noise_of_a_cylinder_has_the_size_that_theory_gives():
    """¼·R·Δγ·Δβ · 2π · var(p) · ∫ρ²A² dρ: filtered back-projection of independent noise on the rays of a turn."""
    simulator = DoseSimulator(a_water_cylinder(), (2.0, 2.0), PLAIN)
    variance = 3 * np.exp(0.0192 * 200) / (1e5 * 1152 / 288)
    rho = np.linspace(0, 0.5 / 0.7047, 4000)
    energy = 2 * trapezoid(rho**2 * np.exp(-((rho / 0.28) ** 2)), rho)
    ray = 595 * 1.2858 / 1085.6 * 2 * np.pi / 288
    sigma = np.sqrt(0.25 * ray * 2 * np.pi * variance * energy) * 1000 / 0.0192
    assert noise_in_the_middle(simulator, 0.25, 24) == pytest.approx(sigma, rel=0.04)


def test_the_noise_is_the_same_on_any_pixels():
    found = [
        noise_in_the_middle(DoseSimulator(a_water_cylinder(shape, pixel, 45.0), (pixel, pixel), PLAIN), 0.25, 24)
        for shape, pixel in [((160, 160), 0.625), ((100, 128), 2.0), ((256, 256), 2.7)]
    ]
    np.testing.assert_allclose(found, found[0], rtol=0.07)


def test_many_views_share_the_photons_of_a_turn():
    few, many = (
        DoseSimulator(a_water_cylinder(), (2.0, 2.0), replace(PLAIN, geometry=FanGeometry(views=v))) for v in (288, 576)
    )
    assert noise_in_the_middle(many, 0.25) == pytest.approx(noise_in_the_middle(few, 0.25), rel=0.06)


def test_many_readings_are_less_noisy_than_one():
    one, four = (DoseSimulator(a_water_cylinder(), (2.0, 2.0), replace(PLAIN, readings=n)) for n in (1.0, 4.0))
    np.testing.assert_allclose(four.variance(0.25), one.variance(0.25) / 4)
    np.testing.assert_allclose(four.own_variance(), one.own_variance() / 4)


def test_noise_of_full_and_added_noise_make_that_of_the_lower_dose():
    simulator = DoseSimulator(a_water_cylinder(), (2.0, 2.0), replace(TYPICAL, geometry=COARSE))
    np.testing.assert_allclose(
        simulator.own_variance(0.5) + simulator.variance(0.1, reference=0.5), simulator.own_variance(0.1), rtol=1e-3
    )


def test_one_projection_serves_any_dose_and_any_number_of_draws():
    simulator = DoseSimulator(a_water_cylinder(), (2.0, 2.0), PLAIN)
    quarter, tenth = (simulator.noise(d, np.random.default_rng(1)) for d in (0.25, 0.1))
    np.testing.assert_allclose(tenth, quarter * np.sqrt(9 / 3), rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(quarter, simulator.noise(0.25, np.random.default_rng(1)))
    assert not np.array_equal(quarter, simulator.noise(0.25, np.random.default_rng(2)))


def test_a_bow_tie_makes_the_rim_noisier_and_leaves_the_middle():
    plain, bowtie = (DoseSimulator(a_water_cylinder(), (2.0, 2.0), replace(PLAIN, bowtie=b)) for b in (0.0, 100.0))
    assert noise_in_the_middle(bowtie, 0.25) < 1.1 * noise_in_the_middle(plain, 0.25)
    rim = [s.noise(0.25, np.random.default_rng(0))[56:72, 14:22].std() for s in (plain, bowtie)]
    assert rim[1] > 1.3 * rim[0]


def test_modulated_current_makes_an_ellipse_less_noisy_at_the_same_dose():
    y, x = np.mgrid[:128, :128] - 63.5
    ellipse = np.where((x / 60) ** 2 + (y / 25) ** 2 < 1, 0.0, -1000.0)
    steady, modulated = (DoseSimulator(ellipse, (3.0, 3.0), replace(PLAIN, modulation=m)) for m in (0.0, 0.5))
    assert modulated.photons.mean() == pytest.approx(steady.photons.mean(), rel=1e-4)
    assert noise_in_the_middle(modulated, 0.25) < 0.92 * noise_in_the_middle(steady, 0.25)


@pytest.mark.parametrize(("shape", "pixel"), [((256, 256), 100 / 256), ((256, 256), 700 / 256), ((61, 90), 4.0)])
def test_any_field_of_view_and_matrix_is_fine(shape, pixel):
    simulator = DoseSimulator(a_water_cylinder(shape, pixel), (pixel, pixel), replace(TYPICAL, geometry=COARSE))
    field = simulator.noise(0.25, np.random.default_rng(0))
    assert field.shape == shape and field.dtype == np.float32 and np.isfinite(field).all() and field.std() > 0


def test_a_cylinder_on_the_isocentre_looks_the_same_from_all_around():
    image = np.roll(a_water_cylinder(radius_mm=50.0), (20, -30), (0, 1))
    scanner = replace(PLAIN, geometry=FanGeometry())
    centred, beside = (
        DoseSimulator(image, (2.0, 2.0), replace(scanner, isocentre=c)).thickness for c in [(-60.0, 40.0), (0.0, 0.0)]
    )
    np.testing.assert_allclose(centred[:, 367:369], 0.0192 * 100, rtol=0.03)
    assert np.ptp(beside[:, 368]) > 0.5 * centred.max()


def test_metal_leaves_the_noise_bounded():
    image = a_water_cylinder(radius_mm=120.0)
    image[60:68, 30:50] = image[60:68, 80:100] = 20000.0
    field = DoseSimulator(image, (2.0, 2.0), PLAIN).noise(0.02, np.random.default_rng(0))
    assert np.isfinite(field).all() and np.abs(field).max() < 3e4


def test_the_thickest_path_through_a_cylinder_is_its_diameter():
    simulator = DoseSimulator(a_water_cylinder(), (2.0, 2.0), PLAIN)
    thickest = thickest_path(simulator)[32:96, 32:96]
    np.testing.assert_allclose(thickest, 0.0192 * 200, rtol=0.02)


def a_noisy_volume(scanner: FanScanner, dose: float = 1.0, seed: int = 0) -> CTVolume:
    slices = [a_water_cylinder((240, 240), 1.0, 100.0, 50.0)] * 3
    simulators = [DoseSimulator(s, (1.0, 1.0), scanner) for s in slices]
    rng = np.random.default_rng(seed)
    noisy = [
        s + simulator.draw(simulator.own_variance(dose), rng) for s, simulator in zip(slices, simulators, strict=True)
    ]
    return CTVolume(np.stack(noisy), (1.0, 1.0, 3.0))


def test_photons_and_kernel_are_found_in_the_noise_of_a_volume():
    true = replace(TYPICAL, geometry=COARSE, photons=3e4, kernel=0.33, order=2.0)
    found = calibrated_scanner(a_noisy_volume(true), replace(TYPICAL, geometry=COARSE))
    assert found.photons == pytest.approx(3e4, rel=0.25)
    rho = np.linspace(0.1, 0.5, 20)
    np.testing.assert_allclose(found.apodisation(rho), true.apodisation(rho), atol=0.06)


def test_pixels_finer_than_the_detector_do_not_mislead_the_kernel():
    true = replace(TYPICAL, geometry=COARSE, photons=3e4, kernel=0.33)
    clean = a_water_cylinder((260, 260), 0.45, 52.0, 50.0)
    simulator, rng = DoseSimulator(clean, (0.45, 0.45), true), np.random.default_rng(0)
    noisy = np.stack([clean + simulator.draw(simulator.own_variance(), rng) for _ in range(3)]).round()
    found = calibrated_scanner(CTVolume(noisy, (0.45, 0.45, 3.0)), replace(TYPICAL, geometry=COARSE))
    rho = np.linspace(0.1, 0.7, 20)  # 1/mm; the pixels could show 1.1, the detector 0.71
    np.testing.assert_allclose(found.apodisation(rho), true.apodisation(rho), atol=0.08)


def test_what_is_given_is_not_fitted_and_a_reference_dose_has_more_photons_behind_it():
    true = replace(TYPICAL, geometry=COARSE, photons=3e4, kernel=0.33)
    volume = a_noisy_volume(true, dose=0.5)
    found = calibrated_scanner(volume, replace(true, photons=1e5), reference=0.5, fit_kernel=False)
    assert found.kernel == 0.33 and found.photons == pytest.approx(3e4, rel=0.1)


def test_a_volume_without_noise_cannot_calibrate():
    clean = CTVolume(a_water_cylinder(hu=50.0)[None], (2.0, 2.0, 3.0))
    with pytest.raises(InputError, match="no noise"):
        calibrated_scanner(clean, replace(TYPICAL, geometry=COARSE))


def test_validation_finds_its_own_noise_right_and_doubled_noise_wrong():
    scanner = replace(TYPICAL, geometry=COARSE, photons=1e4, kernel=0.33)
    normal = a_noisy_volume(scanner).hu
    added = np.stack([DoseSimulator(s, (1.0, 1.0), scanner).noise(0.25, np.random.default_rng(9)) for s in normal])
    right = validate(normal, normal + added, (1.0, 1.0), scanner)
    assert right["map_error"] < 12 and right["level"] == pytest.approx(1, abs=0.05)
    assert right["soft"] == pytest.approx(1, abs=0.05) and abs(right["nps_error"]) < 5 and abs(right["shift"]) < 0.5
    assert right["soft_real"] == pytest.approx(added[:, normal[0] > -500].std(), rel=0.05)
    wrong = validate(normal, normal + 2 * added, (1.0, 1.0), scanner)
    assert wrong["level"] == pytest.approx(0.5, abs=0.03) and wrong["map_error"] > 40 and wrong["shape_error"] < 12
    assert np.isnan(right["lung"])


def test_a_volume_at_a_lower_dose_keeps_its_geometry_and_has_the_noise_of_both_doses():
    volume = CTVolume(np.stack([a_water_cylinder(hu=100.0)] * 2), (2.0, 2.0, 3.0), (1.0, 2.0, 3.0))
    scanner = replace(PLAIN, photons=2e4)
    from_full = simulate_low_dose(volume, 0.1, scanner=scanner)
    from_half = simulate_low_dose(volume, 0.1, scanner=scanner, reference=0.5)
    middle = (slice(None), slice(40, 88), slice(40, 88))
    ratio = (from_half.hu - volume.hu)[middle].std() / (from_full.hu - volume.hu)[middle].std()
    assert ratio == pytest.approx(np.sqrt((10 - 2) / (10 - 1)), rel=1e-3)  # 1/a − 1/b, the same draws
    assert from_full.origin == volume.origin and not np.array_equal(from_full.hu[0], from_full.hu[1])


def test_current_along_z_gives_thin_slices_more_noise():
    hu = np.stack([a_water_cylinder(radius_mm=r) for r in (60.0, 110.0)])
    volume = CTVolume(hu, (2.0, 2.0, 3.0))
    steady, modulated = (simulate_low_dose(volume, 0.25, scanner=replace(PLAIN, along_z=z)).hu - hu for z in (0.0, 0.5))
    assert modulated[0, 50:78, 50:78].std() > 1.3 * steady[0, 50:78, 50:78].std()
    assert modulated[1, 50:78, 50:78].std() < 0.95 * steady[1, 50:78, 50:78].std()


def test_the_parallel_scanner_knows_a_reference_dose_too():
    image, rng = a_water_cylinder((64, 64), 4.0), np.random.default_rng
    weak = dose_noise(image, (4.0, 4.0), 0.2, Scanner(views=90, photons=5e4), rng(0))
    np.testing.assert_array_equal(dose_noise(image, (4.0, 4.0), 0.1, Scanner(views=90), rng(0), reference=0.5), weak)


def test_the_noise_of_the_parallel_scanner_stays_what_it_was():
    """Training keeps noise made with it: whoever changes these values counts up the cache version of the noise bank."""
    field = dose_noise(a_water_cylinder((64, 64), 4.0), (4.0, 4.0), 0.2, Scanner(views=90), np.random.default_rng(3))
    np.testing.assert_allclose(field[[10, 32, 50], [20, 32, 41]], PINNED, rtol=1e-3)


PINNED = [0.509726, -3.652735, 4.242235]


def run_command(module, argv: list[str], capsys) -> str:
    parser = argparse.ArgumentParser()
    parser.add_argument("--unused", help=argparse.SUPPRESS)
    module.add_arguments(parser)
    args = parser.parse_args(argv)
    module.run(args, reporter(args.progress))
    return capsys.readouterr().out


def test_simulate_takes_a_scanner_from_its_options(tmp_path, capsys):
    from LDCTDenoiseLib.commands import simulate

    volume = CTVolume(a_water_cylinder(hu=50.0)[None], (2.0, 2.0, 3.0))
    source, out = write_volume(volume, tmp_path / "in.nrrd"), tmp_path / "low.nrrd"
    argv = [str(source), str(out), "--dose", "0.1", "--reference-dose", "0.5", "--kernel", "sharp", "--photons", "2e4"]
    argv += ["--views", "288", "--bowtie", "0", "--modulation", "0", "--isocentre", "5,-5", "--quarter-offset"]
    assert "at 0.1 of the dose" in run_command(simulate, argv, capsys)
    geometry = FanGeometry(views=288, offset=0.25)
    scanner = FanScanner(photons=2e4, readings=10.0, kernel=0.6, isocentre=(5.0, -5.0), geometry=geometry)
    wanted = simulate_low_dose(volume, 0.1, scanner=scanner, reference=0.5).hu
    np.testing.assert_allclose(read_volume(out).hu, wanted, atol=0.01)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--dose", "0.6", "--reference-dose", "0.5"], "reference dose of 0.5"),
        (["--dose", "0.1", "--kernel", "bony"], "soft, medium, sharp"),
        (["--dose", "0.1", "--views", "7"], "even"),
        (["--dose", "0.1", "--bowtie", "-1"], "negative"),
        (["--dose", "0.1", "--photons", "0"], "above zero"),
        (["--dose", "0.1", "--isocentre", "x"], "mm"),
        (["--dose", "0.1", "--geometry", "parallel", "--bowtie", "100"], "Parallel"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words, tmp_path, capsys):
    from LDCTDenoiseLib.commands import simulate

    with pytest.raises(InputError, match=words):
        run_command(simulate, [str(tmp_path / "in.nrrd"), str(tmp_path / "out.nrrd"), *options], capsys)


def test_validate_simulator_prints_every_pair_and_their_mean(tmp_path, capsys):
    from LDCTDenoiseLib.commands import validate_simulator

    scanner = replace(TYPICAL, geometry=COARSE, photons=1e4, kernel=0.33)
    normal = a_noisy_volume(scanner).hu[:1]
    low = normal + DoseSimulator(normal[0], (1.0, 1.0), scanner).noise(0.25, np.random.default_rng(9))
    np.savez(tmp_path / "case.npz", ld=low, nd=normal, spacing=[1.0, 1.0])
    table = tmp_path / "table.csv"
    said = run_command(validate_simulator, [str(tmp_path), "--views", "288", "--csv", str(table)], capsys)
    assert "case" in said and "mean" in said and "map error %" in said and "NPS error %" in said
    assert "map_error" in table.read_text(encoding="utf-8")
