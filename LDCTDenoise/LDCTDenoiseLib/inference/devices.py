"""Which device and which precision. A faster way is used only if it gives the same HU as float32 on the processor.

That is checked on a slice made for it, noisy and with every tissue, and what is faster is known from the hardware: a
stop-watch, or the user's own slices, would choose differently from one run to the next, and the same seed would no
longer give the same result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ..errors import InputError
from ..methods.contract import Denoiser
from .hardware import available_devices, fast_precisions

AGREEMENT_HU = 0.5  # largest root mean square difference from float32 that another device or precision may show
WORST_HU = 8.0  # and the largest difference of any pixel
PROBE_SIDE = 256
MOST_SLICES_AT_ONCE = 16
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?|mps")
PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Setup:
    """Where and how a method computes. `difference_hu`: RMS difference from float32 on the processor, as checked."""

    device: str = "cpu"
    precision: str = "float32"
    batch: int = 1
    difference_hu: float | None = None
    notices: tuple[str, ...] = ()


def prepare(
    denoiser: Denoiser, shape: tuple[int, int] = (512, 512), device: str = "auto", precision: str = "auto"
) -> Setup:
    """Place the method where it computes best; `shape` of the slices decides how many fit at once.

    Raises InputError for a device or precision that this machine lacks, or a device that fails its self-check.
    """
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"There is no precision {precision}: choose auto or one of {', '.join(PRECISIONS)}.")
    check_device(device)
    if not denoiser.uses_device:  # a device is no mistake beside methods that do: this one computes on the processor
        return Setup()
    notices: list[str] = []
    reference = _try(denoiser, "cpu", "float32")
    for name in devices_to_try(device):
        wanted = (*fast_precisions(name), "float32") if precision == "auto" else (precision, "float32")
        for kind in dict.fromkeys(wanted):
            try:
                difference = _difference(reference, _try(denoiser, name, kind))
            except (InputError, RuntimeError) as error:
                if kind == precision or kind == "float32":
                    notices.append(f"{kind} on {name} failed its self-check and is not used: {error}")
                continue
            return Setup(name, kind, _batch_that_fits(denoiser, shape, name), difference, tuple(notices))
        if device != "auto":
            raise InputError(notices[-1])
    raise InputError("No device gives the same result twice; restart the computer, and report it if it stays so.")


def move_to_processor(denoiser: Denoiser) -> None:
    """The last step of the memory ladder: float32 on the processor."""
    _place(denoiser, "cpu", "float32")


def check_device(wanted: str) -> None:
    """InputError for what no machine has."""
    if not _DEVICE.fullmatch(wanted):
        raise InputError(f"There is no device {wanted}: choose auto, cpu, cuda, cuda:N or mps.")


def devices_to_try(wanted: str) -> list[str]:
    """In this order; the last one is used. InputError for what this machine lacks."""
    available = available_devices()
    if wanted == "auto":
        return available[:1] if available[0] == "cpu" else [available[0], "cpu"]
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in available:
        raise InputError(f"There is no device {wanted} here: choose auto or one of {', '.join(available)}.")
    return [name]


def probe_slice() -> np.ndarray:
    """float32 [1, PROBE_SIDE, PROBE_SIDE] HU: air, fat, soft tissue, lung and bone under strong noise."""
    y, x = (np.mgrid[:PROBE_SIDE, :PROBE_SIDE] - PROBE_SIDE / 2) / (PROBE_SIDE / 2)
    hu = np.full(x.shape, -1000.0)
    for centre, radius, value in ((0, 0.9, -100), (0, 0.8, 50), (-0.4, 0.3, -800), (0.4, 0.3, 120), (0, 0.12, 800)):
        hu[(x - centre) ** 2 + y**2 < radius**2] = value
    hu += 60 * np.random.default_rng(0).standard_normal(hu.shape)
    return np.clip(hu, -1024, 3071).astype(np.float32)[None]


def _try(denoiser: Denoiser, device: str, precision: str) -> np.ndarray:
    _place(denoiser, device, precision)
    return denoiser.denoise(probe_slice(), seeds=[0])


def _place(denoiser: Denoiser, device: str, precision: str) -> None:
    import torch

    denoiser.place(device, getattr(torch, precision))


def _difference(reference: np.ndarray, output: np.ndarray) -> float:
    """RMS difference in HU; InputError where it is too large."""
    difference = output.astype(np.float64) - reference
    rms, worst = float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())
    if not (rms <= AGREEMENT_HU and worst <= WORST_HU):
        raise InputError(f"it differs from float32 on the processor by {rms:.2g} HU (worst {worst:.2g} HU).")
    return rms


def _batch_that_fits(denoiser: Denoiser, shape: tuple[int, int], device: str) -> int:
    """Slices at once: on a GPU as many as fit, with a quarter of the free memory left alone; one on a processor,
    whose caches hold no more."""
    import torch

    if not device.startswith("cuda"):
        return 1
    try:
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        denoiser.denoise(np.zeros((1, *shape), np.float32), seeds=[0])
        needed = max(1, torch.cuda.max_memory_allocated(device) - before)
    except RuntimeError:
        return 1  # the ladder takes over
    free, _ = torch.cuda.mem_get_info(device)
    return int(np.clip(0.75 * free / needed, 1, MOST_SLICES_AT_ONCE))
