"""Which device and which precision. A faster way is used only if it gives the same HU as float32 on the processor.

That is checked on a slice made for it, noisy and with every tissue, and what is faster is known from the hardware: a
stop-watch, or the user's own slices, would choose differently from one run to the next, and the same seed would no
longer give the same result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import InputError
from ..methods.contract import Denoiser
from .allocator import give_back
from .batch_size import best_batch
from .hardware import available_devices, fast_precisions
from .ladder import is_out_of_memory
from .threads import fit

AGREEMENT_HU = 0.5  # largest root mean square difference from float32 that another device or precision may show
WORST_HU = 8.0  # and the largest difference of any pixel
PROBE_SIDE = 256
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?|mps")
PRECISIONS = ("float32", "bfloat16", "float16")
_references: WeakKeyDictionary[Denoiser, dict[int | None, np.ndarray]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Setup:
    """Where and how a method computes.

    difference_hu  RMS difference from plain float32 on the processor, as checked
    plain          without what is there only for speed (see `contract.Denoiser`): the quick way disagreed
    """

    device: str = "cpu"
    precision: str = "float32"
    batch: int = 1
    difference_hu: float | None = None
    notices: tuple[str, ...] = ()
    plain: bool = False


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
    reference = _reference(denoiser)
    for name in devices_to_try(device):
        wanted = (*fast_precisions(name), "float32") if precision == "auto" else (precision, "float32")
        for kind in dict.fromkeys(wanted):
            difference, quick, error = _agreeing(denoiser, reference, name, kind)
            if difference is None:
                if kind == precision or kind == "float32":
                    notices.append(f"{kind} on {name} failed its self-check and is not used: {_said(error)}")
                continue
            if not quick:
                notices.append(
                    f"The quick way in {kind} on {name} failed its self-check and is not used: {_said(error)}"
                )
            give_back()  # the holes that loading and the plain way have left: larger maps come now
            batch = best_batch(denoiser, shape, name)
            return Setup(name, kind, batch, difference, tuple(notices), plain=not quick)
        if device != "auto":
            raise InputError(notices[-1])
    raise InputError("No device gives the same result twice; restart the computer, and report it if it stays so.")


def move_to_processor(denoiser: Denoiser) -> None:
    """The last step of the memory ladder: float32 on the processor, the plain way, which needs no check."""
    _place(denoiser, "cpu", "float32", plain=True)


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


def _agreeing(
    denoiser: Denoiser, reference: np.ndarray, device: str, precision: str
) -> tuple[float | None, bool, Exception | None]:
    """The first way that agrees, the quick one, then the plain one: (difference, whether quick, why quick was not)."""
    failed = None
    for plain in (False, True):
        try:
            return _difference(reference, _try(denoiser, device, precision, plain)), not plain, failed
        except Exception as error:  # another torch may lack what the quick way stands on
            if plain and not isinstance(error, (InputError, RuntimeError)):
                raise
            failed = failed or error
    return None, False, failed


def _reference(denoiser: Denoiser) -> np.ndarray:
    """The probe slice by plain float32 on the processor; kept as long as the method is."""
    known = _references.setdefault(denoiser, {})
    steps = getattr(denoiser, "steps", None)  # another number of evaluations gives another answer
    if steps not in known:
        try:
            known[steps] = _try(denoiser, "cpu", "float32", plain=True)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise InputError(
                "There is too little memory to check the method before it is used: "
                "close other programs or use a smaller model."
            ) from error
    return known[steps]


def _said(error: Exception | None) -> str:
    """What a user can make of it: torch says in many lines that memory ran out."""
    return "memory ran out." if error is not None and is_out_of_memory(error) else str(error)


def _try(denoiser: Denoiser, device: str, precision: str, plain: bool) -> np.ndarray:
    _place(denoiser, device, precision, plain)
    return denoiser.denoise(probe_slice(), seeds=[0])


def _place(denoiser: Denoiser, device: str, precision: str, plain: bool) -> None:
    import torch

    fit()
    denoiser.place(device, getattr(torch, precision), plain=plain)


def _difference(reference: np.ndarray, output: np.ndarray) -> float:
    """RMS difference in HU; InputError where it is too large."""
    difference = output.astype(np.float64) - reference
    rms, worst = float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())
    if not (rms <= AGREEMENT_HU and worst <= WORST_HU):
        raise InputError(f"it differs from float32 on the processor by {rms:.2g} HU (worst {worst:.2g} HU).")
    return rms
