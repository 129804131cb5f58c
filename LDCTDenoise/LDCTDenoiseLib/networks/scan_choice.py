"""Which scan computes: the fastest that is installed, works on the device and agrees there with the blocked scan.

On Apple's cards that is always the blocked one, and so it is on the processor where gradients are wanted; where they
are not, the bulk one. On CUDA mamba_ssm comes first, then our Triton kernel; each has to pass a check, once for each
device, before it is used. LDCT_DENOISE_SCAN names one to be taken.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor

from .scan_blocked import blocked_scan
from .scan_bulk import scan_without_gradients

VARIABLE = "LDCT_DENOISE_SCAN"
AGREEMENT = 2e-5  # largest difference from the blocked scan, of the largest value, that a kernel may show
Scan = Callable[..., Tensor]
log = logging.getLogger(__name__)


def _mamba_ssm() -> Scan:
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    def scan(u, delta, A, B, C, D, delta_bias):
        u, delta, A, B, C, D, delta_bias = (x.float() for x in (u, delta, A, B, C, D, delta_bias))
        return selective_scan_fn(u, delta, A, B.contiguous(), C.contiguous(), D, None, delta_bias, True)

    return scan


def _triton() -> Scan:
    from .scan_triton import triton_scan

    return triton_scan


KERNELS: dict[str, Callable[[], Scan]] = {"mamba_ssm": _mamba_ssm, "triton": _triton}  # the preferred first
EVERYWHERE, BULK = "blocked", "bulk"


def available_scans(device: torch.device | str = "cpu") -> list[str]:
    """The scans that may be used on a device, the preferred first. The first call for a CUDA device checks them."""
    device = torch.device(device)
    if device.type == "cpu":
        return [BULK, EVERYWHERE]
    return [name for name in KERNELS if _checked(name, device)] + [EVERYWHERE]


def chosen_scan(device: torch.device | str, dtype: torch.dtype, name: str | None = None) -> Scan:
    """The scan for tensors of a device and type.

    name  one of `available_scans`; ValueError for any other. None for the preferred one, or the one named by
          LDCT_DENOISE_SCAN, which counts only where there are kernels to choose from: on CUDA
    """
    device = torch.device(device)
    if device.type == "cpu" and name in (None, BULK):
        return _on_processor if dtype != torch.float64 else blocked_scan
    if name is None and (device.type != "cuda" or dtype == torch.float64):
        return blocked_scan
    name = name or os.environ.get(VARIABLE)
    if name is None:
        return next((scan for scan in (_checked(kernel, device) for kernel in KERNELS) if scan), blocked_scan)
    scan = blocked_scan if name == EVERYWHERE else _checked(name, device) if name in KERNELS else None
    if scan is None:
        raise ValueError(f"The scan {name} cannot be used on {device}: choose {' or '.join(available_scans(device))}.")
    return scan


def _on_processor(*arguments: Tensor) -> Tensor:
    return (blocked_scan if torch.is_grad_enabled() else scan_without_gradients)(*arguments)


def _checked(name: str, device: torch.device) -> Scan | None:
    """The kernel, or None if it is not installed, fails or computes something else."""
    if device.type != "cuda":
        return None
    return _checked_once(name, torch.cuda.current_device() if device.index is None else device.index)


@cache
def _checked_once(name: str, index: int) -> Scan | None:
    try:
        scan = KERNELS[name]()
    except Exception:  # most often not installed; a broken installation is none either
        return None
    try:
        with torch.inference_mode(False):  # gradients are checked too
            difference = disagreement(scan, torch.device("cuda", index))
    except Exception as error:
        log.warning("The scan %s fails on cuda:%d and is not used: %s", name, index, error)
        return None
    if difference <= AGREEMENT:
        return scan
    log.warning("The scan %s differs on cuda:%d by %.1e and is not used.", name, index, difference)
    return None


def disagreement(scan: Scan, device: torch.device | str) -> float:
    """Largest difference from the blocked scan in the result or a gradient, each relative to its largest value."""
    worst = 0.0
    for entries, channels, states, length in ((2, 5, 4, 150), (1, 40, 16, 61)):
        problem = [x.to(device) for x in example(entries, channels, states, length)]
        weight = torch.cos(torch.arange(float(length), device=device))
        results = []
        for one in (blocked_scan, scan):
            inputs = [x.detach().clone().requires_grad_() for x in problem]
            with torch.enable_grad():
                y = one(*inputs)
                results.append([y.detach(), *torch.autograd.grad((y * weight).sum(), inputs)])
            with torch.no_grad():
                results[-1].append(one(*problem))
        for expected, got in zip(*results, strict=True):
            if got.shape != expected.shape or not torch.isfinite(got).all():
                return float("inf")
            worst = max(worst, float((got - expected).abs().max() / expected.abs().max()))
    return worst


def example(entries: int, channels: int, states: int, length: int, groups: int = 4, seed: int = 0) -> list[Tensor]:
    """Arguments of a scan, in size as those of a network: steps of 0.001 to 0.1 and larger ones, decays −1 to −N."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random)

    all_channels = groups * channels
    return [
        normal(entries, all_channels, length),
        normal(entries, all_channels, length),
        -torch.arange(1.0, states + 1).repeat(all_channels, 1) * torch.exp(0.1 * normal(all_channels, states)),
        normal(entries, groups, states, length),
        normal(entries, groups, states, length),
        1 + 0.1 * normal(all_channels),
        normal(all_channels) - 4,
    ]
