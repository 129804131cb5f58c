"""Where the time of a network goes: its operations counted, and what torch's profiler sees, by kind."""

from __future__ import annotations

import contextlib
import re
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .peaks import quickest

if TYPE_CHECKING:
    from .child import Measured

SCAN, OTHER, BETWEEN = "scan", "other", "between"
_SMALL = 0.01  # share of a kind that is told by itself
_MARK = "ldct::scan"  # of that kind
_MOST_ON_GPU = 64  # slices: enough for several batches, and no more events than a profiler likes
# The first that fits names the kind: operations of torch on the processor, kernels on a GPU
_KINDS = (
    ("norm", r"norm|moments|welford|var_mean"),
    ("convolution", r"conv|fprop|implicit_gemm|winograd"),
    ("matrix product", r"(^|[:_])(mm|bmm|addmm|baddbmm|linear|matmul|einsum)$|gemm|nvjet|attention|cutlass|fmha"),
    (SCAN, r"scan|^_chunks|^_hand_on"),
    ("activation", r"silu|sigmoid|gelu|tanh|softmax|softplus|relu"),
    ("copies", r"copy|memcpy|memset|:cat$|CatArray|clone|contiguous|::to$|reorder|pad|index|nchw|nhwc|fill|zero|stack"),
    ("resampling", r"upsample|shuffle|pool|flip"),
    ("arithmetic", r"::_?(add|sub|mul|div|exp|neg|clamp|where|sum|mean|r?sqrt|cumsum|lerp|pow|log)|elementwise|reduce"),
)


def kind_of(name: str) -> str:
    """The kind of an operation of torch ("aten::silu") or a kernel of a GPU."""
    return next((kind for kind, words in _KINDS if re.search(words, name, re.IGNORECASE)), OTHER)


def work(row: Measured) -> dict:
    """The operations of one slice, [[kind, multiply_adds, weights, moved], …]; a scan counts what it must move."""
    from ...networks.cost import operations

    with _scans_counted() as scans:
        found = operations(lambda: row.one_by_one(1))
    return {"operations": [*map(list, found), *scans]}


def seconds_by_kind(row: Measured) -> dict:
    """Seconds a slice by kind, as the profiler sees them: on the processor one slice, on a GPU a part of the volume.

    "whole": all of it; "on_device": on a GPU of a batch alone, back to back, by the GPU's own clock.
    "between" is what no operation or kernel accounts for: Python, waiting, and on a GPU whatever it does not hide.
    """
    from torch.profiler import ProfilerActivity, profile

    on_gpu = row.device.startswith("cuda")
    slices = min(len(row.hu), max(row.batch, _MOST_ON_GPU)) if on_gpu else 1
    action = row.round if on_gpu else row.one_by_one  # torch's profiler sees the operations of one thread
    action(slices)  # that number of slices may be new to it
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    with contextlib.nullcontext() if on_gpu else _scans_marked(), profile(activities=activities) as profiler:
        begun = time.perf_counter()
        action(slices)
        whole = time.perf_counter() - begun
    kinds = Counter()
    for name, seconds in _kernels(profiler) if on_gpu else _operations(profiler):
        if seconds > 0:
            kinds[kind_of(name)] += seconds / slices
    kinds[BETWEEN] = max(0.0, whole / slices - sum(kinds.values()))
    return {"kinds": dict(kinds.most_common()), "whole": whole / slices, "on_device": _on_device(row)}


def told_kinds(profile: dict) -> dict[str, float]:
    """Seconds by kind as they are told: small ones are among the others."""
    kinds = dict(profile["kinds"])
    small = [kind for kind, taken in kinds.items() if taken < _SMALL * profile["whole"]]
    other = kinds.get(OTHER, 0.0) + sum(kinds.pop(kind) for kind in small if kind != OTHER)
    return kinds | {OTHER: other}


def _on_device(row: Measured) -> float | None:
    """Seconds a slice of the stage that computes (`methods.stages`), its batch brought up; None on the processor."""
    if not (row.device.startswith("cuda") and hasattr(row.denoiser, "compute")):
        return None
    import torch

    batch = row.hu[: row.batch]
    with torch.cuda.device(row.device):
        begun = row.denoiser.begin(batch, seeds=range(len(batch)), spacing=row.spacing[:2])
        return quickest(lambda: row.denoiser.compute(begun), row.device) / len(batch)


def _kernels(profiler) -> Iterator[tuple[str, float]]:
    """Names and seconds on the GPU; without operations on the processor, which only asked for them."""
    for event in profiler.key_averages():
        if "CUDA" in str(getattr(event, "device_type", "")):
            yield event.key, getattr(event, "self_device_time_total", getattr(event, "self_cuda_time_total", 0)) / 1e6


def _operations(profiler) -> Iterator[tuple[str, float]]:
    """Names and seconds on the processor, each without those that it calls; a scan whole."""
    for event in profiler.events():
        if event.name == _MARK:
            yield _MARK, event.cpu_time_total / 1e6
        elif not _is_in_scan(event):
            yield event.name, event.self_cpu_time_total / 1e6


def _is_in_scan(event) -> bool:
    while (event := event.cpu_parent) is not None:
        if event.name == _MARK:
            return True
    return False


@contextlib.contextmanager
def _scans_marked() -> Iterator[None]:
    """FoundDiff's scans on the processor are seen as one operation each: most of it is done in other threads."""
    from torch.profiler import record_function

    from ...networks import dadiff_blocks, dadiff_quick_blocks

    def marked(scan):
        def scanned(*arguments, **named):
            with record_function(_MARK):
                return scan(*arguments, **named)

        return scanned

    plain, quick = dadiff_blocks.selective_scan, dadiff_quick_blocks.bulk_scan
    dadiff_blocks.selective_scan, dadiff_quick_blocks.bulk_scan = marked(plain), marked(quick)
    try:
        yield
    finally:
        dadiff_blocks.selective_scan, dadiff_quick_blocks.bulk_scan = plain, quick


@contextlib.contextmanager
def _scans_counted() -> Iterator[list]:
    """FoundDiff's scans are noted and not computed: the loop over all pixels would take minutes to count."""
    from ...networks import dadiff_blocks

    found: list[list] = []

    def counted(u, *others, **named):
        tensors = [x for x in (*others, *named.values()) if hasattr(x, "numel")]
        found.append([SCAN, 0, 0, 2 * u.numel() + sum(x.numel() for x in tensors)])
        return u.new_zeros(u.shape)

    real = dadiff_blocks.selective_scan
    dadiff_blocks.selective_scan = counted
    try:
        yield found
    finally:
        dadiff_blocks.selective_scan = real
