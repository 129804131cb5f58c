"""Series and configurations of the laboratory, made for a test."""

from __future__ import annotations

import json
import lzma
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from LDCTDenoiseLib.training.config import Phase, TrainingConfig
from LDCTDenoiseLib.training.noise_bank import NoisySeries


def a_series(name: str = "patient", level: float = 10.0, slices: int = 6) -> NoisySeries:
    rng = np.random.default_rng(sum(name.encode()))
    x = np.arange(64)
    normal = (
        40
        + 60 * np.sin(x / 9 + np.arange(slices)[:, None, None] + np.zeros((64, 1)))
        + rng.normal(0, level, (slices, 64, 64))
    )
    noise = rng.standard_normal((slices, 2, 64, 64)).astype(np.float16)
    return NoisySeries(name, normal.astype(np.int16), noise, np.full(slices, level, np.float32))


def a_config(folder: Path, **changes) -> TrainingConfig:
    phases = (
        Phase("paired", 20, 32, 4, 2e-3, l1_weight=1.0),
        Phase("drifting", 10, 32, 4, 1e-4, 1e-5, temperatures=(0.2, 1.0)),
    )
    config = TrainingConfig(
        id="tiny", title="Tiny", description="For a test.", version="0.3", licence="CC0",
        training_source="slices made for a test", intended_use="None.", series=(), validation=("held-out",),
        network={"width": 32, "multipliers": [0.5, 1], "blocks": 1}, phases=phases, precision="float32",
        validate_every=15, sample_every=0, folder=folder,
    )  # fmt: skip
    return replace(config, **changes)


def encode_ctz(stack: np.ndarray, meta: dict) -> bytes:
    """The inverse of the reader, without a wavelet level: one band, stored as differences along a row."""
    values = np.diff(stack.astype(np.int32), axis=-1, prepend=0)
    zigzag = ((values << 1) ^ (values >> 31)).astype(np.uint16)
    planes = [
        lzma.compress((zigzag >> 8).astype(np.uint8).tobytes()),
        lzma.compress((zigzag & 255).astype(np.uint8).tobytes()),
    ]
    header = json.dumps({"shape": stack.shape, "levels": 0, "sizes": [len(p) for p in planes], "meta": meta}).encode()
    return b"CTZ1" + struct.pack("<I", len(header)) + header + b"".join(planes)
