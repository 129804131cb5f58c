"""Which rows a benchmark has: what was asked for, and beside it always the same references."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple

from ...errors import InputError
from ...methods.requirements import missing_packages
from ...weights.cards import Card
from ...weights.store import find_card
from .random_models import AUTHORS, PUBLISHED_FOUNDDIFF, RANDOM

BM3D = "bm3d"  # Dabov et al. 2007, by the package of that name, whose licence is not free: measured where it is
REFERENCES = (AUTHORS, "nlm", "bilateral", BM3D)
MODELS = ("rddm-balanced", "founddiff", AUTHORS)
MODELS_ON_GPU = (*MODELS, PUBLISHED_FOUNDDIFF)
PLAIN, QUICK = "plain", "quick"


class Row(NamedTuple):
    """A method and how it computes; classical ones and BM3D have no other way than their own.

    way        "plain": torch as it is by itself, float32, eager, a slice after the other; "quick": as this program does
    precision  "float32", …, or "auto" for what the self-check lets through
    """

    model: str
    way: str = QUICK
    precision: str = "auto"

    @property
    def is_reference(self) -> bool:
        """Whether the other rows are compared with this one."""
        return self.model == AUTHORS and self.way == PLAIN

    @property
    def title(self) -> str:
        return " ".join(self) if is_network(self.model) else self.model


def wanted_rows(
    models: Sequence[str] | None, precision: str | None, on_gpu: bool, has_torch: bool, alone: bool
) -> tuple[list[Row], list[str]]:
    """The rows in order, the reference first; and a sentence for each method that has none here.

    models     None for the usual ones
    precision  None for a row in float32 and one in what is chosen by itself
    alone      without the references
    """
    asked = list(models or (MODELS_ON_GPU if on_gpu else MODELS))
    every = list(dict.fromkeys(asked if alone else [*REFERENCES[:1], *asked, *REFERENCES[1:]]))
    rows, notices = [], []
    for model in every:
        reason = what_it_lacks(model, has_torch)
        if reason:
            if model in asked and models is not None:
                raise InputError(reason)
            if model != BM3D:  # a wish, and nothing that anybody misses
                notices.append(reason)
            continue
        if not is_network(model):
            rows.append(Row(model))
            continue
        rows.append(Row(model, PLAIN, "float32"))
        if model in asked:
            rows += [Row(model, QUICK, kind) for kind in ([precision] if precision else ["float32", "auto"])]
    rows.sort(key=lambda row: not row.is_reference)
    return rows, notices


def unheeded(rows: Sequence[Row], precision: str | None, files: int | None, with_profile: bool) -> list[str]:
    """A sentence where options are about networks, and no row is of a kind that they could concern."""
    networks = [row for row in rows if is_network(row.model)]
    has_quick = any(row.way != PLAIN for row in networks)  # the reference beside them is always plain float32
    options = {
        "--precision": precision and not has_quick,
        "--files": files and not has_quick,
        "--profile": with_profile and not networks,
    }
    idle = [option for option, is_idle in options.items() if is_idle]
    verb = "concerns" if len(idle) == 1 else "concern"
    return [f"{', '.join(idle)} {verb} networks alone, and none is asked for here."] if idle else []


def is_network(model: str) -> bool:
    return model in RANDOM or (model != BM3D and find_card(model).family != "classical")


def what_it_lacks(model: str, has_torch: bool) -> str:
    """Why there can be no row; "" where there can. InputError for a model that does not exist."""
    if model == BM3D:
        return "" if find_spec(BM3D) else "BM3D is not installed: pip install bm3d."
    if model in RANDOM:
        return "" if has_torch else f"{model} needs PyTorch, which is not installed: pip install torch."
    card: Card = find_card(model)
    missing = missing_packages(card)
    return f"{model} is left out: {', '.join(missing)} is not installed." if missing else ""
