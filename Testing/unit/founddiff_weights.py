"""Weights of FoundDiff for tests: those of the parity data by their rule, and the authors' files in small."""

from __future__ import annotations

import csv
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.networks.daclip import DACLIP
from LDCTDenoiseLib.networks.dadiff import DADiffUNet
from LDCTDenoiseLib.weights.cards import Card
from weights_factory import TEXTS

# a small network in the authors' layout, with the published one's branches
UNET = {"dim": 8, "multipliers": [1, 2], "dose_features": 16, "anatomy_features": 8}
PERCEPTION = {"embed": 16, "layers": [1, 2], "width": 8, "anatomy_features": 8}
TEXT = {"width": 8, "heads": 2, "layers": 1, "vocabulary": 0}
NETWORK = {"unet": UNET, "perception": PERCEPTION, "start": "published"}


def key_table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def shape_of(row: dict[str, str]) -> tuple[int, ...]:
    return () if row["shape"] == "scalar" else tuple(int(side) for side in row["shape"].split("x"))


def parity_tensor(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """offset + scale · z, with z from the name; the rule of parity/founddiff for DA-CLIP."""
    name = key.rsplit(".", 1)[-1]
    if name == "num_batches_tracked":
        return torch.zeros((), dtype=torch.int64)
    z = torch.from_numpy(np.asarray(np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape), np.float32))
    if name == "running_var":
        return 1 + 0.1 * z.abs()
    if name == "logit_scale":
        return torch.full(shape, math.log(1 / 0.07))
    if name in ("ctx", "token_prefix", "token_suffix"):
        return 0.3 * z
    if len(shape) <= 1 or name == "positional_embedding":
        return (1.0 if name == "weight" else 0.0) + 0.1 * z
    fan_in = shape[0] if name == "text_projection" else math.prod(shape[1:])
    return z / np.float32(math.sqrt(fan_in))


def a_founddiff_card(id: str = "founddiff-official", **values) -> Card:
    known = {"title": "A test", "version": "1", "family": "founddiff", "description": "For tests.", "steps": 2}
    known |= {"network": NETWORK, "hu_window": (-1000, 2000), "obtain": "get it from the authors", **TEXTS}
    return Card(id=id, **{**known, **values})


def _numbers(network: torch.nn.Module, seed: int) -> dict[str, torch.Tensor]:
    """Every tensor of another number; counters as they are."""
    state = network.state_dict()
    return {
        name: torch.full(value.shape, seed + (i + 1) / 1024) if value.is_floating_point() else torch.tensor(seed)
        for i, (name, value) in enumerate(state.items())
    }


def a_unet_state(seed: int = 0, **arguments) -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        network = DADiffUNet(**{**UNET, **arguments})
    return _numbers(network, seed)


def an_image_state(seed: int = 0, **arguments) -> dict[str, torch.Tensor]:
    """DA-CLIP's tensors that inference reads."""
    with torch.device("meta"):
        network = DACLIP(**{**PERCEPTION, **arguments})
    return _numbers(network, seed)


def a_daclip_file(seed: int = 0) -> dict[str, torch.Tensor]:
    """What is in DA-CLIP.pth: the image branch, the text branch, and what nothing reads."""
    with torch.device("meta"):
        network = DACLIP(**PERCEPTION, text=TEXT)
    state = _numbers(network, seed) | an_image_state(seed)
    state["clip_model.visual.attnpool.positional_embedding"] = torch.zeros(5, 64)
    state["clip_model.logit_scale"] = torch.tensor(2.66)
    state["clip_model.token_embedding.weight"] = torch.zeros(3, 8)
    return state


def a_model_state(seed: int = 0, unet: dict | None = None, daclip: dict | None = None) -> dict[str, torch.Tensor]:
    """What is in `model`: the schedule, the U-Net, DA-CLIP and a second CLIP in it, the network of a loss."""
    unet = a_unet_state(seed) if unet is None else unet
    daclip = a_daclip_file(seed) if daclip is None else daclip
    state = {"alphas": torch.zeros(4), "posterior_log_variance_clipped": torch.zeros(4)}
    state |= {f"model.unet0.{name}": value for name, value in unet.items()}
    state |= {f"model.unet0.dose_encoder.{name}": value for name, value in daclip.items()}
    return state | {
        "model.unet0.clip_model.logit_scale": torch.zeros(()),
        "perceploss.lin0.model.1.weight": torch.ones(1),
    }


def a_model_file(path: Path, average: dict | None = None, last: dict | None = None, **more) -> Path:
    """A file in the authors' layout; `average` None: no average."""
    last = a_model_state(0) if last is None else last
    content = {"step": 400_000, "model": last, "opt0": {"state": {}, "param_groups": []}, "scaler": None}
    if average is not None:
        content["ema"] = {"initted": torch.ones(1), "step": torch.ones(1)}
        content["ema"] |= {f"online_model.{name}": value for name, value in last.items()}
        content["ema"] |= {f"ema_model.{name}": value for name, value in average.items()}
    torch.save({**content, **more}, path)
    return path
