"""What an authors' checkpoint must hold to become a model: the right names, shapes and finite numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

_WRAPPERS = ("module.", "_orig_mod.")  # what DataParallel and torch.compile put before every name


def unwrapped(state: Mapping[str, object]) -> dict[str, object]:
    """The same values without the prefixes of wrappers."""
    state = dict(state)
    for prefix in _WRAPPERS:
        if all(name.startswith(prefix) for name in state):
            state = {name[len(prefix) :]: value for name, value in state.items()}
    return state


def check_names(state: Mapping[str, object], shapes: Mapping[str, object], file_name: str, what: str) -> None:
    """InputError unless the names are exactly those of `shapes`; what: the network, e.g. "RDDM"."""
    missing = [name for name in shapes if name not in state]
    extra = [name for name in state if name not in shapes]
    if len(missing) > len(shapes) / 2:
        raise InputError(f"{file_name} is a PyTorch file, but its model is not {what}; give the checkpoint of {what}.")
    problems = []
    if missing:
        problems.append(f"{len(missing)} of the {len(shapes)} weights of {what} missing (first {missing[0]})")
    if extra:
        problems.append(f"{len(extra)} of its weights unknown to {what} (first {extra[0][:80]!r})")
    if problems:
        raise InputError(f"{file_name} does not fit: {' and '.join(problems)}.")


def check_tensors(
    state: Mapping[str, object],
    shapes: Mapping[str, tuple[int, ...]],
    file_name: str,
    what: str,
    *,
    where: str = "",
    whole: frozenset[str] = frozenset(),
) -> None:
    """InputError unless every value is an ordinary floating-point tensor of the expected shape.

    where  put before the names in the sentence
    whole  names of counters, which hold whole numbers
    """
    import torch

    for name, shape in shapes.items():
        value = state[name]
        if not isinstance(value, torch.Tensor) or value.layout != torch.strided or value.device.type != "cpu":
            raise InputError(f"{file_name} does not fit: {where}{name} is not an ordinary tensor.")
        if tuple(value.shape) != shape:
            raise InputError(
                f"{file_name} does not fit: {where}{name} is {_times(value.shape)} and not {_times(shape)}, "
                f"so this is another network than the authors' {what}."
            )
        if name in whole:
            if value.dtype != torch.int64:
                raise InputError(f"{file_name} does not fit: {where}{name} holds {value.dtype}, not whole numbers.")
        elif not value.is_floating_point():
            raise InputError(f"{file_name} does not fit: {where}{name} holds {value.dtype}, not real numbers.")


def check_finite(state: Mapping[str, Tensor], file_name: str) -> None:
    import torch

    for name, tensor in state.items():
        if not torch.isfinite(tensor.to(torch.float32)).all():
            raise InputError(f"{file_name} is of no use: its weights {name} are not all finite numbers.")


def training_step(checkpoint: Mapping[str, object]) -> int | None:
    """The training step, where the checkpoint tells it as a number or a tensor of one."""
    step = checkpoint.get("step") if "model" in checkpoint else None
    if hasattr(step, "numel") and step.numel() == 1:
        step = step.item()
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _times(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape) or "a single number"
