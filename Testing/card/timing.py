"""Milliseconds of a batch on the device, of the stages beside it, and of a whole volume."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from unittest import mock

import numpy as np
import torch
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.inference import engine
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.pipeline import InTurn
from LDCTDenoiseLib.methods.stages import NetworkMethod

ROUNDS = 5


def slices(count: int, side: int) -> np.ndarray:
    """Noisy slices of a body in air, float32 HU: real arithmetic, none of it on zeros."""
    y, x = (np.mgrid[:side, :side] - side / 2) / (side / 2)
    body = np.where(x**2 + (1.3 * y) ** 2 < 0.6, 40.0, -1000.0)
    noise = 60 * np.random.default_rng(0).standard_normal((count, side, side))
    return np.clip(body + noise, -1024, 3071).astype(np.float32)


def on_device(denoiser: NetworkMethod, hu: np.ndarray) -> float:
    """Milliseconds a slice of a batch on the device and on its way there and back: median after warm-up."""
    begun = denoiser.begin(hu, seeds=range(len(hu)))

    def batch() -> None:
        denoiser.finish(denoiser.compute(begun))

    for _ in range(3):  # the second call captures
        batch()
    return _milliseconds(batch) / len(hu)


def beside(denoiser: NetworkMethod, hu: np.ndarray) -> tuple[float, float]:
    """Milliseconds a slice of what the host does before and after the device."""
    begun = denoiser.begin(hu, seeds=range(len(hu)))
    before = _milliseconds(lambda: denoiser.begin(hu, seeds=range(len(hu))))
    computed = [denoiser.compute(begun) for _ in range(ROUNDS)]
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    after = _milliseconds(lambda: denoiser.finish(computed.pop()))
    return before / len(hu), after / len(hu)


def volume(denoiser: NetworkMethod, hu: np.ndarray, device: str, batch: int, overlapped: bool) -> float:
    """Milliseconds a slice of a volume through the engine, by the wall clock."""
    setup = Setup(device, "float16", batch)

    def run() -> None:
        engine.denoise_volume(CTVolume(hu), denoiser, engine.Settings(), setup=setup)

    def in_turn(method, rung, spacing) -> InTurn:
        return InTurn(lambda shown, seeds: method.denoise(shown, seeds=seeds, spacing=spacing))

    run()
    if overlapped:
        return _milliseconds(run, rounds=3) / len(hu)
    with mock.patch.object(engine, "pipeline", in_turn):
        return _milliseconds(run, rounds=3) / len(hu)


def _milliseconds(action: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Median; every action ends with its result on the host, so that the wall clock tells."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        action()
        times.append(1e3 * (time.perf_counter() - begun))
    return median(times)
