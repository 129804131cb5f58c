"""What this machine has: devices, and the precisions that its hardware computes faster than float32."""

from __future__ import annotations

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
