"""How methods do from dose to dose and from anatomy to anatomy, and how well a perceived dose follows the true one.

Rows are one slice at one dose by one method, with the keys case, anatomy, dose, method, gain, rmse and, for a method
that perceives, estimated_dose and perceived_anatomy. Figures of a group are the mean over its cases of the mean over
their slices: a long volume counts no more than a short one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ..likeness.metrics import psnr, rmse

WINDOW = "founddiff"  # −1000…2000 HU, that of the paper's figures
EVERY = "all"  # the group of all anatomies
Row = dict[str, str | float]


def slice_figures(output: np.ndarray, low: np.ndarray, normal: np.ndarray) -> Row:
    """PSNR before and after in dB, its gain, RMSE before and after in HU, of one slice [rows, columns] HU.

    The normal dose is the reference, with the noise that it has itself.
    """
    before, after = psnr(low, normal, WINDOW), psnr(output, normal, WINDOW)
    return {
        "psnr_low": before,
        "psnr": after,
        "gain": after - before,
        "rmse_low": rmse(low, normal, WINDOW),
        "rmse": rmse(output, normal, WINDOW),
    }


def by_dose(rows: Iterable[Row], figure: str) -> list[Row]:
    """One row a method and anatomy, and one for all: cases, slices, and by its number the mean of each dose.

    Methods without the figure, which only perceive, have none.
    """
    rows = [row for row in rows if figure in row]
    table = []
    for method in _values(rows, "method"):
        own = [row for row in rows if row["method"] == method]
        anatomies = _values(own, "anatomy")
        for anatomy in [*anatomies, *([EVERY] if len(anatomies) > 1 else [])]:
            group = [row for row in own if anatomy in (row["anatomy"], EVERY)]
            line: Row = {"method": method, "anatomy": anatomy, "cases": len(_values(group, "case"))}
            line["slices"] = len({(row["case"], row["slice"]) for row in group})
            for dose in sorted(_values(group, "dose"), reverse=True):
                line[dose] = mean_over_cases([row for row in group if row["dose"] == dose], figure)
            table.append(line)
    return table


def mean_over_cases(rows: Sequence[Row], figure: str) -> float:
    """Infinite values (a slice that is its own reference) and missing ones are left out; NaN where none is left."""
    means = []
    for case in _values(rows, "case"):
        values = [float(row.get(figure, np.nan)) for row in rows if row["case"] == case]
        finite = [v for v in values if np.isfinite(v)]
        if finite:
            means.append(np.mean(finite))
    return float(np.mean(means)) if means else float("nan")


def rank_correlation(first: Sequence[float], second: Sequence[float]) -> float:
    """Spearman's, equal values sharing their mean rank; NaN where one of the two does not vary."""
    if len(first) < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray:
    """From 1 on; equal values share the mean of their ranks."""
    _, place, counts = np.unique(np.asarray(values, float), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place.ravel()]


def agreement(rows: Iterable[Row]) -> list[Row]:
    """For each method that perceives, a row for every case and one for all cases.

    dose_rank    Spearman's correlation of true and estimated dose over slices and doses
    median_rank  the same of what a user is told of a volume: the median of its slices
    dose_factor  median over slices and doses of estimated ÷ true dose, as a factor of at least 1 either way
    anatomy_right  share of the slices, over all doses, whose likeliest anatomy is that of the case; only where a person
             named it, and among the names that the method knows
    """
    rows = [row for row in rows if "estimated_dose" in row]
    found = []
    for method in _values(rows, "method"):
        own = [row for row in rows if row["method"] == method]
        for case in [*_values(own, "case"), *([EVERY] if len(_values(own, "case")) > 1 else [])]:
            group = [row for row in own if case in (row["case"], EVERY)]
            true, estimated = ([float(row[key]) for row in group] for key in ("dose", "estimated_dose"))
            judged = [row["perceived_anatomy"] == row["anatomy"] for row in group if row["judged"]]
            ratios = np.abs(np.log(np.divide(estimated, true)))
            found.append(
                {
                    "method": method,
                    "case": case,
                    "anatomy": group[0]["anatomy"] if case != EVERY else EVERY,
                    "slices × doses": str(len(group)),
                    "dose_rank": rank_correlation(true, estimated),
                    "median_rank": rank_correlation(*_medians(group)),
                    "dose_factor": float(np.exp(np.median(ratios))),
                    "anatomy_right": float(np.mean(judged)) if judged else float("nan"),
                }
            )
    return found


def _medians(rows: Sequence[Row]) -> tuple[list[float], list[float]]:
    """True doses, and the medians over the slices that were estimated, of each case at each dose."""
    estimated: dict[tuple, list[float]] = {}
    for row in rows:
        estimated.setdefault((row["case"], float(row["dose"])), []).append(float(row["estimated_dose"]))
    return [dose for _, dose in estimated], [float(np.median(values)) for values in estimated.values()]


MEANING = """\
Gain: PSNR over that of the low dose; RMSE in HU; both over the whole slice, clipped to −1000…2000 HU, against the
normal dose, which is noisy itself. Means over the volumes of the means over their slices. * a dose that training did
not see."""

HOW_PERCEIVED = """\
dose rank: Spearman's correlation of true and estimated dose over all slices and doses; median rank: of the medians
over the slices of a volume, which is what a user is told. dose factor: median of how many times too high or too low the
estimate is. anatomy: share of slices named rightly, where a person named the case."""


def _values(rows: Iterable[Row], key: str) -> list:
    """Each value once, in the order of first appearance."""
    return list(dict.fromkeys(row[key] for row in rows))
