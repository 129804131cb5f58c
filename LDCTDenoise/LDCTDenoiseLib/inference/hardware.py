"""What this machine has: devices, and the precisions that its hardware computes faster than float32."""

from __future__ import annotations

import math
import os
from functools import lru_cache
from pathlib import Path


def available_devices() -> list[str]:
    """Device names that `--device` takes on this machine, best first."""
    import torch

    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def fast_precisions(device: str) -> tuple[str, ...]:
    """Precisions to prefer on a device, best first; float32 is not named."""
    import torch

    if device == "cpu":
        return ("bfloat16",) if _processor_has_bfloat16() else ()
    if device.startswith("cuda") and torch.cuda.get_device_capability(device) >= (7, 0):
        return ("float16", "bfloat16")  # both run on tensor cores; float16 has the longer mantissa
    return ()


@lru_cache(maxsize=1)
def _processor_has_bfloat16() -> bool:
    """Whether there are instructions for it (AVX512-BF16 or AMX): emulated, it is slower than float32."""
    import torch

    info = Path("/proc/cpuinfo")
    if info.exists():
        flags = info.read_text(errors="replace")
        return "avx512_bf16" in flags or "amx_bf16" in flags
    asked = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(ask() for ask in asked if ask)


def usable_cores(system: Path = Path("/sys"), process: Path = Path("/proc/self")) -> int | None:
    """Cores that this process may keep busy, at least 1; None where the system does not tell (no Linux).

    Processors that are one core (hyper-threads) count once; a scheduler's or container's affinity and share count.
    """
    if not hasattr(os, "sched_getaffinity"):
        return None
    cores = set()
    for number in os.sched_getaffinity(0):
        siblings = system / f"devices/system/cpu/cpu{number}/topology/thread_siblings_list"
        cores.add(_text(siblings) or str(number))
    return max(1, min(len(cores), _share(system / "fs/cgroup", process)))


def _share(groups: Path, process: Path) -> int:
    """Processors' time that the control groups of this process allow, rounded up; a large number if unlimited."""
    shares = [math.inf]
    for line in _text(process / "cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version_1 = "cpu" in controllers.split(",")
        if controllers and not version_1:
            continue
        top = groups / "cpu" if version_1 else groups
        group = top / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder == top.parent:
                break
            if version_1:
                quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
            else:
                quota, _, period = _text(folder / "cpu.max").partition(" ")
            if quota.isdigit() and period.isdigit():  # "max" and -1 are no limit
                shares.append(int(quota) / int(period))
    return math.ceil(min(min(shares), 1 << 20))


def _text(file: Path) -> str:
    """What a small file of the system says; empty where it is not there."""
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
