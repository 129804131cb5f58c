"""Where the authors' numbers lie, and the weights that they were made with."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def parity_folder(name: str) -> Path:
    folder = SHARED / "parity" / name
    if not folder.is_dir():
        pytest.skip(f"the parity data ({name}) are not on this machine")
    return folder


def parity_state_dict(shapes: dict[str, tuple[int, ...]]) -> dict:
    """Every weight from its name and shape, by the rule of the parity data."""
    import torch

    state = {}
    for name, shape in shapes.items():
        i = np.arange(int(np.prod(shape)), dtype=np.float64)
        v = np.sin(12.9898 * (i + 1) + 0.001 * (zlib.crc32(name.encode()) % 1000003)) * 43758.5453
        v = 2 * (v - np.floor(v)) - 1
        if len(shape) == 1:
            v = 1 + 0.1 * v if name.endswith(".weight") else 0.1 * v
        else:
            v = v * np.sqrt(3 / np.prod(shape[1:])) * 0.7
        state[name] = torch.from_numpy(v.reshape(shape).astype(np.float32))
    return state
