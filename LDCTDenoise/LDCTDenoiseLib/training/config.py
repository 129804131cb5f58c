"""What a training run is: its phases and its recipe, checked before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..weights.cards import is_id, is_text, is_whole

PRECISIONS = ("float32", "bfloat16")
PAIRED = ("l1", "decibel", "mse", "contrast")
FAMILIES = ("rddm", "founddiff", "perception")
SAMPLING = {"slices": 1.0, "sqrt": 0.5, "series": 0.0}  # a series is drawn in proportion to its slices to this power


@dataclass(frozen=True)
class Phase:
    """Steps of one kind. Without temperatures the objective is paired regression, as `paired` says."""

    name: str
    steps: int
    patch: int  # pixels; as large as the slices: whole slices
    batch: int  # on each device
    learning_rate: float
    final_learning_rate: float | None = None  # reached along a cosine; None keeps the rate
    halve_every: int | None = None  # steps after which the rate is halved, again and again; None keeps it
    warmup: int = 100  # steps over which the rate rises from nothing
    temperatures: tuple[float, ...] = ()
    l1_weight: float = 0.0
    paired: str = "l1"  # or "decibel": the mean PSNR itself, see objectives.decibel_loss; founddiff also has "mse",
    # perception has "contrast"
    texture: float = 0.0  # of the normal dose, to be kept by paired regression: see data.PatchSampler

    def __post_init__(self) -> None:
        for problem in _phase_problems(self):
            raise InputError(f"The phase {self.name!r} of the configuration is not right: {problem}.")

    def rate(self, number: int) -> float:
        """The learning rate of step `number` of the phase, from 0."""
        rate = self.learning_rate
        if self.final_learning_rate is not None:
            cosine = (1 + math.cos(math.pi * number / self.steps)) / 2
            rate = self.final_learning_rate + (rate - self.final_learning_rate) * cosine
        if self.halve_every is not None:
            rate *= 0.5 ** (number // self.halve_every)
        return rate * min(1.0, (number + 1) / max(self.warmup, 1))


@dataclass(frozen=True)
class TrainingConfig:
    """A whole run; InputError if a value is wrong, so that no hours are spent on it."""

    id: str
    title: str
    description: str
    version: str  # this and the next three go to the model's card: only whoever trains knows them
    licence: str
    training_source: str
    intended_use: str
    series: tuple[Path, ...]
    validation: tuple[str, ...]  # names of series (patients) that are never trained on
    network: dict
    phases: tuple[Phase, ...]
    family: str = "rddm"  # what is trained, one of FAMILIES: see training/family.py
    options: dict = field(default_factory=dict)  # what only that family has
    perception: Path | None = None  # founddiff: the trained perception, a file of weights or a checkpoint
    dose: tuple[float, float] = (0.05, 0.9)  # fractions of the dose, drawn log-uniformly
    usual_dose: float | None = None  # fractions near this one are drawn more often
    most_noise: float = 60.0  # HU: up to this, noise is added to the normal dose itself
    whole_dose: float = 0.0  # share of pairs whose dose is not lowered, so that a good scan is left as it is
    shapes: float = 0.0  # share of patches that are drawn shapes without noise of their own
    sampling: str = "sqrt"  # flatter than by slices: a long series must not be most of what is seen
    shift: int = 0  # pixels by which a patch may reach over the edge of a slice; whole slices need it to be moved
    scale: tuple[float, float] = (1.0, 1.0)  # isotropic, drawn log-uniformly
    noise_input: float = 0.02  # weight of ε at the start: at 1 it drowns residuals, which are some 0.02
    seed: int = 0
    ema: float = 0.999
    precision: str = "bfloat16"  # of the network's body; stem, head and objective are always float32
    validate_every: int = 500
    sample_every: int = 500  # steps between sample sheets; 0 for none
    begin: Path | None = None  # the checkpoint of another run, or weights: what this one starts from
    folder: Path = field(default_factory=Path)

    def __post_init__(self) -> None:
        for problem in _problems(self):
            raise InputError(f"The configuration is not right: {problem}.")

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)


def _problems(config: TrainingConfig) -> Iterator[str]:
    """What is wrong with the values of a run, one clause each."""
    if not is_id(config.id):
        yield "its id is not made of small letters, digits and hyphens (at most 64)"
    for name in ("title", "description", "version"):
        text = getattr(config, name)
        if not is_text(text) or not text.isprintable():
            yield f"{name} is not one line of text"
    for name in ("licence", "training_source", "intended_use"):
        if not is_text(getattr(config, name)):
            yield f"{name} is not a text"
    if not isinstance(config.validation, tuple) or not all(is_text(name) for name in config.validation):
        yield "validation is not a list of names"
    if not isinstance(config.network, dict):
        yield "network is not a table of the network's arguments"
    if config.family not in FAMILIES:
        yield f"family is not one of {', '.join(FAMILIES)}"
    if not isinstance(config.options, dict):
        yield "options is not a table"
    if not config.phases:
        yield "it needs at least one [[phase]]"
    if not (_is_range(config.dose) and config.dose[1] < 1):
        yield "dose is not two numbers between 0 and 1, the lower first"
    elif config.usual_dose is not None and not (
        _is_number(config.usual_dose) and config.dose[0] <= config.usual_dose <= config.dose[1]
    ):
        yield "usual_dose is not a number within dose"
    if not (_is_number(config.most_noise) and config.most_noise >= 0):
        yield "most_noise is not a number of HU from 0 on"
    for name in ("whole_dose", "shapes"):
        if not (_is_number(getattr(config, name)) and 0 <= getattr(config, name) <= 1):
            yield f"{name} is not a share from 0 to 1"
    if not (isinstance(config.sampling, str) and config.sampling in SAMPLING):
        yield f"sampling is not one of {', '.join(SAMPLING)}"
    if not (_is_range(config.scale) and config.scale[0] >= 0.5 and config.scale[1] <= 2):
        yield "scale is not two numbers from 0.5 to 2, the lower first"
    if not (_is_number(config.noise_input) and config.noise_input > 0):
        yield "noise_input is not a number above 0"
    if not (_is_number(config.ema) and 0 <= config.ema < 1):
        yield "ema is not a number from 0 on and below 1"
    if config.precision not in PRECISIONS:
        yield f"precision is not {' or '.join(PRECISIONS)}"
    for name, least in (("seed", 0), ("shift", 0), ("validate_every", 1), ("sample_every", 0)):
        if not (is_whole(getattr(config, name)) and getattr(config, name) >= least):
            yield f"{name} is not a whole number from {least} on"


def _phase_problems(phase: Phase) -> Iterator[str]:
    if not is_text(phase.name):
        yield "name is not a text"
    for name, least in (("steps", 1), ("patch", 1), ("batch", 1), ("warmup", 0), ("halve_every", 1)):
        value = getattr(phase, name)
        if not (is_whole(value) and value >= least) and (value is not None or name != "halve_every"):
            yield f"{name} is not a whole number from {least} on"
    for name in ("learning_rate", "final_learning_rate"):
        value = getattr(phase, name)
        if not (_is_number(value) and value > 0) and (value is not None or name == "learning_rate"):
            yield f"{name} is not a number above 0"
    if phase.final_learning_rate is not None and phase.halve_every is not None:
        yield "the rate either falls to final_learning_rate or is halved (halve_every), not both"
    if phase.paired not in PAIRED:
        yield f"paired is not one of {', '.join(PAIRED)}"
    elif phase.paired != "l1" and phase.temperatures:
        yield "a phase with temperatures has no paired objective but l1"
    if not (_is_number(phase.texture) and 0 <= phase.texture <= 1):
        yield "texture is not a share from 0 to 1"
    elif phase.texture and phase.temperatures:
        yield "texture is for paired regression: with temperatures the normal dose itself is shown"
    if not (_is_number(phase.l1_weight) and phase.l1_weight >= 0):
        yield "l1_weight is not a number from 0 on"
    temperatures = phase.temperatures
    if not (isinstance(temperatures, tuple) and all(_is_number(t) and t > 0 for t in temperatures)):
        yield "temperatures is not a list of numbers above 0"
    elif temperatures and phase.batch < 2:
        yield "drifting compares samples with each other, so batch must be at least 2"
    elif not temperatures and phase.paired == "l1" and phase.l1_weight == 0:
        yield "without temperatures it is paired regression, which needs an l1_weight above 0"


def _is_range(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value)) and 0 < value[0] <= value[1]


def _is_number(value: object) -> bool:
    return is_whole(value) or (isinstance(value, float) and math.isfinite(value))
