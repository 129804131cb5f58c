"""The ways that are held against each other: the same network with ever more of what is there for speed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import torch
from LDCTDenoiseLib.methods import stages
from LDCTDenoiseLib.networks import captured, norm_silu_choice


class Way(NamedTuple):
    """A way: in a precision, plain or quick; with fused kernels or torch's own; launched one by one or as a graph."""

    name: str
    precision: str
    plain: bool = False
    fused: bool = True
    graph: bool = True


def ways(device: str) -> list[Way]:
    """From the plainest to the one that the engine tries first; a processor has no fused kernels, graphs or float16."""
    if not device.startswith("cuda"):
        return [
            Way(name, kind, plain=name == "plain") for name in ("plain", "quick") for kind in ("float32", "bfloat16")
        ]
    half, other = "float16", "bfloat16"
    return [
        Way("plain", "float32", plain=True),
        Way("plain", half, plain=True),
        Way("quick, fused, graph", other),
        Way("quick", half, fused=False, graph=False),
        Way("quick, fused", half, graph=False),
        Way("quick, graph", half, fused=False),
        Way("quick, fused, graph", half),
    ]


@contextmanager
def placed(denoiser: stages.NetworkMethod, way: Way, device: str) -> Iterator[None]:
    """The method stands on the device in that way."""
    norm_silu_choice._checked.cache_clear()
    switches = {norm_silu_choice.VARIABLE: "1" if way.fused else "0"}
    with mock.patch.dict(os.environ, switches):
        try:
            denoiser.place(device, getattr(torch, way.precision), plain=way.plain)
            if not way.graph:
                denoiser._computes = denoiser._evaluate
            yield
        finally:
            denoiser.place("cpu", torch.float32, plain=True)
            norm_silu_choice._checked.cache_clear()
            captured.release(torch.device(device))


def has_graph(denoiser: stages.NetworkMethod) -> bool:
    """Whether the last batches were replayed as a graph."""
    return isinstance(denoiser._computes, captured.Captured) and denoiser._computes._graph is not None
