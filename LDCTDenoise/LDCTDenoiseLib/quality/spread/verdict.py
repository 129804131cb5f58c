"""May the spread of the draws be called an uncertainty?

The limits of coverage, slope and correlation were set before anything was measured. Three things were not: the
averaging over 5 mm and regions of 20 mm came after a first look (both help the spread), and that the correlation
counts within a case came after most cases had been seen. Pooled over all cases, as the rule first said, it rewards a
spread that only tells which scan is noisier, and decides differently; `verdict` says so where it does.
"""

from __future__ import annotations

import math
from dataclasses import replace

from .calibration import SpreadFigures

COVERAGE = (60.0, 76.0)  # %; 68 % of normal errors lie within one standard deviation
SLOPE = (0.8, 1.25)
LEAST_RANK = 0.5
LEAST_REGIONS = 100  # below, Spearman's correlation has an error of more than 0.1
RULE = (
    "The spread, averaged over 5 mm, may be called an uncertainty if a factor found on other data makes it cover "
    f"{COVERAGE[0]:g} to {COVERAGE[1]:g} % of the real errors, the real error rises with it at a slope of "
    f"{SLOPE[0]:g} to {SLOPE[1]:g}, and it ranks the real error of regions of 20 mm within a case with a correlation "
    f"of at least {LEAST_RANK:g} (median of the cases)."
)


def failures(figures: SpreadFigures) -> list[str]:
    """Conditions of the rule that do not hold, each in a few words; none: it may be called an uncertainty."""
    found = []
    if figures.regions < LEAST_REGIONS:
        found.append(f"only {figures.regions} regions could be judged, which is too few")
    if not COVERAGE[0] <= figures.coverage <= COVERAGE[1]:
        found.append(f"it covers {figures.coverage:.3g} % of the errors and not {COVERAGE[0]:g} to {COVERAGE[1]:g}")
    if not SLOPE[0] <= figures.slope <= SLOPE[1]:
        slope = f"{figures.slope:.3g}" if math.isfinite(figures.slope) else "unknown"
        found.append(f"the slope is {slope} and not {SLOPE[0]:g} to {SLOPE[1]:g}")
    if not figures.rank >= LEAST_RANK:
        rank = f"{figures.rank:.3g}" if math.isfinite(figures.rank) else "unknown"
        found.append(f"the rank correlation is {rank} and below {LEAST_RANK:g}")
    return found


def verdict(figures: SpreadFigures) -> str:
    """One or two sentences: what the spread may be called, and why."""
    if not math.isfinite(figures.factor):
        return "The draws do not differ: there is no spread to judge."
    wrong = failures(figures)
    if wrong:
        text = f"It stays the spread of the draws: {'; '.join(wrong)}."
        if not failures(replace(figures, rank=figures.rank_pooled)):
            text += (
                f" It would pass if the regions of all cases were pooled (correlation {figures.rank_pooled:.2f}): it "
                "tells which scan is noisier, not where in a scan the result is wrong."
            )
        return text
    return (
        f"{figures.factor:.2g} × spread may be called an uncertainty (one standard deviation) on images like these: it "
        f"covers {figures.coverage:.0f} % of the real errors (slope {figures.slope:.2f}, "
        f"rank correlation {figures.rank:.2f})."
    )
