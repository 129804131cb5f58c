"""Which variant, and how strong, an estimated dose suggests. It is said and never set: the user decides.

The rule, and its reasons:
- The less dose, the more noise hides, and the more of it must go: smooth at the lowest doses, balanced at the doses for
  which the networks were mostly trained, fine where there is little to remove.
- What is fine already is only touched: near the usual dose half of the original stays in the picture.
- Where a variant is not here the next one does, and the strength makes up for it as far as it can.
The borders lie half-way, as ratios, between the doses 1/2, 1/4 and 1/10, of which the usual dose is the upper end.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

FINE, BALANCED, SMOOTH = "rddm-fine", "rddm-balanced", "rddm-smooth"
LAST_RESORT = ("bilateral", 1.0)  # needs no package and no weights

# from this estimated dose on → variants with their strength, best first; why
RULE = (
    (0.7, ((FINE, 0.5), (BALANCED, 0.5)), "near the usual dose there is little noise to remove"),
    (0.35, ((FINE, 1.0), (BALANCED, 0.8)), "with this little noise fine detail matters most"),
    (0.16, ((BALANCED, 1.0), (SMOOTH, 0.8), (FINE, 1.0)), "the balanced variant is made for about this dose"),
    (0.0, ((SMOOTH, 1.0), (BALANCED, 1.0), (FINE, 1.0)), "so little dose hides structures in noise"),
)


@dataclass(frozen=True)
class Suggestion:
    model: str
    strength: float
    reason: str

    @property
    def sentence(self) -> str:
        return f"This suggests {self.model}, strength {self.strength:g}, since {self.reason}."

    def to_dict(self) -> dict:
        return {"model": self.model, "strength": self.strength, "reason": self.reason}


def suggest(dose: float, ready: Collection[str]) -> Suggestion:
    """What the rule says for an estimated fraction of the usual dose, among the ids of models that are ready."""
    variants, reason = next((variants, why) for least, variants, why in RULE if dose >= least)
    for name, strength in variants:
        for model in (name, f"{name}-official"):
            if model in ready:
                return Suggestion(model, strength, reason if name == variants[0][0] else _instead(reason, variants))
    return Suggestion(*LAST_RESORT, _instead(reason, variants))


def _instead(reason: str, variants: tuple) -> str:
    return f"{reason}; {variants[0][0]}, which would do more for that, is not here"


def ready_models() -> set[str]:
    """Ids of the models that can be used now."""
    from ..weights.store import PRESENT, availability, list_models
    from .requirements import missing_packages

    return {card.id for card in list_models() if availability(card) == PRESENT and not missing_packages(card)}
