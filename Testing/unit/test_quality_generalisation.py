"""The figures of generalisation: means, rank correlation, and how perception agrees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from LDCTDenoiseLib.quality.generalisation.figures import agreement, by_dose, rank_correlation, slice_figures


def a_row(case="a", anatomy="chest", dose=0.5, method="m", slice=0, **figures):
    return {"case": case, "anatomy": anatomy, "dose": dose, "method": method, "slice": slice, **figures}


def test_a_gain_is_the_psnr_over_that_of_the_low_dose():
    rng = np.random.default_rng(0)
    normal = rng.normal(0, 10, (64, 64))
    noise = rng.normal(0, 40, (64, 64))
    figures = slice_figures(normal + noise / 2, normal + noise, normal)
    assert figures["gain"] == pytest.approx(20 * math.log10(2), abs=1e-6)
    assert figures["rmse_low"] == pytest.approx(2 * figures["rmse"]) == pytest.approx(40, rel=0.05)


def test_a_long_volume_counts_no_more_than_a_short_one():
    rows = [a_row("long", slice=i, gain=1.0) for i in range(9)] + [a_row("short", gain=3.0)]
    (line,) = by_dose(rows, "gain")
    assert line[0.5] == 2.0 and line["cases"] == 2 and line["slices"] == 10


def test_each_anatomy_has_a_row_and_all_have_one_together():
    rows = [a_row(gain=1.0), a_row("b", "head", gain=3.0), a_row("b", "head", dose=0.1, gain=5.0)]
    table = {line["anatomy"]: line for line in by_dose(rows, "gain")}
    assert list(table) == ["chest", "head", "all"]
    assert table["head"][0.1] == 5.0 and table["all"][0.5] == 2.0
    assert [key for key in table["all"] if isinstance(key, float)] == [0.5, 0.1], "the highest dose first"


def test_what_is_infinite_or_missing_is_left_out():
    rows = [a_row(gain=math.inf), a_row(slice=1, gain=2.0), a_row("b")]
    assert by_dose(rows, "gain")[0][0.5] == 2.0


def test_rank_correlation_is_that_of_ranks_and_ties_share_theirs():
    assert rank_correlation([1, 2, 3], [1, 10, 100]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 2, 2], [1, 2, 3, 4]) == pytest.approx(0.894427, abs=1e-5)
    assert rank_correlation([1, 1, 2, 3], [1, 2, 3, 4]) == pytest.approx(0.948683, abs=1e-5)
    assert math.isnan(rank_correlation([1, 1], [1, 2])) and math.isnan(rank_correlation([1], [1]))


def test_the_rank_of_a_volumes_medians_does_not_mind_a_slice_that_is_off():
    facts = {"perceived_anatomy": "chest", "judged": 1.0}
    rows = [
        a_row(dose=dose, slice=slice, estimated_dose=0.9 - dose if slice == 2 else dose * (1 + slice / 10), **facts)
        for dose in (0.5, 0.25, 0.1)
        for slice in range(5)
    ]
    (line,) = agreement(rows)
    assert line["median_rank"] == pytest.approx(1) and line["dose_rank"] < 0.9
    for row in rows:
        row["estimated_dose"] = 1 - row["dose"]
    assert agreement(rows)[0]["median_rank"] == pytest.approx(-1)


def test_agreement_is_told_for_each_case_and_all_and_anatomy_only_where_it_is_known():
    rows = []
    for case, anatomy, judged in (("a", "chest", 1.0), ("b", "head", 0.0)):
        for dose in (0.5, 0.25, 0.1):
            seen = {"estimated_dose": dose * 1.5, "perceived_anatomy": "chest", "judged": judged}
            rows.append(a_row(case, anatomy, dose, **seen))
    rows.append(a_row(method="blind"))
    found = {line["case"]: line for line in agreement(rows)}
    assert list(found) == ["a", "b", "all"]
    assert found["a"]["dose_rank"] == pytest.approx(1) and found["all"]["dose_factor"] == pytest.approx(1.5)
    assert found["a"]["anatomy_right"] == 1 and math.isnan(found["b"]["anatomy_right"])
    assert found["all"]["anatomy_right"] == 1, "the case that nobody named is not judged"
