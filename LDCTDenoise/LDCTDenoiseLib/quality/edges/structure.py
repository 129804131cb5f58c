"""Residual structure score: how much of the edges is in what a method took away.

Nobody can see whether a removed part full of noise holds anatomy. But noise has no side: averaged across many edges,
always from the dark to the bright side, it vanishes, and what a blur took remains, bright just inside the edge and dark
just outside. The score is the height of that remainder in per cent of the edge's contrast:

    mean(before − after)(d) / mean contrast = score · shape(d) + offset + step of lost contrast

with the shape that widening leaves, Φ(d/σ) − Φ(d/kσ), scaled to a peak of 1; σ is that of the mean edge before. It is
linear in the removed part, so noise cannot add up, and places come from a coarse scale (`places`), so noise has not
chosen them. A score s goes with an edge widened by the factor exp(s / 24 %): 1.2 % for 5 % wider, 3.4 % for 15 %.
Negative: edges became steeper. Contrast that is lost as a whole is not in the score; the HU figures tell it.

The light is the colour of the score where two standard errors make it certain enough, and "none" otherwise:

    amber, red  5, 15 % of change or more, and less than 5 % is excluded: noise alone accuses no method
    green       less than 5 %, and 10 % or more is excluded; where 5 % is not, the sentence says what is not

Green is a promise about all edges, strong and faint: a group with too few edges, or too much noise, forbids it. Amber
and red need one group.

Checked with `known.removal` on six volumes under 10 to 50 HU of noise: slope 1.00 at strong edges and 1.02 ± 0.01 at
faint ones. What is left of the noise's choice of places is nothing at strong edges, and at faint ones 0.0, 0.1 and
0.2 % under 10, 25 and 50 HU, at most a sixth of what turns the light from green to amber; 94 % within two errors.
Noise also misplaces faint edges (0.3 mm at 30 HU and a contrast of 100 HU), which widens the mean edge: what
happened to a single edge is then up to a fifth more. Where noise is cut off at −1024 HU (100 HU and more), skin seems
blurred by half a per cent: the input itself is false there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..stacks import as_stack, check_same_shape
from .places import GROUPS, Edges
from .profiles import POSITIONS, EdgeProfiles, mean_and_draws
from .response import enough

WIDER_GREEN, WIDER_RED = 5.0, 15.0  # % of edge width; a convention, not chosen on any data
WIDER_EXCLUDED = 10.0  # halfway; a convention too, but laid down when the lights of the pairs had been seen
_TEMPLATE_WIDENING = 1.3
_PEAK = 24.2  # % of contrast per unit of log(width): the maximum of z·φ(z)
_MOST = 100.0  # %: no edge holds more than its contrast; keeps the widths of absurd images finite
_LIGHTS = ("green", "amber", "red")


@dataclass(frozen=True)
class StructureScore:
    """All in % of the edge's contrast, with one standard error; NaN where it could not be measured.

    score, error  mean of the groups of edges
    strong, faint with strong_error, faint_error, and the number of edges strong_edges, faint_edges
    light         "green", "amber", "red", or "none" where edges of either group are too few or the error too large
    sentence      what it means
    """

    score: float
    error: float
    strong: float
    strong_error: float
    strong_edges: int
    faint: float
    faint_error: float
    faint_edges: int
    light: str
    sentence: str


def structure_score(
    before: np.ndarray, after: np.ndarray, edges: Edges, spacing_xy_mm: float | Sequence[float]
) -> StructureScore:
    """The score of before − after, [slices, rows, columns] or [rows, columns] in HU; edges of `find_edges(before)`.

    Raises InputError for shapes that differ.
    """
    check_same_shape(before, after)
    before, after = as_stack(before), as_stack(after)
    found, count = {}, {}
    for name in GROUPS:
        chosen = edges.only(name)
        count[name] = len(chosen)
        found[name] = _score(before, after, chosen, spacing_xy_mm) if enough(chosen) else (np.nan, np.nan)
    known = [value for value in found.values() if np.isfinite(value).all()]
    score = float(np.mean([value for value, _ in known])) if known else float("nan")
    error = float(np.sqrt(sum(e**2 for _, e in known)) / len(known)) if known else float("nan")
    light, sentence = verdict(found)
    return StructureScore(
        score, error, *found["strong"], count["strong"], *found["faint"], count["faint"], light, sentence
    )  # fmt: skip


def wider(score: float) -> float:
    """How much wider an edge of this score became, %: for small scores score / 0.242; negative for a steeper one."""
    return float(100 * np.expm1(np.clip(score, -_MOST, _MOST) / _PEAK))


def fit_score(profiles: np.ndarray, sigma: float) -> np.ndarray:
    """Scores in % of profiles [n, k] of the removed part at POSITIONS, as shares of contrast; σ of the edge in mm."""
    from scipy.special import ndtr

    edge = ndtr(POSITIONS / sigma)
    shape = edge - ndtr(POSITIONS / (_TEMPLATE_WIDENING * sigma))
    model = np.column_stack([shape / shape.max(), np.ones_like(edge), edge])
    return 100 * (profiles @ np.linalg.pinv(model)[0])


def edge_sigma(profile: np.ndarray) -> float:
    """σ in mm of the Gaussian edge that fits a profile [k] at POSITIONS best, wherever near the middle it lies."""
    from scipy.special import ndtr

    sigmas = np.arange(0.3, 2.5, 0.02)
    misfit = []
    for sigma in sigmas:
        z = POSITIONS / sigma
        model = np.column_stack([np.ones_like(z), ndtr(z), np.exp(-(z**2) / 2)])
        misfit.append(np.sum((profile - model @ (np.linalg.pinv(model) @ profile)) ** 2))
    return float(sigmas[int(np.argmin(misfit))])


def _score(before: np.ndarray, after: np.ndarray, edges: Edges, spacing) -> tuple[float, float]:
    profiles = EdgeProfiles(edges, before.shape, spacing)
    above, left = profiles.sums(before, above_level=True), profiles.sums(after, above_level=True)
    removed, draws = mean_and_draws(above - left, profiles.contrast)
    sigma = edge_sigma(above.sum(axis=0) / profiles.contrast.sum(axis=0))
    return float(fit_score(removed, sigma)), float(np.nanstd(fit_score(draws, sigma), ddof=1))


def verdict(found: dict[str, tuple[float, float]]) -> tuple[str, str]:
    """Traffic light and a sentence for group → (score, error): the worst group that can be told; green takes all."""
    lights = {name: _light(*value) for name, value in found.items()}
    told = [name for name in found if lights[name] != "none"]
    doubtful = [name for name in found if lights[name] == "none"]
    doubts = [_doubt(name, *found[name]) for name in doubtful]
    if not np.isfinite(list(found.values())).all(axis=1).any():
        return "none", "Too few edges to tell whether the removed part holds structure."
    if not told:
        return "none", f"Whether edges were kept cannot be judged: {'; '.join(doubts)}."
    told.sort(key=lambda name: (_LIGHTS.index(lights[name]), abs(found[name][0])), reverse=True)
    worst = told[0]
    kinds = {(lights[name], lights[name] != "green" and found[name][0] > 0) for name in found}
    which = "Edges" if len(kinds) == 1 else f"{worst.capitalize()} edges"
    parts = " and ".join(_told(name, *found[name]) for name in told)
    text = f"the removed part holds {'; '.join([parts, *doubts])}."
    if lights[worst] != "green":
        how = "clearly" if lights[worst] == "red" else "slightly"
        became = f"{how} blurred" if found[worst][0] > 0 else f"made {how} steeper"
        return lights[worst], f"{which} were {became}: {text}"
    if doubtful:  # nobody should read a green light for edges that may be blurred
        return "none", f"{which} were kept; whether {' and '.join(doubtful)} edges were cannot be judged: {text}"
    return "green", f"Edges were kept: {text}"


def _light(score: float, error: float) -> str:
    """That of one group, by the size of the score; see the head of this file."""
    if not (np.isfinite(score) and np.isfinite(error)):
        return "none"
    size, most = wider(abs(score)), wider(abs(score) + 2 * error)
    if size < WIDER_GREEN:
        return "green" if most < WIDER_EXCLUDED else "none"
    if wider(abs(score) - 2 * error) < WIDER_GREEN:
        return "none"
    return "amber" if size < WIDER_RED else "red"


def _told(name: str, score: float, error: float) -> str:
    """What is known of a group: "0.4 ± 0.2 % of the contrast of faint edges (2 % wider)"."""
    width = round(wider(score))
    became = f"{abs(width)} % {'wider' if width > 0 else 'steeper'}" if width else "no wider"
    most = wider(abs(score) + 2 * error)
    if wider(abs(score)) < WIDER_GREEN <= most:
        became += f", but a change of up to {most:.0f} % cannot be excluded"
    return f"{_per_cent(score, error)} of the contrast of {name} edges ({became})"


def _doubt(name: str, score: float, error: float) -> str:
    """Why a group cannot be judged: "faint edges are too noisy to tell (1.4 ± 0.6 %, 1 to 11 % wider)"."""
    if not (np.isfinite(score) and np.isfinite(error)):
        return f"{name} edges are too few to tell"
    low, high = round(wider(score - 2 * error)), round(wider(score + 2 * error))
    if low >= 0:
        between = f"{low} to {high} % wider"
    elif high <= 0:
        between = f"{-high} to {-low} % steeper"
    else:
        between = f"from {-low} % steeper to {high} % wider"
    why = (
        "too noisy to tell"
        if wider(abs(score) + 2 * error) >= WIDER_EXCLUDED
        else "on the verge of what counts as kept"
    )
    return f"{name} edges are {why} ({_per_cent(score, error)}, {between})"


def _per_cent(score: float, error: float) -> str:
    """A score with its error, in no more digits than are known and no fewer."""
    if abs(score) + 2 * error < 0.1:
        return "less than 0.1 %"
    digits = 1 if error >= 0.05 else 2
    value = f"{score:.{digits}f}"
    value = value.removeprefix("-") if not float(value) else value.replace("-", "−")
    return f"{value} ± {error:.{digits}f} %" if error >= 0.005 else f"{value} %"
