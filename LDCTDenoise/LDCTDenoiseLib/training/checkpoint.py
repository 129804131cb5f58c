"""Checkpoints: a run goes on bit for bit where it was, or another one begins with its averaged weights."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from ..atomic import atomic_output
from ..errors import InputError
from ..weights.safetensors_file import read_tensors
from .config import Phase, TrainingConfig
from .family import make_family
from .state import TrainingState

LAST, BEST = "checkpoint.pt", "best.pt"


def recipe(config: TrainingConfig, names: list[str], devices: int = 1) -> dict:
    """What decides the weights, as lists and numbers, which is all that a checkpoint may hold beside tensors.

    names  of the series; those for validation are left out
    """
    return {
        "family": config.family,
        "options": config.options,
        **make_family(config).recipe(),
        "series": sorted(set(names) - set(config.validation)),
        "network": _plain(config.network),
        "dose": list(config.dose),
        "usual_dose": config.usual_dose,
        "most_noise": config.most_noise,
        "whole_dose": config.whole_dose,
        "shapes": config.shapes,
        "sampling": config.sampling,
        "shift": config.shift,
        "scale": list(config.scale),
        "noise_input": config.noise_input,
        "seed": config.seed,
        "ema": config.ema,
        "precision": config.precision,
        "devices": devices,
        "phases": [_plain(asdict(phase)) for phase in config.phases],
    }


def check_start(config: TrainingConfig, names: list[str], devices: int = 1, resume: bool | Path = False) -> None:
    """Before anything is computed: InputError where the run cannot go on, or cannot begin in its folder.

    resume  True for the last checkpoint of the run, or the file of one
    """
    if resume:
        _check_recipe(_read(_resumed(config, resume), "cpu"), recipe(config, names, devices))
    elif (config.folder / LAST).exists():
        raise InputError(f"{config.folder} holds an earlier run: go on with it (--resume) or remove it.")
    elif config.begin is not None:
        _fit(config, _weights(config, "cpu")["average"])


def save_checkpoint(path: Path, state: TrainingState, stored_recipe: dict) -> None:
    """The whole state; the former checkpoint stays until this one is complete."""
    with atomic_output(path, overwrite=True) as aside:
        torch.save(
            {
                "network": state.network.state_dict(),
                "average": state.average,
                "optimizer": state.optimizer.state_dict(),
                "step": state.step,
                "seconds": state.seconds,
                "best": state.best,
                "origin": state.origin,
                "recipe": stored_recipe,
            },
            aside,
        )


def resume_run(state: TrainingState, config: TrainingConfig, now: dict, resume: bool | Path, device: str) -> None:
    """Puts the stored run into `state`; InputError where it was trained otherwise than the recipe `now` says."""
    path = _resumed(config, resume)
    stored = _read(path, device)
    _check_recipe(stored, now)
    try:
        state.network.load_state_dict(stored["average"])  # only to see that it fits: the average is kept as it is
        state.network.load_state_dict(stored["network"])
        state.optimizer.load_state_dict(stored["optimizer"])
    except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"The checkpoint {path} is of another network than the configuration's.") from error
    state.average, state.step, state.seconds = stored["average"], int(stored["step"]), float(stored["seconds"])
    state.best, state.origin = dict(stored.get("best", {})), str(stored.get("origin", ""))


def begin_run(state: TrainingState, config: TrainingConfig, device: str) -> str:
    """Averaged weights of another run, or those of a model, into a new run. Returns a sentence for the log.

    Phases that the other run has trained with the same values count as done: variants share their paired phases.
    """
    path = config.begin
    stored = _weights(config, device)
    _fit(config, stored["average"])
    for name, value in stored["average"].items():
        state.average[name].copy_(value)
    state.network.load_state_dict(state.average)
    whose = f"{path.parent.name}/{path.name}" if path.suffix == ".pt" else path.name
    state.step = _shared_steps(stored, config)
    if state.step:
        state.seconds = float(stored["seconds"])
        said = f"Begins with the weights of {whose}, whose {state.step} steps are the first of this run."
    else:
        said = f"Begins with the weights of {whose}; all phases are still to come, since it was trained with others."
    state.origin = f"begun with {whose}" + (f" after {stored['step']} steps" if "step" in stored else "")
    return said


def _shared_steps(stored: dict, config: TrainingConfig) -> int:
    """Steps of the other run if they are the first of this one; 0 if any of its phases had other values."""
    step, left = stored.get("step", 0), stored.get("step", 0)
    trained = stored.get("recipe", {}).get("phases", [])
    for old, new in zip(trained, map(_plain, map(asdict, config.phases)), strict=False):
        if left <= 0:
            break
        if {**_plain(asdict(Phase("x", 1, 1, 1, 1.0, l1_weight=1.0))), **old} != new:  # older ones have fewer entries
            return 0
        left -= old["steps"]
    return 0 if left > 0 else int(step)


def _check_recipe(stored: dict, now: dict) -> None:
    """What has been trained must be what the configuration says; what is still to come may change."""
    old = stored.get("recipe") or ({"phases": stored["phases"]} if "phases" in stored else {})
    if old.get("network", now["network"]) != now["network"]:
        raise InputError(
            f"The run was begun with another network ({old['network']}) than the configuration has now "
            f"({now['network']}); restore it, or begin again in another folder."
        )
    if differs := _differences({key: old[key] for key in old if key != "phases"}, now):
        raise InputError(_refusal("The run", differs))
    begun, step = 0, int(stored["step"])
    for number, phase in enumerate(old.get("phases", [])):
        if begun >= step:
            return
        new = now["phases"][number] if number < len(now["phases"]) else {}
        if begun + phase["steps"] > step and new.get("steps", 0) >= step - begun:
            phase = {**phase, "steps": new["steps"]}  # in progress: it may become longer, or end here
        if differs := _differences(phase, new):
            raise InputError(_refusal(f"The phase {phase['name']!r}", differs))
        begun += phase["steps"]


def _differences(old: dict, new: dict) -> list[str]:
    if not new:
        return ["it is no longer there"]
    return [f"{key} {value} then, {new.get(key)} now" for key, value in old.items() if new.get(key) != value]


def _refusal(what: str, differs: list[str]) -> str:
    return (
        f"{what} was trained with other values than the configuration has now ({'; '.join(differs)}); "
        "restore them, or begin again in another folder."
    )


def _resumed(config: TrainingConfig, resume: bool | Path) -> Path:
    return config.folder / LAST if resume is True else Path(resume)


def _read(path: Path, device: str) -> dict:
    """A checkpoint of this program, whole."""
    if not path.exists():
        raise InputError(f"There is no checkpoint to go on from: {path}.")
    try:
        stored = torch.load(path, map_location=device, weights_only=True)
        if not all(isinstance(stored[key], dict) for key in ("network", "average", "optimizer")):
            raise TypeError("no checkpoint")
        int(stored["step"]), float(stored["seconds"])
    except Exception as error:  # a damaged archive makes PyTorch raise nearly anything
        raise InputError(f"The checkpoint {path} is damaged; remove it and begin again.") from error
    return stored


def _weights(config: TrainingConfig, device: str) -> dict:
    """At least `average`, name → float32 tensor: from a checkpoint, or from a model's safetensors."""
    path = config.begin
    if path.suffix != ".safetensors":
        return _read(path, device)
    try:
        tensors = read_tensors(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}).") from error
    prefix = make_family(config).prefix
    if any(name.startswith(prefix) for name in tensors):  # one file may hold several networks
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
    return {"average": {name: value.float().to(device) for name, value in tensors.items()}}


def _fit(config: TrainingConfig, average: dict) -> None:
    family = make_family(config)
    with torch.device("meta"):  # names and shapes only
        wanted = {name: value.shape for name, value in family.network().state_dict().items()}
    if {name: value.shape for name, value in average.items()} != wanted:
        raise InputError("The weights to begin with are of another network than the configuration's.")


def _plain(values: dict) -> dict:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
