"""What differs between the families of networks that are trained here: how one is made, its loss, what is shipped.

The loop, the checkpoints, the log and the moving average are the same for all of them. A new family is one class, one
name in `config.FAMILIES` and one line in `make_family`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn, optim

from ..errors import InputError
from .config import Phase, TrainingConfig
from .noise_bank import NoisySeries

if TYPE_CHECKING:
    from pathlib import Path

    from .distributed import Alone
    from .state import TrainingState


class Validation(Protocol):
    """Slices that are never trained on."""

    def __len__(self) -> int: ...

    def evaluate(self, network: nn.Module, device: str = "cpu") -> dict[str, float]:
        """Figures for the log; none where there are no slices."""
        ...


class Family:
    """One run's knowledge of what it trains.

    objectives   values of `paired` that a phase may have
    figures      what a step writes to the log, in the order of its columns; always with loss, gradient
    score        the figure of a validation that makes a checkpoint the best
    card_family  of the model that comes out, which is a name of `weights.cards.FAMILIES`
    prefix       of the network's tensors in a file of weights
    """

    objectives: tuple[str, ...] = ()
    figures: tuple[str, ...] = ("loss", "gradient")
    score = "gain_db"
    card_family = "rddm"
    prefix = ""
    hu_window: tuple[float, float] = (-1024.0, 3072.0)
    references: tuple[str, ...] = ()

    def __init__(self, config: TrainingConfig, device: str = "cpu"):
        self.config, self.device = config, device
        for phase in config.phases:
            if not phase.temperatures and phase.paired not in self.objectives:
                raise InputError(
                    f"The phase {phase.name!r} of the configuration is not right: the family {config.family} has no "
                    f"objective {phase.paired}, only {', '.join(self.objectives)} (paired)."
                )

    # the network

    def network(self) -> nn.Module:
        """Random weights. TypeError, ValueError and the like where the configuration's arguments cannot be."""
        raise NotImplementedError

    @property
    def multiple(self) -> int:
        """Patches have a side that is a multiple of this."""
        return 1

    def begin(self, network: nn.Module) -> None:
        """Once, before training: another start, another precision."""

    def optimizer(self, network: nn.Module) -> optim.Optimizer:
        """For each phase a new one; each step sets its own rate."""
        raise NotImplementedError

    def decay(self, step: int) -> float | None:
        """The share that the average of the weights keeps after `step` steps (from 0); None leaves it as it is."""
        return min(self.config.ema, (1 + step) / (10 + step))

    def recipe(self) -> dict[str, Any]:
        """What decides the weights beside the entries that all families have; numbers, texts, lists and tables."""
        return {}

    # the run

    def batches(self, series: list[NoisySeries], start: int, rank: int, threads: int) -> Iterator:
        """From step `start` on, each with `phase`, `index` of the phase and `number` of the step in it."""
        raise NotImplementedError

    def backward(self, state: TrainingState, batch: Any, engine: Alone) -> dict[str, Tensor]:
        """The gradient of a batch into the parameters; detached figures, all of `figures` but the gradient's norm."""
        raise NotImplementedError

    def shown(self, figures: dict[str, float]) -> str:
        """The figures of some steps as a line for people."""
        return "  ".join(f"{name} {figures[name]:.3g}" for name in self.figures)

    def validation(self, held_out: list[NoisySeries], training: list[NoisySeries]) -> Validation:
        raise NotImplementedError

    def draw_samples(self, folder: Path, step: int, validation: Any, network: nn.Module) -> None:
        """A picture of what the network makes of validation slices, where there is something to see."""

    # what comes out

    def doses_in_words(self) -> str:
        return f"{self.config.dose[0]:g} to {self.config.dose[1]:g} of the dose"

    def objective_in_words(self, phase: Phase) -> str:
        return phase.paired

    def shipped(self, state: TrainingState, series: list[NoisySeries]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The tensors of the file that is shipped, and `network` of its card. series: all of the run's, may be none."""
        return dict(state.average), self.config.network

    def card_values(self) -> dict[str, Any]:
        """More entries of the card."""
        return {}

    def more_training_data(self) -> str:
        """What to add to the card's account of the training; begins with a space."""
        return ""


def make_family(config: TrainingConfig, device: str = "cpu") -> Family:
    """The family that the configuration names; InputError where an entry is wrong that only the family can judge."""
    if config.family == "founddiff":
        from .founddiff_family import FoundDiffFamily

        return FoundDiffFamily(config, device)
    if config.family == "perception":
        from .perception_family import PerceptionFamily

        return PerceptionFamily(config, device)
    from .rddm_family import RDDMFamily

    return RDDMFamily(config, device)
