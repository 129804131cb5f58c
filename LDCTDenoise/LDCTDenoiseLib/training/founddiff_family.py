"""Stage 2 of FoundDiff: DA-Diff learns the residual of noisy states, told what the frozen perception sees.

Perception looks at the patch that is trained on. Denoising, it looks at the whole slice; but a whole slice for each
patch would cost as much as the training itself, and the parts of slices that stage 1 learned from are of these sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import InputError
from ..methods.founddiff import HIGHEST, LOWEST, to_network
from ..networks import DADiffUNet, noisy_state
from ..networks.residual_diffusion import STARTS, TIMES, network_time, times
from ..weights.cards import is_whole
from .ahead import drawn_ahead
from .batches import Batch
from .config import Phase, TrainingConfig
from .data import DoseSpread, PatchSampler
from .distributed import Alone
from .family import Family
from .first_filters import without_trend
from .founddiff_validation import FoundDiffValidation
from .noise_bank import NoisySeries
from .objectives import decibel_loss
from .perception_family import options_of
from .samples import draw_samples
from .state import TrainingState
from .trained_perception import fingerprint, load_perception

OBJECTIVES = {"mse": F.mse_loss, "l1": F.l1_loss, "decibel": decibel_loss}
IN_WORDS = {"mse": "mean squared error", "l1": "L1", "decibel": "mean PSNR"}
AVERAGES = ("plain", "published")
COPIED, EVERY = 100, 10  # the published average is a copy up to this step, and moves at every tenth

LITTLE = 1e-3  # some HU: a batch without noise has no residual to be compared with


@dataclass(frozen=True)
class FoundDiffOptions:
    """doses     fractions that are seen, all equally often; none: those between the bounds of `dose`
    steps, start  of the sampler, for validation and the card
    used_times   share of the states whose time is one of the sampler's; the others' are drawn from all alike, as the
                 paper has it. Two steps see 2 of 1000 times, so a short training is better spent on these
    accumulate   a batch goes through the network in so many parts
    gain         of half the first filters for the low dose, which then start without trend; 0 leaves them as they are
    average      of the weights: "plain", as for every family, or "published": ema-pytorch's warm-up, every ten steps
    """

    doses: tuple[float, ...] = ()
    steps: int = 2
    start: str = "consistent"
    used_times: float = 0.0
    accumulate: int = 1
    gain: float = 0.0
    average: str = "plain"

    def __post_init__(self) -> None:
        for problem in self._problems():
            raise InputError(f"The options of the configuration are not right: {problem}.")

    def _problems(self) -> Iterator[str]:
        if not (isinstance(self.doses, tuple) and all(isinstance(d, float) and 0 < d < 1 for d in self.doses)):
            yield "doses is not a list of fractions between 0 and 1"
        if not (is_whole(self.steps) and 1 <= self.steps <= TIMES):
            yield f"steps is not a whole number from 1 to {TIMES}"
        if self.start not in STARTS:
            yield f"start is not {' or '.join(STARTS)}"
        if not (isinstance(self.used_times, (int, float)) and 0 <= self.used_times <= 1):
            yield "used_times is not a share from 0 to 1"
        if not (is_whole(self.accumulate) and self.accumulate >= 1):
            yield "accumulate is not a whole number from 1 on"
        if not (isinstance(self.gain, (int, float)) and self.gain >= 0):
            yield "gain is not a number from 0 on"
        if self.average not in AVERAGES:
            yield f"average is not {' or '.join(AVERAGES)}"


class FoundDiffFamily(Family):
    """figures: l1_hu (mean |output − normal dose|, HU) and residual (standard deviation of the predicted residuals over
    that of the real ones), both at the times that were drawn."""

    objectives = tuple(OBJECTIVES)
    figures = ("loss", "l1_hu", "gradient", "residual")
    card_family = "founddiff"
    prefix = "unet."
    hu_window = (LOWEST, HIGHEST)
    references = ("Chen et al.: FoundDiff, arXiv 2508.17299 (2025)", "Yu et al., JCAT 2012 (noise insertion)")

    def __init__(self, config: TrainingConfig, device: str = "cpu"):
        super().__init__(config, device)
        self.options = options_of(FoundDiffOptions, config)
        self.is_conditioned = bool(config.network.get("conditioning", True))
        self.perception, self.arguments = None, dict(config.network)
        if self.is_conditioned:
            if config.perception is None:
                raise InputError(
                    "FoundDiff is trained with a perception: train founddiff-perception first, then give its weights "
                    "with --perception FILE; or train without one (conditioning = false in [network])."
                )
            self.perception = load_perception(config.perception, device)
            self.arguments |= self.perception.widths

    def network(self) -> DADiffUNet:
        return DADiffUNet(**self.arguments)

    @property
    def multiple(self) -> int:
        with torch.device("meta"):
            return self.network().multiple

    def begin(self, network: DADiffUNet) -> None:
        """The noise of the states starts with a small weight, and so does the answer: residuals are some 0.02."""
        with torch.no_grad():
            network.init_conv.weight[:, : network.fold**2] *= self.config.noise_input
            for parameter in network.final_conv.parameters():
                parameter *= self.config.noise_input
            if self.options.gain:
                half, own = len(network.init_conv.weight) // 2, network.fold**2  # the state, then the low dose
                low = network.init_conv.weight[:half, own:]
                network.init_conv.weight[:half, own:] = self.options.gain * without_trend(low, network.fold)
                network.init_conv.bias[:half] = 0
        network.mixed = torch.bfloat16 if self.config.precision == "bfloat16" else None
        network.to(memory_format=torch.channels_last)

    def optimizer(self, network: DADiffUNet) -> torch.optim.Optimizer:
        """Where the answer begins small, its last layer learns slowly: a step must not be as large as a residual."""
        last = list(network.final_conv.parameters())
        known = {id(parameter) for parameter in last}
        others = [parameter for parameter in network.parameters() if id(parameter) not in known]
        scale = min(1.0, 5 * self.config.noise_input)
        groups = [{"params": others, "scale": 1.0}, {"params": last, "scale": scale}]
        return torch.optim.Adam(groups, lr=2e-4, betas=(0.9, 0.99))

    def decay(self, step: int) -> float | None:
        if self.options.average == "plain":
            return super().decay(step)
        done = step + 1
        if done % EVERY:
            return None
        k = done - COPIED - 1
        return 0.0 if k <= 0 else min(self.config.ema, 1 - (1 + k) ** (-2 / 3))

    def recipe(self) -> dict[str, Any]:
        return {"perception": fingerprint(self.config.perception)} if self.is_conditioned else {"perception": ""}

    def batches(self, series: list[NoisySeries], start: int, rank: int, threads: int) -> Iterator[Batch]:
        config = self.config
        plan = [(phase, index, number) for index, phase in enumerate(config.phases) for number in range(phase.steps)]
        spread = DoseSpread(config.dose, config.usual_dose, config.most_noise, config.whole_dose)
        if self.options.doses:
            spread = SeenDoses(config.dose, noise=config.most_noise, whole=config.whole_dose, seen=self.options.doses)

        def draw(step: int) -> Batch:
            phase, index, number = plan[step]
            sampler = PatchSampler(
                series, phase.patch, phase.batch, spread, texture=phase.texture, sampling=config.sampling,
                shift=config.shift, scale=config.scale, shapes=config.shapes,
            )  # fmt: skip
            low, normal = sampler.draw(np.random.default_rng([config.seed, 1, step, rank]))
            return Batch(phase, index, number, np.ascontiguousarray(low), np.ascontiguousarray(normal))

        return drawn_ahead(draw, start, len(plan), threads)

    def backward(self, state: TrainingState, batch: Batch, engine: Alone) -> dict[str, Tensor]:
        rng = np.random.default_rng([self.config.seed, state.step, engine.rank])
        noise = rng.standard_normal(batch.low.shape, np.float32)
        t = drawn_times(len(batch.low), self.options.used_times, self.options.steps, rng)
        tensors = [to_network(torch.from_numpy(hu).to(engine.device)) for hu in (batch.low, batch.normal)]
        tensors += [torch.from_numpy(values).to(engine.device) for values in (noise, t)]
        parts = [
            self._part(state, batch.phase, engine, *part, share=len(part[0]) / len(batch.low))
            for part in zip(*(v.tensor_split(self.options.accumulate) for v in tensors), strict=True)
            if len(part[0])
        ]
        return {name: torch.stack([part[name] for part in parts]).sum() for name in parts[0]}

    def _part(
        self, state: TrainingState, phase: Phase, engine: Alone, low: Tensor, normal: Tensor, noise: Tensor, t: Tensor,
        share: float,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Gradient and figures of a part of a batch, each its share of the whole."""
        x = torch.cat([noisy_state(normal, low, noise, t), low], dim=1)
        inputs = [x, network_time(t)]
        if self.perception is not None:
            with torch.no_grad():
                inputs += self.perception.network(low)
        predicted, real = engine.forward(state.network, *inputs), low - normal
        loss = OBJECTIVES[phase.paired](predicted, real) * share
        engine.backward(loss)
        with torch.no_grad():
            hu = (HIGHEST - LOWEST) / 2
            shown = (loss / share).exp() * share if phase.paired == "decibel" else loss  # positive like the others
            return {
                "loss": shown.detach(),
                "l1_hu": F.l1_loss(predicted, real) * hu * share,
                "residual": (predicted.std() + LITTLE) / (real.std() + LITTLE) * share,
            }

    def shown(self, figures: dict[str, float]) -> str:
        return f"loss {figures['loss']:.3e}  L1 {figures['l1_hu']:.2f} HU"

    def validation(self, held_out: list[NoisySeries], training: list[NoisySeries]) -> FoundDiffValidation:
        perception = None if self.perception is None else self.perception.network
        return FoundDiffValidation.of(held_out).with_sampler(perception, self.options.steps, self.options.start)

    def draw_samples(self, folder: Path, step: int, validation: FoundDiffValidation, network: DADiffUNet) -> None:
        draw_samples(folder, step, validation, network, self.device)

    def doses_in_words(self) -> str:
        if not self.options.doses:
            return super().doses_in_words()
        return f"{', '.join(f'{d:.3g}' for d in self.options.doses)} of the dose"

    def objective_in_words(self, phase: Phase) -> str:
        return f"{IN_WORDS[phase.paired]} of the residual"

    def shipped(self, state: TrainingState, series: list[NoisySeries]) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Both networks and the readout in one file."""
        weights = {f"unet.{name}": value for name, value in state.average.items()}
        card: dict[str, Any] = {"unet": self.arguments, "start": self.options.start}
        if self.perception is not None:
            weights |= {f"perception.{name}": v for name, v in self.perception.network.state_dict().items()}
            weights |= self.perception.readout
            card["perception"] = self.perception.arguments
            if self.perception.readout:
                card["anatomies"] = list(self.perception.anatomies)
        return weights, card

    def card_values(self) -> dict[str, Any]:
        return {"steps": self.options.steps}

    def more_training_data(self) -> str:
        return "" if self.perception is None else f" Its perception: {self.perception.source}"


@dataclass(frozen=True)
class SeenDoses(DoseSpread):
    """A few doses, all equally often: those between them are kept unseen, to see how far the network generalises."""

    seen: tuple[float, ...] = (0.25,)

    def draw_dose(self, rng: np.random.Generator) -> float:
        return float(rng.choice(self.seen))


def drawn_times(count: int, used: float, steps: int, rng: np.random.Generator) -> np.ndarray:
    """int64 [count]: each with probability `used` one of the sampler's times, else any from 0 to 999."""
    sampler: Sequence[int] = times(steps)[:-1]
    anywhere, chosen = rng.integers(TIMES, size=count), rng.choice(sampler, size=count)
    return np.where(rng.random(count) < used, chosen, anywhere)
