"""May the spread of the draws be called an uncertainty? The rule was written down before anything was measured."""

from __future__ import annotations

import math

from .spread import SpreadFigures

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
    """One sentence: what the spread may be called, and why."""
    if not math.isfinite(figures.factor):
        return "The draws do not differ: there is no spread to judge."
    wrong = failures(figures)
    if wrong:
        return f"It stays the spread of the draws: {'; '.join(wrong)}."
    return (
        f"{figures.factor:.2g} × spread may be called an uncertainty (one standard deviation) on images like these: it "
        f"covers {figures.coverage:.0f} % of the real errors (slope {figures.slope:.2f}, "
        f"rank correlation {figures.rank:.2f})."
    )
