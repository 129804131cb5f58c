"""What this machine computes and moves at most, measured: the roof above every row.

For a precision the quickest of some convolutions and a matrix product; for the memory a copy that no cache holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable

RUNS = 6  # of which the quickest counts: a roof
_CONVOLUTIONS = ((64, 256), (128, 128), (256, 64))  # channels, side: as in the middle of the networks
_SIDE = {"cpu": 2048, "gpu": 8192}  # of the matrices
_BATCH = {"cpu": 1, "gpu": 16}
_COPIED = {"cpu": 256 << 20, "gpu": 2 << 30}  # bytes


def measured_peaks(device: str, precisions: list[str]) -> dict:
    """{"bytes": a second, read and written together, "float32": multiply–adds a second, …}."""
    import torch

    from ...inference.threads import fit

    fit()
    kind = "cpu" if device == "cpu" else "gpu"
    peaks = {"bytes": _bandwidth(device, _COPIED[kind])}
    with torch.inference_mode():
        for name in precisions:
            dtype = getattr(torch, name)
            rates = [_convolution(device, dtype, _BATCH[kind], *shape) for shape in _CONVOLUTIONS]
            peaks[name] = max(*rates, _product(device, dtype, _SIDE[kind]))
    return peaks


def _convolution(device: str, dtype, batch: int, channels: int, side: int) -> float:
    import torch

    x = torch.randn(batch, channels, side, side).to(device, dtype).to(memory_format=torch.channels_last)
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1).to(device, dtype).to(memory_format=torch.channels_last)
    return 9 * channels**2 * batch * side**2 / quickest(lambda: layer(x), device)


def _product(device: str, dtype, side: int) -> float:
    import torch

    a, b = (torch.randn(side, side).to(device, dtype) for _ in range(2))
    return side**3 / quickest(lambda: a @ b, device)


def _bandwidth(device: str, size: int) -> float:
    import torch

    x = torch.ones(size // 4, device=device)
    y = torch.empty_like(x)
    return 2 * size / quickest(lambda: y.copy_(x), device)


def quickest(action: Callable[[], object], device: str) -> float:
    """Seconds of the quickest of some runs after two for warmth; on a GPU by its own clock."""
    action()
    action()
    if device.startswith("cuda"):
        return min(_by_events(action) for _ in range(RUNS))
    return min(_by_clock(action, device) for _ in range(RUNS))


def _by_events(action: Callable[[], object]) -> float:
    import torch

    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    begun.record()
    action()
    ended.record()
    torch.cuda.synchronize()
    return begun.elapsed_time(ended) / 1e3


def _by_clock(action: Callable[[], object], device: str) -> float:
    import torch

    begun = time.perf_counter()
    action()
    if device == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - begun
