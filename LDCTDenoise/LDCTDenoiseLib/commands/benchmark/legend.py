"""What the words under a benchmark's tables mean: those that its rows have, and no others."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ...inference.devices import AGREEMENT_HU, WORST_HU
from .profile import BETWEEN, OTHER, SCAN, told_kinds
from .random_models import RANDOM, RESIDUAL_HU
from .rounds import Result
from .rows import PLAIN, QUICK

_WIDTH = 120
_KINDS = {  # of a profile, where the word is not enough
    SCAN: "on the processor the time that its caller waits for it, in all threads",
    BETWEEN: "Python and waiting, which no operation accounts for",
    "copies": "numbers moved and put into another order",
    OTHER: "what is below 1 % or of no kind",
}


def table_legend(results: Sequence[Result]) -> str:
    """What the words of the table mean, those that it has."""
    random = [name for name in RANDOM if any(result.row.model == name for result in results)]
    ways = {result.facts["way"] for result in results if result.is_network}
    texts = {
        "s/slice: median over the rounds, warm": True,
        "× as quick: as authors-network in plain float32 in the same round, median": any(r.ratios for r in results),
        "start: from nothing to the first slice (Python, the libraries, the model, its self-check)": True,
        "peak: of the process": True,
        "GPU: most that torch held there": any(result.facts["gpu_mb"] for result in results),
        "plain: torch as it is by itself, eager float32, one slice after the other": PLAIN in ways,
        "quick: as this program computes": QUICK in ways,
        "HU: absolute difference from plain float32 on the processor, largest, root mean square and mean over the "
        "slices": any(result.difference_hu for result in results),
        f"the self-check, on a slice of its own, lets an RMS of {AGREEMENT_HU:g} HU and a largest one of {WORST_HU:g} "
        "HU pass": QUICK in ways,
        f"{', '.join(random)}: random weights, made so that they change the image by {RESIDUAL_HU:.0f} HU, as trained "
        "ones do": bool(random),
    }
    return _paragraph(texts)


def profile_legend(networks: Sequence[Result]) -> str:
    """Likewise of the floors and of where the time goes."""
    kinds = {kind for result in networks if result.profile for kind in told_kinds(result.profile)}
    texts = {
        "arithmetic: multiply–adds of the plain network over the peak; memory: what they read and write over the "
        "bandwidth; roofline: the slower of both, layer by layer, with everything between the layers for nothing": True,
        "the quick way multiplies less in some layers and more in others: for it these are the plain network's figures "
        "and no bound, and no GFLOP/s are told": any(result.facts["way"] != PLAIN for result in networks),
        "on device: a batch alone, by the clock of the GPU": any(result.on_device for result in networks),
        "a peak is the quickest of some convolutions and a product": True,
        **{f"{kind}: {text}": kind in kinds for kind, text in _KINDS.items()},
    }
    return _paragraph(texts)


def _paragraph(texts: dict[str, bool]) -> str:
    text = "; ".join(text for text, is_shown in texts.items() if is_shown)
    return textwrap.fill(f"{text}.", _WIDTH, break_on_hyphens=False)
