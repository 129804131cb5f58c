"""Which device, precision and memory layout: chosen by trying them on the data, never by faith.

A faster way is used only if it gives the same HU as float32 on the processor of this machine, on a piece of the
very volume to be denoised.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from ..errors import InputError
from ..methods.contract import Denoiser

AGREEMENT_HU = 0.5  # largest root mean square difference from float32 that a faster precision may show
WORST_HU = 8.0  # and the largest difference of any pixel
PROBE_SIDE = 256
WORTHWHILE = 0.85  # a lower precision must need less than this share of the time
MOST_SLICES_AT_ONCE = 16
PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Setup:
    """Where and how a method computes. `difference_hu`: RMS difference from float32 seen in the self-check."""

    device: str = "cpu"
    precision: str = "float32"
    channels_last: bool = False
    batch: int = 1
    difference_hu: float | None = None
    notices: tuple[str, ...] = field(default_factory=tuple)


def prepare(denoiser: Denoiser, sample: np.ndarray, device: str = "auto", precision: str = "auto") -> Setup:
    """Place the method where it computes best; `sample` float32 [rows, columns] HU is a slice of the volume.

    Raises InputError for a device or precision that this machine lacks or on which the self-check fails.
    """
    if not denoiser.uses_device:
        return Setup()
    notices: list[str] = []
    reference, _ = _probe(denoiser, sample, "cpu", "float32", False)
    for name in _devices(device):
        if name == "cpu":
            break
        try:
            _compare(reference, _probe(denoiser, sample, name, "float32", False)[0], name)
            break
        except (InputError, RuntimeError) as error:
            if device != "auto":
                raise InputError(f"The device {name} failed its self-check: {error}") from error
            notices.append(f"The device {name} failed its self-check and is not used: {error}")
    setup = _fastest(denoiser, sample, name, precision, reference, notices)
    _place(denoiser, setup.device, setup.precision, setup.channels_last)
    batch = _batch_that_fits(denoiser, sample, setup)
    return Setup(setup.device, setup.precision, setup.channels_last, batch, setup.difference_hu, tuple(notices))


def move_to_processor(denoiser: Denoiser) -> None:
    """The last step of the memory ladder: float32 on the processor."""
    _place(denoiser, "cpu", "float32", False)


def available_devices() -> list[str]:
    """Device names that `--device` takes on this machine, best first."""
    import torch

    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def _devices(wanted: str) -> list[str]:
    """What to try, in this order; the last one is used."""
    available = available_devices()
    if wanted == "auto":
        return available[:1] if available[0] == "cpu" else [available[0], "cpu"]
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in available:
        raise InputError(f"There is no device {wanted} here: choose auto or one of {', '.join(available)}.")
    return [name]


def _fastest(
    denoiser: Denoiser, sample: np.ndarray, device: str, precision: str, reference: np.ndarray, notices: list[str]
) -> Setup:
    if precision not in ("auto", *PRECISIONS):
        raise InputError(f"There is no precision {precision}: choose auto or one of {', '.join(PRECISIONS)}.")
    wanted = PRECISIONS if precision == "auto" else (precision,)
    found: list[tuple[float, Setup]] = []
    for name in wanted:
        if device == "cpu" and name == "float16" and precision == "auto":
            continue  # no processor computes convolutions in float16 faster than in bfloat16
        for channels_last in (False, True):
            try:
                output, seconds = _probe(denoiser, sample, device, name, channels_last)
                difference = _compare(reference, output, name)
            except (InputError, RuntimeError) as error:
                if precision == name:
                    notices.append(f"{name} cannot be used here ({error}); float32 is used.")
                continue
            cost = seconds if name == "float32" else seconds / WORTHWHILE
            found.append((cost, Setup(device, name, channels_last, difference_hu=difference)))
    if not found:
        return Setup(device)
    return min(found, key=lambda pair: pair[0])[1]


def _probe(
    denoiser: Denoiser, sample: np.ndarray, device: str, precision: str, channels_last: bool
) -> tuple[np.ndarray, float]:
    """The middle of the sample denoised, and the seconds of a warm run."""
    _place(denoiser, device, precision, channels_last)
    rows, columns = sample.shape
    y, x = max(0, rows - PROBE_SIDE) // 2, max(0, columns - PROBE_SIDE) // 2
    piece = np.ascontiguousarray(sample[None, y : y + PROBE_SIDE, x : x + PROBE_SIDE])
    output = denoiser.denoise(piece, seeds=[0])
    seconds = []
    for _ in range(2):
        begun = time.perf_counter()
        denoiser.denoise(piece, seeds=[0])
        seconds.append(time.perf_counter() - begun)
    return output, min(seconds)


def _compare(reference: np.ndarray, output: np.ndarray, name: str) -> float:
    """RMS difference in HU; InputError where it is too large."""
    difference = output.astype(np.float64) - reference
    rms, worst = float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())
    if not (rms <= AGREEMENT_HU and worst <= WORST_HU):
        raise InputError(f"{name} differs from float32 on the processor by {rms:.2g} HU (worst {worst:.2g} HU).")
    return rms


def _place(denoiser: Denoiser, device: str, precision: str, channels_last: bool) -> None:
    import torch

    denoiser.place(device, getattr(torch, precision), channels_last)


def _batch_that_fits(denoiser: Denoiser, sample: np.ndarray, setup: Setup) -> int:
    """Slices at once: on a GPU as many as fit, with a quarter of the free memory left alone; one on a processor,
    whose caches hold no more."""
    import torch

    if not setup.device.startswith("cuda"):
        return 1
    try:
        torch.cuda.reset_peak_memory_stats(setup.device)
        before = torch.cuda.memory_allocated(setup.device)
        denoiser.denoise(sample[None], seeds=[0])
        needed = max(1, torch.cuda.max_memory_allocated(setup.device) - before)
    except RuntimeError:
        return 1  # the ladder takes over
    free, _ = torch.cuda.mem_get_info(setup.device)
    return int(np.clip(0.75 * free / needed, 1, MOST_SLICES_AT_ONCE))
