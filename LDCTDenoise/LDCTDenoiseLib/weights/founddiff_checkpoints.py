"""The authors' checkpoints of FoundDiff, `model-*.pt` and `DA-CLIP.pth`: which of their tensors inference needs.

model-400.pt  about 2.1 GB: `model`, `ema`, `opt0`, `scaler`, `step`. Its average holds the U-Net, within it DA-CLIP
              (`dose_encoder`) and a second CLIP that nothing reads, a schedule, and the network of a loss.
DA-CLIP.pth   a state dict of DA-CLIP alone, with its text branch.

Of the 2.1 GB, 0.27 GB are read at inference: the U-Net, and DA-CLIP's image branch and heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .checkpoint_tensors import check_finite, check_names, check_tensors, unwrapped

if TYPE_CHECKING:
    from torch import Tensor

_AVERAGE = "ema_model."
_NETWORK = "model.unet0."
_PERCEPTION = "dose_encoder."
_UNREAD_CLIP = "clip_model."  # in the U-Net: a second CLIP
_UNREAD_LOSS = "perceploss."
_SCHEDULE = (
    "alphas", "alphas_cumsum", "one_minus_alphas_cumsum", "betas", "betas2", "betas_cumsum", "betas2_cumsum",
    "posterior_mean_coef1", "posterior_mean_coef2", "posterior_mean_coef3", "posterior_variance",
    "posterior_log_variance_clipped",
)  # fmt: skip
_MARKS_OF_PERCEPTION = ("prompt_learner.", "clip_model.")
_MARKS = (_NETWORK, _AVERAGE + _NETWORK, *_MARKS_OF_PERCEPTION)
_COUNTER = ".num_batches_tracked"  # of a BatchNorm


def is_founddiff(checkpoint: object) -> bool:
    """DA-CLIP.pth is a state dict, model-400.pt has one in `model` and one, with the average, in `ema`."""
    if not isinstance(checkpoint, Mapping):
        return False
    for part in (checkpoint, checkpoint.get("model"), checkpoint.get("ema")):
        named = isinstance(part, Mapping) and all(isinstance(name, str) for name in part)
        if named and any(name.startswith(_MARKS) for name in unwrapped(part)):
            return True
    return False


def is_perception(checkpoint: object) -> bool:
    """Whether this is DA-CLIP.pth."""
    names = unwrapped(checkpoint) if is_founddiff(checkpoint) else ()
    return any(name.startswith(_MARKS_OF_PERCEPTION) for name in names)


def is_average(checkpoint: Mapping[object, object]) -> bool:
    """Whether these are the tensors of `ema` by themselves, without the checkpoint around them."""
    return any(str(name).startswith(_AVERAGE) for name in checkpoint)


def founddiff_state(
    checkpoints: Mapping[Path, Any], network: Mapping[str, Any]
) -> tuple[dict[str, Tensor], list[Path]]:
    """What the network of a card (`unet`, `perception`: arguments) needs, named `unet.…` and `perception.…`.

    checkpoints  file → what is in it: the model, and DA-CLIP.pth where it is given too. DA-CLIP is taken from the
                 model, which holds it as it was when the model was trained; another one beside it is refused.

    Returns the tensors, still in the files, and the files they are from: the model first.
    Raises InputError if the model is missing, or anything is missing, unknown, of another shape, or not finite.
    """
    model, perception_file = _sort(checkpoints)
    unet, perception = _parts(_network_state(checkpoints[model], model.name), model.name)
    shapes = _expected_shapes(network)
    _check(unet, shapes["unet"], model.name, "FoundDiff's denoiser")
    sources = [model]
    if not perception and perception_file is None:
        raise InputError(
            f"{model.name} holds no perception (DA-CLIP); give the authors' DA-CLIP.pth beside it: "
            f"ldct-denoise import-weights {model.name} DA-CLIP.pth."
        )
    if perception:
        _check(perception, shapes["perception"], model.name, "DA-CLIP")
    if perception_file is not None:
        given = _image_branch(unwrapped(checkpoints[perception_file]))
        _check(given, shapes["perception"], perception_file.name, "DA-CLIP")
        if perception:
            _check_equal(perception, given, model.name, perception_file.name)
        else:
            perception, sources = given, [model, perception_file]
    state = {f"unet.{name}": unet[name] for name in shapes["unet"]}
    return state | {f"perception.{name}": perception[name] for name in shapes["perception"]}, sources


def _sort(checkpoints: Mapping[Path, Any]) -> tuple[Path, Path | None]:
    """The file of the model, and the one of DA-CLIP alone if there is one."""
    for path, checkpoint in checkpoints.items():
        if not is_founddiff(checkpoint):
            raise InputError(f"{path.name} is no checkpoint of FoundDiff, which the other file is.")
    perceptions = [path for path, checkpoint in checkpoints.items() if is_perception(checkpoint)]
    models = [path for path in checkpoints if path not in perceptions]
    if not models:
        raise InputError(
            f"{perceptions[0].name} is only the perception of FoundDiff (DA-CLIP), without the network that removes "
            "noise; import the authors' model-*.pt (about 2 GB), which holds both."
        )
    if len(models) > 1:
        raise InputError(f"{models[0].name} and {models[1].name} are two models of FoundDiff; import one at a time.")
    return models[0], perceptions[0] if perceptions else None


def _network_state(checkpoint: Mapping[str, object], file_name: str) -> dict[str, object]:
    """The names below `model.unet0.`: of the average where there is one, else of the last step."""
    average = checkpoint.get("ema") if "model" in checkpoint else None
    state = checkpoint.get("model", checkpoint) if average is None else average
    if not isinstance(state, Mapping) or not all(isinstance(name, str) for name in state):
        where = "model" if average is None else "moving average (ema)"
        raise InputError(f"{file_name} does not fit: its {where} is not a dict of tensors.")
    state = unwrapped(state)
    if any(name.startswith(_AVERAGE) for name in state):  # beside it: the weights of the last step, and two counters
        state = unwrapped({n.removeprefix(_AVERAGE): v for n, v in state.items() if n.startswith(_AVERAGE)})
    elif average is not None:
        raise InputError(f"{file_name} does not fit: its moving average (ema) holds no {_AVERAGE}* tensors.")
    read = {n: v for n, v in state.items() if n not in _SCHEDULE and not n.startswith(_UNREAD_LOSS)}
    unknown = [name for name in read if not name.startswith(_NETWORK)]
    if unknown:
        raise InputError(
            f"{file_name} does not fit: {len(unknown)} of its weights unknown to FoundDiff (first {unknown[0][:80]!r})."
        )
    return {name.removeprefix(_NETWORK): value for name, value in read.items()}


def _parts(state: Mapping[str, object], file_name: str) -> tuple[dict[str, object], dict[str, object]]:
    """The tensors of the U-Net, and those of DA-CLIP's image branch and heads (none where DA-CLIP is not in it)."""
    unet = {n: v for n, v in state.items() if not n.startswith((_PERCEPTION, _UNREAD_CLIP))}
    inside = {n.removeprefix(_PERCEPTION): v for n, v in state.items() if n.startswith(_PERCEPTION)}
    return unet, _image_branch(inside)


def _image_branch(state: Mapping[str, object]) -> dict[str, object]:
    """DA-CLIP without its text branch and without what nothing reads."""
    from ..networks.daclip import UNREAD, is_text

    return {name: value for name, value in state.items() if name not in UNREAD and not is_text(name)}


def _expected_shapes(network: Mapping[str, Any]) -> dict[str, dict[str, tuple[int, ...]]]:
    """Name → shape of every tensor of the two networks, counters included."""
    import torch

    from ..networks.daclip import DACLIP
    from ..networks.dadiff import DADiffUNet

    with torch.device("meta"):  # names and shapes only: no memory, no random numbers
        networks = {"unet": DADiffUNet(**network["unet"]), "perception": DACLIP(**network["perception"])}
    return {key: {n: tuple(v.shape) for n, v in part.state_dict().items()} for key, part in networks.items()}


def _check(state: Mapping[str, object], shapes: Mapping[str, tuple[int, ...]], file_name: str, what: str) -> None:
    check_names(state, shapes, file_name, what)
    counters = frozenset(name for name in shapes if name.endswith(_COUNTER))
    check_tensors(state, shapes, file_name, what, whole=counters)
    check_finite(state, file_name)


def _check_equal(inside: Mapping[str, Tensor], given: Mapping[str, Tensor], model: str, perception: str) -> None:
    """The counters do not count: they only say for how long the perception was trained."""
    import torch

    for name, tensor in inside.items():
        if not name.endswith(_COUNTER) and not torch.equal(tensor, given[name]):
            raise InputError(
                f"{perception} differs from the perception inside {model} (first in {name}), so they do not belong "
                f"together; import {model} alone, which holds the one that it was trained with."
            )
