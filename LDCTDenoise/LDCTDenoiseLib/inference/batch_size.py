"""How many slices at once: measured on the device itself, where that is a GPU.

More slices fill a large card better, but wait longer for the first of them. The choice may differ from one run to the
next; it changes the HU only by the rounding of the device's own arithmetic, as another batch at a volume's end does.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from ..methods.contract import Denoiser

MOST_SLICES_AT_ONCE = 16
WORTH = 0.95  # of the seconds a slice: twice the slices must gain as much
WARM_UPS = 3  # a captured network is captured at the second call and checked
ROUNDS = 3
PATIENCE = 2.0  # seconds after which no larger batch is tried


def best_batch(denoiser: Denoiser, shape: tuple[int, int], device: str) -> int:
    """The batch for slices of `shape` on the device where the method stands: 1 on a processor, whose caches hold no
    more, and elsewhere without CUDA. Never more than fits with a quarter of the free memory left alone."""
    if not device.startswith("cuda"):
        return 1
    try:
        most = _most_that_fit(denoiser, shape, device)
    except RuntimeError:
        return 1  # the memory ladder takes over
    return quickest_batch(lambda count: _seconds(denoiser, shape, count), most)


def quickest_batch(seconds: Callable[[int], float], most: int, clock: Callable[[], float] = time.perf_counter) -> int:
    """The smallest of 1, 2, 4 … `most` beyond which twice as many slices gain little, or fail.

    seconds  a batch of that many slices takes
    """
    begun, best, count = clock(), 1, 2
    try:
        each = seconds(1)
        while count <= most and clock() - begun < PATIENCE:
            larger = seconds(count) / count
            if larger > WORTH * each:
                break
            best, each, count = count, larger, 2 * count
    except RuntimeError:  # of this size there is too little memory after all
        pass
    return best


def _most_that_fit(denoiser: Denoiser, shape: tuple[int, int], device: str) -> int:
    import torch

    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    denoiser.denoise(_noisy(shape, 1), seeds=[0])
    needed = max(1, torch.cuda.max_memory_allocated(device) - before)
    free, _ = torch.cuda.mem_get_info(device)
    free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # kept by torch, and free
    # what rests has a graph: that holds the memory of a batch, and is checked against the same batch without it
    at_once = 2 if hasattr(denoiser, "rest") else 1
    return int(np.clip(0.75 * free / (at_once * needed), 1, MOST_SLICES_AT_ONCE))


def _seconds(denoiser: Denoiser, shape: tuple[int, int], count: int) -> float:
    """Median seconds of a batch on the device and on its way there and back, without the drawing of noise."""
    slices, seeds = _noisy(shape, count), list(range(count))
    if hasattr(denoiser, "begin"):
        begun = denoiser.begin(slices, seeds=seeds)

        def compute() -> None:
            denoiser.finish(denoiser.compute(begun))
    else:

        def compute() -> None:
            denoiser.denoise(slices, seeds=seeds)

    for _ in range(WARM_UPS):
        compute()
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        compute()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def _noisy(shape: tuple[int, int], count: int) -> np.ndarray:
    """Slices as noisy as real ones: on zeros a card computes faster than it ever will."""
    return np.random.default_rng(0).normal(0, 100, (count, *shape)).astype(np.float32)
