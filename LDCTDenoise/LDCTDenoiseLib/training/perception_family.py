"""Stage 1 of FoundDiff: DA-CLIP learns to order slices by dose and to tell anatomies apart.

Each step: M slices at known doses, two views each. Dose embeddings are ordered by Rank-N-Contrast, anatomy embeddings
grouped by supervised contrast, and the learned prompts told which doses are clean. The text tower is frozen; where it
is small or its weights cannot be had, it is a random one: what the prompts learn then is two directions among the dose
embeddings, which is all that the loss asks of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from ..methods.founddiff import HIGHEST, LOWEST, to_network
from ..networks import DACLIP
from ..networks.daclip import is_text
from ..weights.cards import is_whole
from .anatomy import AnatomyLabels
from .config import Phase, TrainingConfig
from .contrastive import prompt_loss, rank_contrast, supervised_contrast
from .distributed import Alone
from .family import Family
from .first_filters import without_trend
from .noise_bank import NoisySeries
from .perception_batches import PerceptionBatch, UsualNoise, ViewSampler, perception_batches
from .perception_fit import fit_readout, judge, look
from .state import TrainingState

PROMPTS = "prompt_learner.ctx"  # all of the text branch that learns
JUDGED = (1.0, 3.0, 8.0, 20.0)  # divisors from which a validation fits its readout
LOOKED_AT, READ, SHIPPED = 6, 3, 6  # slices of a series and anatomy: judged, read from then, read from to be shipped
RANKS = ("divisor", "log")
FIRST = 16  # slices to which the start is fitted


@dataclass(frozen=True)
class PerceptionOptions:
    """anatomy   labels, see AnatomyLabels; divisors: of the dose, 1 for the full one
    rank_by   what Rank-N-Contrast orders: the divisor, as the authors label, or its logarithm: from 1/2 to 1/4 is then
              as far as from 1/10 to 1/20, as it is in noise
    weights   of the objectives for dose, anatomy and prompts; temperatures: of the first two
    """

    anatomy: dict
    divisors: tuple[float, ...] = (1, 2, 3, 4, 5, 6, 8, 10, 20)
    rank_by: str = "log"
    weights: tuple[float, float, float] = (1.0, 1.0, 0.5)
    temperatures: tuple[float, float] = (0.2, 0.1)
    labels: AnatomyLabels = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", AnatomyLabels(self.anatomy))
        if not _are_numbers(self.divisors, least=1) or len(set(self.divisors)) < 2:
            raise InputError("The options of the configuration are not right: divisors is not a list of doses 1/n.")
        if self.rank_by not in RANKS:
            raise InputError(f"The options of the configuration are not right: rank_by is not {' or '.join(RANKS)}.")
        if not _are_numbers(self.weights) or len(self.weights) != 3:
            raise InputError("The options of the configuration are not right: weights is not three numbers from 0 on.")
        if not _are_numbers(self.temperatures) or len(self.temperatures) != 2 or min(self.temperatures) <= 0:
            raise InputError("The options of the configuration are not right: temperatures is not two above 0.")


class PerceptionFamily(Family):
    """figures: rank, contrast, prompt: the objectives, not yet weighted."""

    objectives = ("contrast",)
    figures = ("loss", "rank", "contrast", "prompt", "gradient")
    score = "score"
    card_family = "founddiff"
    prefix = "perception."
    hu_window = (LOWEST, HIGHEST)
    references = (
        "Chen et al.: FoundDiff, arXiv 2508.17299 (2025)",
        "Zha et al.: Rank-N-Contrast, arXiv 2210.01189 (2023)",
        "Khosla et al.: Supervised Contrastive Learning, arXiv 2004.11362 (2020)",
    )

    def __init__(self, config: TrainingConfig, device: str = "cpu"):
        super().__init__(config, device)
        self.options = options_of(PerceptionOptions, config)

    def network(self) -> DACLIP:
        network = DACLIP(**self.config.network)
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(name == PROMPTS or not is_text(name))
        if network.prompt_learner is None:
            raise ValueError("perception is trained with its text branch: the table text is missing")
        return network

    def begin(self, network: DACLIP) -> None:
        """Half of the first filters start without trend."""
        with torch.no_grad():
            weight = network.clip_model.visual.conv1.weight
            weight[: len(weight) // 2] = without_trend(weight[: len(weight) // 2])
        network.to(memory_format=torch.channels_last)  # a quarter faster on a processor

    def optimizer(self, network: DACLIP) -> torch.optim.Optimizer:
        learning = [p for p in network.parameters() if p.requires_grad]
        return torch.optim.AdamW(learning, lr=1e-4, weight_decay=1e-2)

    def batches(self, series: list[NoisySeries], start: int, rank: int, threads: int) -> Iterator[PerceptionBatch]:
        self.options.labels.check([(s.name, len(s.normal_dose)) for s in series], self.config.validation)
        self.sampler = ViewSampler(
            series, self.options.labels, self.options.divisors, self.config.sampling, self.config.scale
        )
        return perception_batches(self.config, self.sampler, start, rank, threads)

    def backward(self, state: TrainingState, batch: PerceptionBatch, engine: Alone) -> dict[str, Tensor]:
        options = self.options
        if state.step == 0 and not state.origin:  # weights that were begun with are spread already
            views, *_ = self.sampler.draw(FIRST, batch.phase.patch, np.random.default_rng([self.config.seed, 2]))
            spread_embeddings(state.network, to_network(torch.from_numpy(views).to(engine.device)))
        divisors, classes = (torch.from_numpy(v).to(engine.device).tile(2) for v in (batch.divisors, batch.classes))
        dose, anatomy = engine.forward(state.network, to_network(torch.from_numpy(batch.views).to(engine.device)))
        ranked = torch.arange(len(batch.divisors), device=dose.device).ge(batch.scaled).tile(2)
        dose, divisors = dose[ranked], divisors[ranked]
        order = divisors.log() if options.rank_by == "log" else divisors
        parts = torch.stack(
            [
                rank_contrast(dose, order, options.temperatures[0]),
                supervised_contrast(anatomy, classes, options.temperatures[1]),
                prompt_loss(state.network.logits(dose), divisors, max(options.divisors)),
            ]
        )
        loss = (parts * torch.tensor(options.weights, device=parts.device)).sum()
        engine.backward(loss)
        found = {"loss": loss, "rank": parts[0], "contrast": parts[1], "prompt": parts[2]}
        return {name: value.detach() for name, value in found.items()}

    def shown(self, figures: dict[str, float]) -> str:
        return "  ".join(f"{name} {figures[name]:.3f}" for name in ("loss", "rank", "contrast", "prompt"))

    def validation(self, held_out: list[NoisySeries], training: list[NoisySeries]) -> PerceptionValidation:
        return PerceptionValidation(self.options, held_out, training)

    def doses_in_words(self) -> str:
        return f"1/{', 1/'.join(f'{d:g}' for d in self.options.divisors)} of the dose"

    def objective_in_words(self, phase: Phase) -> str:
        return "dose ordered by Rank-N-Contrast, anatomy by supervised contrast, prompts learned"

    def shipped(self, state: TrainingState, series: list[NoisySeries]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The image branch, and what reads its embeddings if there are series to find that from."""
        weights = {f"perception.{name}": v for name, v in state.average.items() if not is_text(name)}
        card = {"perception": {k: v for k, v in self.config.network.items() if k != "text"}}
        training = [one for one in series if one.name not in self.config.validation]
        network = self.network()
        network.load_state_dict(state.average)
        seen = look(network, training, self.options.labels, self.options.divisors, SHIPPED, self.device)
        if seen is not None:
            readout = fit_readout(seen, UsualNoise(training, self.options.labels), len(self.options.labels.names))
            weights |= {f"perception_readout.{name}": value for name, value in readout.state_dict().items()}
            card["anatomies"] = list(self.options.labels.names)
        return weights, card


@torch.no_grad()
def spread_embeddings(network: DACLIP, images: Tensor) -> None:
    """Changes the last layers so that embeddings of these images point everywhere.

    Means of features after ReLU have a large common part, and normalised to length 1 the embeddings of all images would
    lie within a few degrees: contrast then takes thousands of steps to part them.
    """
    pool = network.clip_model.visual.attnpool.c_proj
    feature = network.clip_model.visual(images)
    mean, spread = feature.mean(dim=0), feature.std(dim=0).clamp_min(1e-3)
    pool.weight /= spread[:, None]
    pool.bias.sub_(mean).div_(spread)
    for head in (network.head1, network.head2):
        head[-1].bias -= head((feature - mean) / spread).mean(dim=0)


class PerceptionValidation:
    """Held-out slices at every dose, read with what a few slices of the training series say."""

    def __init__(self, options: PerceptionOptions, held_out: list[NoisySeries], training: list[NoisySeries]):
        self.options, self.held_out, self.training = options, held_out, training

    def __len__(self) -> int:
        return len(self.held_out)

    def evaluate(self, network: DACLIP, device: str = "cpu") -> dict[str, float]:
        """See `judge`; score is the mean of the rank correlation and the share of right anatomies."""
        labels = self.options.labels
        seen = look(network, self.held_out, labels, self.options.divisors, LOOKED_AT, device)
        known = look(network, self.training, labels, JUDGED, READ, device)
        if seen is None or known is None:
            return {}
        figures = judge(fit_readout(known, UsualNoise(self.training, labels), len(labels.names)), seen)
        return {**figures, "score": (figures["dose_rank"] + figures["anatomy_right"]) / 2}


def options_of(kind: type, config: TrainingConfig):
    """The options of a family, checked; InputError names what is unknown or missing."""
    known = [f for f in fields(kind) if f.init]
    if unknown := sorted(set(config.options) - {f.name for f in known}):
        raise InputError(f"The family {config.family} has no options {', '.join(unknown)}.")
    missing = [f.name for f in known if f.default is MISSING and f.name not in config.options]
    if missing:
        raise InputError(f"The options of the configuration lack: {', '.join(missing)}.")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in config.options.items()})


def _are_numbers(values: object, least: float = 0.0) -> bool:
    def is_number(value: object) -> bool:
        return is_whole(value) or (isinstance(value, float) and math.isfinite(value))

    return isinstance(values, tuple) and all(is_number(v) and v >= least for v in values)
