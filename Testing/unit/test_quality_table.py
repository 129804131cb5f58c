"""The table puts every figure beside the method and the case that it belongs to."""

import csv

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.likeness import metrics
from LDCTDenoiseLib.quality.likeness.metrics import WINDOWS
from LDCTDenoiseLib.quality.sheet import case_sheet
from LDCTDenoiseLib.quality.table import compare_slices, format_evaluation, format_table, summarize, write_csv
from LDCTDenoiseLib.quality.texture.noise import global_noise_level
from scipy.ndimage import gaussian_filter

SPACING = (0.7, 0.7)


@pytest.fixture(scope="module")
def case() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """A body of soft tissue with a bone: reference noise 10 HU, input 20 HU, and the input smoothed."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:192, :192] - 96.0
    truth = np.where(np.hypot(rows, columns) < 80, 50.0, -1000.0)
    truth[np.hypot(rows - 30, columns) < 15] = 600
    truth = np.stack([truth, truth])
    reference = truth + rng.normal(0, 10, truth.shape)
    low_dose = reference + rng.normal(0, np.sqrt(300), truth.shape)
    return {"input": low_dose, "smooth": gaussian_filter(low_dose, (0, 0.6, 0.6))}, reference


def test_rows_hold_the_figures_of_the_measures_themselves(case):
    from skimage.metrics import structural_similarity

    images, reference = case
    rows = {row["method"]: row for row in compare_slices(images, reference, SPACING, case="A")}
    assert list(rows) == ["input", "smooth", "reference"]
    assert {row["case"] for row in rows.values()} == {"A"}
    smooth = rows["smooth"]
    for window in ("full", "soft"):
        assert smooth[f"psnr_{window}"] == pytest.approx(metrics.psnr(images["smooth"], reference, window))
        low, high, span = WINDOWS[window].low, WINDOWS[window].high, WINDOWS[window].span
        pairs = zip(*(np.clip(hu, low, high) for hu in (reference, images["smooth"])), strict=True)
        likeness = np.mean([structural_similarity(*pair, data_range=span) for pair in pairs])
        assert smooth[f"ssim_{window}"] == pytest.approx(likeness)
        assert smooth[f"rmse_{window}"] == pytest.approx(metrics.rmse(images["smooth"], reference, window))
        gain = smooth[f"psnr_{window}"] - rows["input"][f"psnr_{window}"]
        assert smooth[f"gain_{window}"] == pytest.approx(gain)
        assert rows["input"][f"gain_{window}"] == 0
    level = {name: global_noise_level(hu, SPACING) for name, hu in {**images, "reference": reference}.items()}
    assert smooth["noise"] == level["smooth"]
    assert smooth["noise_ratio"] == level["smooth"] / level["reference"]
    assert smooth["noise_reduction"] == pytest.approx(100 * (1 - level["smooth"] / level["input"]))


def test_the_input_of_a_quarter_of_the_dose_has_twice_the_noise_and_the_same_texture(case):
    images, reference = case
    low_dose = compare_slices(images, reference, SPACING)[0]
    assert low_dose["noise_ratio"] == pytest.approx(2, rel=0.04)
    assert low_dose["nps_mean_ratio"] == pytest.approx(1, abs=0.12)  # of forty squares
    assert low_dose["nps_noise"] == pytest.approx(20, rel=0.05)
    assert abs(low_dose["bias_soft"]) < 0.5


def test_the_evaluation_prints_likeness_texture_bias_and_time_and_the_gain_of_every_case(case):
    images, reference = case
    rows = [row for name in ("A", "B") for row in compare_slices(images, reference, SPACING, case=name)]
    for row in rows:
        if row["method"] == "smooth":
            row["seconds_per_slice"] = 0.25
    text = format_evaluation(summarize(rows), rows)
    likeness, texture, structure, cases, definitions = text.split("\n\n")
    for heading in ("PSNR dB", "gain dB", "SSIM", "RMSE HU", "soft PSNR", "soft gain", "soft SSIM", "soft RMSE"):
        assert heading in likeness
    for heading in ("noise ×", "NPS ×", "NPS peak ×", "air HU", "lung HU", "fat HU", "soft HU", "bone HU", "s/slice"):
        assert heading in texture
    assert structure.splitlines()[0].split()[:4] == ["method", "cases", "structure", "%"]
    assert [line.split()[0] for line in structure.splitlines()[2:]] == ["smooth", "reference"]
    smooth = next(line for line in texture.splitlines() if line.startswith("smooth"))
    assert smooth.endswith("0.25±0.00")
    gain = f"{rows[1]['gain_full']:.2f}"
    assert [line.split() for line in cases.splitlines()[-2:]] == [["A", gain], ["B", gain]]
    assert "range 4096" in definitions and "−160…240" in definitions
    assert len(format_evaluation(summarize(rows)).split("\n\n")) == 4, "without the cases"


def test_the_peak_of_the_spectrum_is_set_against_the_normal_dose(case):
    images, reference = case
    rows = {row["method"]: row for row in compare_slices(images, reference, SPACING)}
    assert rows["reference"]["nps_peak_ratio"] == 1
    assert rows["smooth"]["nps_peak_ratio"] == rows["smooth"]["nps_peak"] / rows["reference"]["nps_peak"]


def test_a_case_sheet_shows_every_method_in_two_windows_and_its_difference(case, tmp_path):
    matplotlib_figure = pytest.importorskip("matplotlib.figure")
    images, reference = case
    drawn = []
    save = matplotlib_figure.Figure.savefig

    def keep(figure, *arguments, **options):
        drawn.append([(axes.get_title(), axes.images[0].get_clim()) for axes in figure.axes])
        save(figure, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib_figure.Figure, "savefig", keep)
        slices = {"low dose": images["input"][0], "smooth": images["smooth"][0]}
        case_sheet(tmp_path / "A.png", slices, reference[0], SPACING, "A")
    titles = [title for title, _ in drawn[0]]
    assert [title.split(" (")[0] for title in titles] == [
        "low dose", "smooth", "normal dose", "low dose", "smooth", "normal dose", "smooth − low dose",
        "normal dose − low dose",
    ]  # fmt: skip
    assert [limits for _, limits in drawn[0]][:4] == [(-160, 240)] * 3 + [(-1350, 150)]
    assert drawn[0][-1][1][0] == -drawn[0][-1][1][1] and "W 400 L 40" in titles[0]
    assert (tmp_path / "A.png").stat().st_size > 10000


def test_smoothing_shows_as_lower_frequency_and_as_loss_of_bone(case):
    images, reference = case
    smooth = compare_slices(images, reference, SPACING)[1]
    assert smooth["nps_mean_ratio"] < 0.9
    assert smooth["bias_bone"] < -2


def test_every_image_is_measured_at_the_places_of_the_reference(case):
    images, reference = case
    rows = compare_slices(images, reference, SPACING)
    assert len({row["nps_rois"] for row in rows}) == 1 and rows[0]["nps_rois"] > 5


def test_without_a_reference_the_input_is_the_measure(case):
    images, _ = case
    rows = compare_slices(images, None, SPACING)
    assert [row["method"] for row in rows] == ["input", "smooth"]
    assert not any(key.startswith(("psnr", "ssim", "gain", "noise_ratio")) for key in rows[1])
    assert "noise_reduction" not in rows[0] and 30 < rows[1]["noise_reduction"] < 70
    assert rows[0]["nps_mean_ratio"] == 1 and rows[1]["nps_mean_ratio"] < 0.9
    assert "bias_soft" not in rows[0] and rows[1]["bias_bone"] < -2


def test_a_perfect_output_and_an_empty_slice_are_no_trouble(case):
    images, reference = case
    rows = compare_slices({"input": images["input"], "perfect": reference}, reference, SPACING)
    assert np.isnan(rows[1]["psnr_full"]) and rows[1]["ssim_full"] == 1 and rows[1]["bias_soft"] == 0
    air = np.full((1, 40, 40), -1000.0)
    row = compare_slices({"input": air}, air, SPACING)[0]
    assert row["gain_full"] == 0 and np.isnan(row["noise"]) and np.isnan(row["nps_mean"]) and row["nps_rois"] == 0
    assert "–" in format_table([row])


def test_a_comparison_without_input_or_with_other_shapes_is_refused(case):
    images, reference = case
    with pytest.raises(InputError, match="'input'"):
        compare_slices({"nlm": images["smooth"]}, reference, SPACING)
    with pytest.raises(InputError, match="shape"):
        compare_slices({**images, "nlm": images["smooth"][:1]}, reference, SPACING)


def test_the_summary_has_mean_and_sample_deviation_per_method():
    rows = [
        {"case": "A", "method": "nlm", "gain_full": 4.0, "noise": float("nan")},
        {"case": "B", "method": "nlm", "gain_full": 5.0, "noise": 20.0},
        {"case": "B", "method": "tv", "gain_full": 3.0, "noise": 30.0},
    ]
    nlm, tv = summarize(rows)
    assert (nlm["method"], nlm["cases"], nlm["gain_full"]) == ("nlm", 2, 4.5)
    assert nlm["gain_full_sd"] == pytest.approx(np.sqrt(0.5))
    assert nlm["noise"] == 20 and np.isnan(nlm["noise_sd"])
    assert tv["gain_full"] == 3 and np.isnan(tv["gain_full_sd"])


def test_a_table_lines_up_and_shows_deviations():
    text = format_table(
        [
            {"method": "nlm", "cases": 2, "gain_full": 4.5, "gain_full_sd": 0.707, "noise": 20.0},
            {"method": "anisotropic-diffusion", "cases": 2, "gain_full": -0.25, "noise": float("nan")},
        ]
    )
    lines = text.splitlines()
    assert lines[0].split() == ["method", "cases", "gain", "dB", "noise", "HU"]
    assert "4.50±0.71" in lines[2] and "20.0" in lines[2]
    assert lines[3].split() == ["anisotropic-diffusion", "2", "-0.25", "–"]
    assert len({len(line) for line in lines}) == 1


def test_a_csv_file_reads_back_with_gaps_for_what_could_not_be_measured(tmp_path):
    rows = [
        {"case": "A", "method": "é", "noise": 1.23456789},
        {"case": "A", "method": "b", "noise": float("nan"), "x": 2},
    ]
    write_csv(rows, tmp_path / "figures.csv")
    with (tmp_path / "figures.csv").open(encoding="utf-8", newline="") as stream:
        read = list(csv.DictReader(stream))
    assert read == [
        {"case": "A", "method": "é", "noise": "1.23457", "x": ""},
        {"case": "A", "method": "b", "noise": "", "x": "2"},
    ]


def test_a_csv_file_appears_whole_or_not_at_all(tmp_path):
    target = tmp_path / "figures.csv"
    target.write_text("before")
    with pytest.raises(ZeroDivisionError):
        write_csv(_breaking_rows(), target)
    assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
    with pytest.raises(InputError, match="part of its path is a file"):
        write_csv([{"method": "a"}], target / "figures.csv")


def _breaking_rows():
    class Breaking(dict):
        def items(self):
            raise ZeroDivisionError

    return [Breaking(method="a")]
