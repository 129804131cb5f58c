"""The authors' numbers of DA-Diff: the small network that they were made with, and the files."""

from __future__ import annotations

import math
import zlib
from functools import cache

import numpy as np
import torch
from founddiff_weights import key_table, parity_tensor, shape_of
from LDCTDenoiseLib.networks import DACLIP, DADiffUNet
from parity import parity_folder

REDUCED = {"dim": 32}
REDUCED_PERCEPTION = {"layers": (1, 2, 1, 1), "width": 8}
TOLERANCE = 1e-5


def unet_tensor(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    """offset + scale · z, with z from the name; the rule of parity/founddiff for the U-Net."""
    name = key.rsplit(".", 1)[-1]
    z = torch.from_numpy(np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape).astype(np.float32))
    if name == "A_logs":
        return torch.log(torch.arange(1, shape[1] + 1, dtype=torch.float32)) + 0.1 * z
    if key.endswith(("text_mlp.0.weight", "mamba.attn.0.weight")):
        return z
    known = {"Ds": (1, 0.1), "dt_projs_bias": (-4, 0.5), "temperature": (1, 0.2), "prompt": (0, 100)}
    if name in known:
        offset, scale = known[name]
        return offset + scale * z
    if name in ("x_proj_weight", "dt_projs_weight"):
        return z / np.float32(math.sqrt(shape[2]))
    return parity_tensor(key, shape) * (np.float32(0.3) if key == "final_conv.weight" else 1)


def reduced_unet() -> DADiffUNet:
    network = DADiffUNet(**REDUCED).eval()
    table = key_table(parity_folder("founddiff") / "reduced_keys_unet.tsv")
    network.load_state_dict({row["key"]: unet_tensor(row["key"], shape_of(row)) for row in table})
    return network


@cache
def reduced_perception() -> DACLIP:
    network = DACLIP(**REDUCED_PERCEPTION).eval()
    table = key_table(parity_folder("founddiff") / "reduced_keys_daclip.tsv")
    network.load_state_dict({row["key"]: parity_tensor(row["key"], shape_of(row)) for row in table})
    return network


def perceived(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        return reduced_perception()(image)


def stored(name: str) -> dict[str, torch.Tensor]:
    with np.load(parity_folder("founddiff") / f"{name}.npz") as file:
        return {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}


def error(got: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest difference, relative to the largest value."""
    assert got.shape == expected.shape
    return float((got.double() - expected.double()).abs().max() / expected.double().abs().max())
