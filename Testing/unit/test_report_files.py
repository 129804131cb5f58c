"""Document and figures as files: numbers that other programs read, and how the report writes them."""

import csv
import json
import math

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.numbers import finite, number, signed, with_error
from LDCTDenoiseLib.quality.report import write_document, write_figures_csv
from LDCTDenoiseLib.quality.report.figures import Figures
from LDCTDenoiseLib.quality.report.text import esc, plain
from report_factory import a_document


def strict(path) -> dict:
    """Refuses NaN and Infinity, which are no JSON."""
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda name: pytest.fail(name))


def test_a_document_comes_back_as_it_was(tmp_path):
    document = a_document(reference=True)
    write_document(tmp_path / "d.json", document)
    for figure in document["figures"]:
        if math.isnan(figure["value"]):
            figure["value"] = None
    assert strict(tmp_path / "d.json") == json.loads(json.dumps(document))


def test_numbers_of_numpy_are_numbers_and_what_is_none_is_null(tmp_path):
    odd = {
        "a": np.float32(1.5), "b": np.int64(3), "c": np.array([1.0, np.nan]), "d": math.inf, "e": (True, None),
        "f": {7: "HU² mm²"}, "g": "half a \udcff name", "h": np.bool_(True),
    }  # fmt: skip
    write_document(tmp_path / "d.json", odd)
    assert strict(tmp_path / "d.json") == {
        "a": 1.5, "b": 3, "c": [1.0, None], "d": None, "e": [True, None], "f": {"7": "HU² mm²"}, "g": "half a ? name",
        "h": True,
    }  # fmt: skip
    assert "HU² mm²" in (tmp_path / "d.json").read_text(encoding="utf-8")


def test_the_csv_has_one_figure_a_line_and_leaves_empty_what_was_not_measured(tmp_path):
    write_figures_csv(tmp_path / "f.csv", a_document())
    rows = list(csv.DictReader((tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["image", "key", "value", "error", "unit"]
    assert len(rows) == len(a_document()["figures"])
    assert rows[0] == {"image": "input", "key": "noise", "value": "20", "error": "0.31", "unit": "HU"}
    (missing,) = [row for row in rows if row["image"] == "nlm" and row["key"] == "structure"]
    assert missing["value"] == "" and missing["error"] == ""


def test_a_spreadsheet_finds_no_formula_in_a_name(tmp_path):
    document = a_document()
    document["images"][1] = '=HYPERLINK("x")'
    document["figures"] = [{"image": '=HYPERLINK("x")', "key": "noise", "value": -1.0, "error": None}]
    write_figures_csv(tmp_path / "f.csv", document)
    (row,) = csv.reader((tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()[1:])
    assert row[0] == '\'=HYPERLINK("x")' and row[2] == "-1"


@pytest.mark.parametrize("write", [write_document, write_figures_csv])
def test_an_existing_file_is_kept_unless_it_may_be_replaced(tmp_path, write):
    path = tmp_path / "out"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write(path, a_document())
    assert path.read_text() == "mine"
    write(path, a_document(), overwrite=True)
    assert path.read_text(encoding="utf-8") != "mine"


@pytest.mark.parametrize(
    ("value", "error", "digits", "said"),
    [
        (12.34, 0.41, 1, "12.3 ± 0.4"),
        (12.34, None, 1, "12.3"),
        (None, 0.4, 1, "–"),
        (-0.82, 0.012, 1, "−0.82 ± 0.01"),
        (0.0271, 0.0041, 1, "0.027 ± 0.004"),
        (5.0, 0.0, 1, "5.0 ± 0.0"),
        (5.0, 1e-7, 1, "5.0 ± <0.001"),
        (-0.04, None, 1, "0.0"),
        (1234.5, 20.0, 0, "1234 ± 20"),
    ],
)  # fmt: skip
def test_a_figure_is_told_with_its_error(value, error, digits, said):
    assert with_error(value, error, digits) == said


def test_signs_are_those_of_print_and_zero_has_none():
    assert [signed(v, 1) for v in (2.0, -2.0, 0.04, -0.04, None)] == ["+2.0", "−2.0", "0.0", "0.0", "–"]
    assert number(-3.2, 0) == "−3"


@pytest.mark.parametrize("value", [None, math.nan, math.inf, "12", "x", True, [1]])
def test_what_is_no_finite_number_is_none(value):
    assert finite(value) is None or (value == "12" and finite(value) == 12)


def test_texts_become_one_harmless_line():
    assert plain(" two\nlines\t ") == "two lines"
    assert plain("a\x00b\u202ec\ud800") == "abc?"
    assert len(plain("x" * 5000)) == 400
    assert esc("<a href='x'>&\"") == "&lt;a href=&#x27;x&#x27;&gt;&amp;&quot;"
    assert plain("Größe 肝臓 ±") == "Größe 肝臓 ±"


def changes(key: str, before: float, after: float, unit: str, digits: int = 1) -> tuple[int, str]:
    rows = [{"image": name, "key": key, "value": v} for name, v in (("input", before), ("nlm", after))]
    definitions = {key: {"title": key, "unit": unit, "digits": digits, "group": "noise", "meaning": ""}}
    return Figures({"images": ["input", "nlm"], "figures": rows, "definitions": definitions}).change("nlm", key)


def test_a_change_is_a_percentage_or_a_difference_where_zero_means_nothing():
    assert changes("noise", 20, 9.2, "HU") == (-1, "−54 %")
    assert changes("edge_strong", 1.0, 1.25, "mm") == (1, "+25 %")
    assert changes("psnr_soft", 25.1, 30.0, "dB") == (1, "+4.9 dB")
    assert changes("kept_5mm_15hu", 100, 93, "%", 0) == (-1, "−7 points")
    assert changes("ssim_soft", 0.75, 0.8, "", 3) == (1, "+0.050")
    assert changes("noise", 20, 20.01, "HU") == (0, "0 %")


def test_a_change_is_not_told_of_what_is_one_already_or_cannot_be():
    assert changes("nps_mean_ratio", 1.0, 0.8, "×") == (0, "")
    assert changes("noise", 0.0, 3.0, "HU") == (0, "")
    assert changes("noise", math.nan, 3.0, "HU") == (0, "")
    figures = Figures(a_document())
    assert figures.change("input", "noise") == (0, "") and figures.change("nlm", "inner_fat") == (0, "")


def test_figures_stand_in_the_order_of_their_definitions_under_their_groups():
    figures = Figures(a_document(reference=True))
    assert figures.keys[:2] == ["noise", "inner_fat"] and figures.methods() == ["nlm", "rddm-fine"]
    assert list(figures.groups()) == [
        "Noise and texture", "Hounsfield units", "Edges and structure", "Against the normal dose",
        "Detectability of inserted lesions",
    ]  # fmt: skip
