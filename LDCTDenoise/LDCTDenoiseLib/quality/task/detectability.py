"""Does a method keep a faint lesion? Lesions are put into the real volume, which is then denoised with and without.

Two answers for each size and contrast: how much of the inserted contrast is left, and how well a channelised Hotelling
observer (see `observer`) tells the lesion from the patient's own background before and after.

What d′ can and cannot say. No image processing adds information, and this observer weighs frequencies itself: a
filter that could be undone (a blur, a paler image) changes nothing, so a method is good when d′ stays while noise
goes, and a falling d′ is a lost lesion. That d′ stays does not say that edges stay: see the figures of edges. It may
even rise a little, where noise is not the same everywhere and a method adapts to it. d′² grows with dose: 10 % less d′
is as if 19 % of the dose had been given away.
A method that estimates the most likely mean takes a part of the contrast away together with the noise. "kept" shows
that; it is the lower the fainter and smaller a lesion is against the noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import InputError
from ..numbers import signed
from ..stacks import as_stack, pixel_size
from .lesions import Places, deal, find_places, fullest_slices, half_window, insert, lesion, room
from .observer import d_prime, least_places, resampled, see, templates

DIAMETERS_MM = (3.0, 5.0, 8.0, 12.0)
CONTRASTS_HU = (10.0, 15.0, 30.0)
RESOLUTION_MM = 1.2  # full width at half maximum of a soft-tissue kernel, MTF 50 % at 0.37/mm
PLACES = 240  # the standard error of d′ is then about 5 %
LESIONS = 48  # of each kind
MOST_RUNS = 12
WEAKENED, LOST = 0.10, 0.25  # of d′
LEAST_KEPT = 80.0  # % of the contrast
_RESAMPLES = 200

Method = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Plan:
    stack: np.ndarray  # the slices that are used
    spacing: tuple[float, float]
    places: Places
    kinds: list[tuple[float, float]]
    dealt: np.ndarray  # int [runs, places]
    shapes: dict[float, np.ndarray]  # of 1 HU, by diameter
    channels: dict[float, np.ndarray]


def detectability(
    stack: np.ndarray,
    spacing: float | Sequence[float],
    denoise: dict[str, Method],
    *,
    diameters: Sequence[float] = DIAMETERS_MM,
    contrasts: Sequence[float] = CONTRASTS_HU,
    resolution_mm: float = RESOLUTION_MM,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[dict]:
    """A row for each method ("input", the untouched image, first), diameter and contrast.

    stack    float32 [slices, rows, columns], HU; spacing (between columns, between rows) in mm
    denoise  name → method, [n, rows, columns] HU → the same; called with a few of the slices, once as they are and
             three to twelve times with lesions, always the same slices in the same order: a random method must
             then draw the same numbers
    contrasts in HU, negative for dark lesions; resolution_mm is the full width at half maximum of the point spread
    Row: image, diameter_mm, contrast_hu, dprime ± dprime_error, dprime_change ± dprime_change_error (after − before at
    the same places), kept ± kept_error (mean change of the image weighted with the lesion's shape, % of what was
    inserted), places (lesions). Errors are standard errors: bootstrap over places for d′, of the mean for kept. NaN
    where a size has too few places. Places lie apart by their whole windows, so noise is shared only where it is
    correlated over more than 13 mm; streaks are, and make the stated errors a little too small.
    Raises InputError where no lesion fits anywhere; progress(done, total, stage) counts runs of methods.
    """
    plan = _plan(as_stack(stack), pixel_size(spacing), diameters, contrasts, resolution_mm, seed)
    weights = resampled(len(plan.places), _RESAMPLES, np.random.default_rng(seed))
    total = (len(denoise) + 1) * (1 + len(plan.dealt))
    rows: list[dict] = []
    before: dict[tuple[float, float], np.ndarray] = {}
    for number, (name, method) in enumerate({"input": np.array, **denoise}.items()):
        absent, present = _observe(plan, method, number * (1 + len(plan.dealt)), total, progress)
        for kind, (diameter, contrast) in enumerate(plan.kinds):
            row, index = _figures(plan, absent[diameter], present[kind], diameter, contrast, weights)
            if name == "input":
                before[diameter, contrast] = index
            with np.errstate(invalid="ignore"):  # infinite d′ without noise
                change = index - before[diameter, contrast]
                row |= {"dprime_change": change[0], "dprime_change_error": change[1:].std()}
            rows.append({"image": name, **{key: _plain(value) for key, value in row.items()}})
    return rows


def verdict(
    rows: list[dict], method: str, diameter_mm: float, contrast_hu: float, title: str | None = None
) -> tuple[str, str]:
    """(light, sentence): may it still be found?

    red    d′ fell by more than 25 %, as if 44 % of the dose had been given away
    amber  it fell by more than 10 %; or it did not, but more than 20 % of the contrast is gone: noise went with it, so
           the lesion can still be found, but is paler, and HU read in it are wrong
    green  neither
    none   a loss of 25 % can neither be shown nor be excluded, or nothing could be measured
    What is said to be lost lies beyond two standard errors.
    Raises InputError for a lesion or method that is not among the rows.
    """
    row, before = (_row(rows, name, diameter_mm, contrast_hu) for name in (method, "input"))
    name = title or method
    what = f"a lesion of {diameter_mm:g} mm and {contrast_hu:g} HU"
    if not (np.isfinite([row["dprime"], before["dprime"], row["kept"]]).all() and before["dprime"] > 0):
        return "none", f"Whether {name} keeps {what} could not be measured: too few homogeneous places, or no noise."
    change, error = (row[key] / before["dprime"] for key in ("dprime_change", "dprime_change_error"))
    if change + 2 * error < -LOST:
        light, answer = "red", f"{name} loses {what}"
    elif change + 2 * error < -WEAKENED:
        light, answer = "amber", f"{name} makes {what} harder to find"
    elif change - 2 * error < -LOST:
        light, answer = "none", f"Whether {name} keeps {what} cannot be told from so few places"
    elif row["kept"] + 2 * row["kept_error"] < LEAST_KEPT:
        light, answer = "amber", f"{name} pales {what}, without making it harder to find"
    else:
        light, answer = "green", f"{name} keeps {what}"
    by = f"{signed(100 * change, 0)} ± {100 * error:.0f} %"
    text = (
        f"{answer}: {row['kept']:.0f} % of its contrast is left, and the d′ of a computed observer is "
        f"{row['dprime']:.1f} after {before['dprime']:.1f} before (change {by})"
    )
    return light, text + ("; in the original, too, it is hardly to be seen." if before["dprime"] < 1 else ".")


def _row(rows: list[dict], method: str, diameter: float, contrast: float) -> dict:
    for row in rows:
        if row["image"] == method and row["diameter_mm"] == diameter and row["contrast_hu"] == contrast:
            return row
    raise InputError(f"A lesion of {diameter:g} mm and {contrast:g} HU was not measured for {method}.")


def _plan(stack, spacing, diameters, contrasts, resolution, seed) -> _Plan:
    if not (len(diameters) and min(diameters) > 0 and len(contrasts) and all(contrasts)):
        raise InputError("Lesions need diameters above 0 mm and contrasts other than 0 HU.")
    places = find_places(stack, spacing, [room(d) for d in diameters])
    slices = fullest_slices(places, PLACES) if len(places) else np.empty(0, int)
    places = places.of_slices(slices)
    if len(places) < least_places():
        raise InputError(
            "Lesions cannot be simulated here: the image has too few homogeneous places of soft tissue "
            f"({len(places)}, and {least_places()} are needed)."
        )
    kinds = [(float(d), float(c)) for d in diameters for c in contrasts]
    runs = int(np.clip(np.ceil(len(kinds) * LESIONS / len(places)), 1, min(MOST_RUNS, len(kinds))))
    return _Plan(
        np.ascontiguousarray(stack[slices], dtype=np.float32),
        spacing,
        places,
        kinds,
        deal(places, kinds, runs, seed),
        {float(d): lesion(d, spacing, resolution) for d in diameters},
        {float(d): templates(d, spacing, resolution) for d in diameters},
    )


def _observe(plan: _Plan, method: Method, done: int, total: int, progress) -> tuple[dict, dict]:
    """What the channels show of a method's images.

    Returns absent {diameter: (places int [n], seen [n, k])} and present {kind: (places [m], seen [m, k], kept [m])}.
    """

    def run(slices: np.ndarray, number: int) -> np.ndarray:
        if progress:
            progress(done + number, total, "detect")
        out = np.asarray(method(slices))
        if out.shape != slices.shape:
            raise ValueError(f"a method gave {out.shape} for slices of {slices.shape}")
        return out

    plain = run(plan.stack.copy(), 0)
    absent, present = {}, {kind: [] for kind in range(len(plan.kinds))}
    for diameter, channels in plan.channels.items():
        fit = np.flatnonzero(plan.places.radius >= room(diameter) - 1e-9)
        absent[diameter] = fit, see(_windows(plan, plain, fit, diameter), channels)
    for number, dealt in enumerate(plan.dealt, 1):
        shapes = [None if k < 0 else plan.kinds[k][1] * plan.shapes[plan.kinds[k][0]] for k in dealt]
        image = run(insert(plan.stack, plan.places, shapes), number)
        for kind, (diameter, contrast) in enumerate(plan.kinds):
            here = np.flatnonzero(dealt == kind)
            windows = _windows(plan, image, here, diameter)
            shape = plan.shapes[diameter]
            change = windows - _windows(plan, plain, here, diameter)
            kept = (change * shape).sum(axis=(1, 2)) / (contrast * (shape**2).sum())
            present[kind].append((here, see(windows, plan.channels[diameter]), kept))
    if progress:
        progress(done + 1 + len(plan.dealt), total, "detect")
    return absent, {kind: tuple(map(np.concatenate, zip(*seen, strict=True))) for kind, seen in present.items()}


def _windows(plan: _Plan, stack: np.ndarray, chosen: np.ndarray, diameter: float) -> np.ndarray:
    return plan.places.cut(stack, chosen, half_window(room(diameter), plan.spacing))


def _figures(plan, absent, present, diameter, contrast, weights) -> tuple[dict, np.ndarray]:
    """The row's own figures, and d′ with its bootstrap [1 + resamples]."""
    fit, without = absent
    here, seen, kept = present
    row = {"diameter_mm": diameter, "contrast_hu": contrast, "places": len(here)}
    if len(here) < least_places():
        index = np.full(len(weights), np.nan)
        return row | dict.fromkeys(("dprime", "dprime_error", "kept", "kept_error"), np.nan), index
    index = d_prime(without, seen, np.searchsorted(fit, here), weights[:, fit])
    with np.errstate(invalid="ignore"):
        error = index[1:].std()
    return row | {
        "dprime": index[0],
        "dprime_error": error,
        "kept": 100 * kept.mean(),
        "kept_error": 100 * kept.std(ddof=1) / np.sqrt(len(kept)),
    }, index


def _plain(value):
    return value.item() if isinstance(value, np.generic) else value
