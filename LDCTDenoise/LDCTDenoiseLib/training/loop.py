"""The training loop: phases of patches, one objective, a moving average of the weights, checkpoints to resume from."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import Cancelled, InputError
from ..methods.rddm import from_network, to_network
from ..networks import RDDMUNet
from .config import Phase, TrainingConfig
from .data import DoseSpread, PatchSampler
from .noise_bank import NoisySeries
from .objectives import drifting_loss
from .validation import ValidationSet

NOISE_INPUT_SCALE = 0.02  # ε has unit variance, residuals some 0.02: at full weight it would drown them at the start
LOG_EVERY = 25
SAVE_SECONDS = 120.0


@dataclass
class TrainingState:
    network: RDDMUNet
    average: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0


def train(
    config: TrainingConfig,
    series: list[NoisySeries],
    *,
    device: str = "cpu",
    resume: bool = False,
    report: Callable[[str], None] = print,
    cancel: Callable[[], bool] = lambda: False,
) -> TrainingState:
    """Run (or go on with) the phases of `config`; checkpoint and log go to its folder. Returns the final state."""
    check_run(config, device)
    _check_sizes(config, series)
    config.folder.mkdir(parents=True, exist_ok=True)
    training = [s for s in series if s.name not in config.validation]
    validation = ValidationSet.of([s for s in series if s.name in config.validation])
    state = _start(config, device)
    checkpoint = config.folder / "checkpoint.pt"
    if resume:
        _load(checkpoint, state, config, device)
    elif checkpoint.exists():
        raise InputError(f"{config.folder} holds an earlier run: go on with it (--resume) or remove it.")
    total = sum(phase.steps for phase in config.phases)
    begun, saved = time.monotonic() - state.seconds, time.monotonic()
    sums = _Means()
    for phase, number, (low, normal) in _batches(config, training, state.step):
        if cancel():
            _save(checkpoint, state, config)
            raise Cancelled
        if number == 0:  # gradients of another objective have another size: forget their second moments
            state.optimizer = _optimizer(state.network)
        figures = _step(state, phase, number, low, normal, config, device)
        state.step += 1
        state.seconds = time.monotonic() - begun
        sums.add(figures)
        if state.step % LOG_EVERY == 0:
            means = sums.take()
            if not np.isfinite(means["loss"]):
                raise InputError(f"The loss is no longer a number at step {state.step}: lower the learning rate.")
            _log(config.folder / "log.csv", {"step": state.step, "seconds": round(state.seconds, 1), **means})
            left = state.seconds / state.step * (total - state.step)
            shown = f"loss {means['loss']:.3e}  L1 {means['l1_hu']:.2f} HU  about {left:.0f} s left"
            report(f"{phase.name} {state.step}/{total}  {shown}")
        if state.step % config.validate_every == 0 or state.step == total:
            figures = validation.evaluate(averaged_network(config, state), device)
            _log(config.folder / "validation.csv", {"step": state.step, "seconds": round(state.seconds, 1), **figures})
            report("validation  " + "  ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        if time.monotonic() - saved > SAVE_SECONDS or state.step == total:
            _save(checkpoint, state, config)
            saved = time.monotonic()
    return state


def check_run(config: TrainingConfig, device: str) -> None:
    """Raises InputError for a device that is not there, and for a network that cannot be, or not with these patches."""
    try:
        float(torch.zeros(1, device=torch.device(device)))
    except (RuntimeError, AssertionError, ImportError) as error:  # PyTorch has no one error for this
        raise InputError(f"This computer or its PyTorch has no device {device!r}; choose another, e.g. cpu.") from error
    try:
        network = RDDMUNet(**config.network)
        if not all(p.numel() for p in network.parameters()):
            raise ValueError("a layer without channels")
    except (TypeError, ValueError, ArithmeticError, LookupError, RuntimeError, MemoryError) as error:
        raise InputError(f"There is no network with the values of [network] in the configuration: {error}.") from error
    for phase in config.phases:
        if phase.patch % network.multiple:
            raise InputError(
                f"The patch of the phase {phase.name!r} is {phase.patch}, no multiple of {network.multiple}, "
                "as this network needs it."
            )


def _check_sizes(config: TrainingConfig, series: list[NoisySeries]) -> None:
    if not any(s.name not in config.validation for s in series):
        raise InputError("There is no series to train on.")
    smallest = min(series, key=lambda s: min(s.normal_dose.shape[1:]))
    side = min(smallest.normal_dose.shape[1:])
    for phase in config.phases:
        if phase.patch > side:
            raise InputError(
                f"The patch of the phase {phase.name!r} is {phase.patch}, larger than the slices of {smallest.name} "
                f"({side})."
            )


def averaged_network(config: TrainingConfig, state: TrainingState) -> RDDMUNet:
    """The network with the averaged weights: what is validated and shipped."""
    network = RDDMUNet(**config.network)
    network.load_state_dict(state.average)
    return network.eval()


def _start(config: TrainingConfig, device: str) -> TrainingState:
    torch.manual_seed(config.seed)
    network = RDDMUNet(**config.network)
    with torch.no_grad():
        network.input_blocks[0][0].weight[:, 0] *= NOISE_INPUT_SCALE
    network = network.to(device).train()
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    return TrainingState(network, average, _optimizer(network))


def _optimizer(network: RDDMUNet) -> torch.optim.Optimizer:
    return torch.optim.AdamW(network.parameters(), lr=1e-4, weight_decay=0.0)


def _step(
    state: TrainingState, phase: Phase, number: int, low: np.ndarray, normal: np.ndarray,
    config: TrainingConfig, device: str,
) -> dict[str, float]:  # fmt: skip
    for group in state.optimizer.param_groups:
        group["lr"] = _learning_rate(phase, number)
    x = to_network(torch.from_numpy(low).to(device))
    residual = to_network(torch.from_numpy(normal).to(device)) - x
    noise = torch.from_numpy(np.random.default_rng([config.seed, state.step]).standard_normal(low.shape, np.float32))
    with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        raw = state.network(noise.to(device), x)
    generated = torch.tanh(raw.float())
    figures = drifting_loss(generated, residual, phase.temperatures, phase.l1_weight)
    state.optimizer.zero_grad(set_to_none=True)
    figures.loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), 1.0)
    state.optimizer.step()
    decay = min(config.ema, (1 + state.step) / (10 + state.step))  # a short memory while everything still moves
    for name, value in state.network.state_dict().items():
        state.average[name].lerp_(value, 1 - decay)
    hu = float(from_network(torch.ones(())) - from_network(torch.zeros(())))
    return {
        "loss": float(figures.loss.detach()),
        "l1_hu": float(figures.l1) * hu,
        "drift_norm": float(figures.drift_norm),
        "gradient": float(norm),
    }


def _learning_rate(phase: Phase, number: int) -> float:
    rate = phase.learning_rate
    if phase.final_learning_rate is not None:
        cosine = (1 + np.cos(np.pi * number / phase.steps)) / 2
        rate = phase.final_learning_rate + (rate - phase.final_learning_rate) * cosine
    return float(rate * min(1.0, (number + 1) / 100))


def _batches(
    config: TrainingConfig, series: list[NoisySeries], start: int
) -> Iterator[tuple[Phase, int, tuple[np.ndarray, np.ndarray]]]:
    """(phase, step within it, batch) from step `start` on; the next batch is drawn while the network works."""
    plan = [(phase, number) for phase in config.phases for number in range(phase.steps)]

    def draw(step: int):
        phase = plan[step][0]
        spread = DoseSpread(config.dose)
        sampler = PatchSampler(series, phase.patch, phase.batch, spread, expected_target=not phase.temperatures)
        low, normal = sampler.draw(np.random.default_rng([config.seed, 1, step]))
        return np.ascontiguousarray(low), np.ascontiguousarray(normal)

    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(draw, start) if start < len(plan) else None
        for step in range(start, len(plan)):
            batch = upcoming.result()
            upcoming = pool.submit(draw, step + 1) if step + 1 < len(plan) else None
            yield *plan[step], batch


def _save(path: Path, state: TrainingState, config: TrainingConfig) -> None:
    aside = path.with_suffix(".part")
    torch.save(
        {
            "network": state.network.state_dict(),
            "average": state.average,
            "optimizer": state.optimizer.state_dict(),
            "step": state.step,
            "seconds": state.seconds,
            "phases": _recipe(config),
        },
        aside,
    )
    aside.replace(path)


def _load(path: Path, state: TrainingState, config: TrainingConfig, device: str) -> None:
    if not path.exists():
        raise InputError(f"There is no checkpoint to resume from in {path.parent}.")
    try:
        stored = torch.load(path, map_location=device, weights_only=True)
        network, average, optimizer = (stored[key] for key in ("network", "average", "optimizer"))
        step, seconds, phases = int(stored["step"]), float(stored["seconds"]), stored.get("phases")
    except Exception as error:  # a damaged archive makes PyTorch raise nearly anything
        raise InputError(f"The checkpoint {path} is damaged; remove it and begin again.") from error
    if phases is not None:  # a checkpoint of the first version says nothing about them
        _check_recipe(phases, _recipe(config), step)
    try:
        state.network.load_state_dict(average)  # only to see that it fits: the average is kept as it is
        state.network.load_state_dict(network)
        state.optimizer.load_state_dict(optimizer)
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"The checkpoint {path} is of another network than the configuration's.") from error
    state.average, state.step, state.seconds = average, step, seconds


def _recipe(config: TrainingConfig) -> list[dict]:
    """The phases as lists and numbers, which is all that a checkpoint may hold beside tensors."""
    return [{**asdict(phase), "temperatures": list(phase.temperatures)} for phase in config.phases]


def _check_recipe(old: list[dict], new: list[dict], step: int) -> None:
    """What has been trained must be what the configuration says; what is still to come may change."""
    begun = 0
    for number, phase in enumerate(old):
        if begun >= step:
            return
        now = new[number] if number < len(new) else {}
        if begun + phase["steps"] > step:  # in progress: it may become longer, or end here
            phase = {**phase, "steps": now.get("steps") if now.get("steps", 0) >= step - begun else phase["steps"]}
        if now != phase:
            raise InputError(
                f"The phase {phase['name']!r} was trained with other values than the configuration has now; "
                "restore them, or begin again in another folder."
            )
        begun += phase["steps"]


def _log(path: Path, row: dict) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow(row)


class _Means:
    """Means of the figures since they were last taken."""

    def __init__(self) -> None:
        self.rows: list[dict[str, float]] = []

    def add(self, row: dict[str, float]) -> None:
        self.rows.append(row)

    def take(self) -> dict[str, float]:
        means = {key: float(np.mean([row[key] for row in self.rows])) for key in self.rows[0]}
        self.rows = []
        return means
