"""ldct-denoise benchmark --founddiff: time and memory of FoundDiff on one 512×512 slice: the plain network with the
loop as its scan, the plain network with the blocked scan, and the quick way.

Random weights, whose values change neither. Every row comes from a process of its own. The loop is measured over one
evaluation of the network, which takes minutes, and in float32; its sampling is reckoned from that.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time

from .machine import load, peak_megabytes
from .processes import in_own_process

SIDE = 512
STEPS = 2
LOOP, PLAIN, QUICK = "loop", "plain", "quick"
COMPACT, PUBLISHED = "founddiff", "published"
ROWS = [
    (size, scan, precision)
    for size in (COMPACT, PUBLISHED)
    for scan, precision in ((LOOP, "float32"), (PLAIN, "float32"), (QUICK, "float32"), (QUICK, "bfloat16"))
]
_LEGEND = f"""\
{COMPACT}: the size of our own model; {PUBLISHED}: that of its authors. {LOOP}: the scan pixel after pixel, as it is
defined; {PLAIN}: in blocks, and all else as torch is by itself; {QUICK}: as this program computes. perceive: dose and
anatomy of the slice are recognised; evaluate: the denoising network once; {STEPS} steps: a whole slice, reckoned as one
perceive and {STEPS} evaluate. All are warm but the {LOOP}, which runs once. peak: of the process."""


def run(args: argparse.Namespace, line) -> None:
    """`line` tells where it is, see `benchmark.where`."""
    device = "cpu" if args.device == "auto" else args.device
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores"
    print(f"FoundDiff with random weights, one slice of {SIDE}×{SIDE}, {device}; {machine}, load {load()} before")
    print(f"{'network':10s} {'million':>8s}  {'way':5s} {'precision':10s} "
          f"{'perceive s':>10s} {'evaluate s':>10s} {f'{STEPS} steps s':>10s} {'peak MB':>8s}")  # fmt: skip
    for number, (size, scan, precision) in enumerate(ROWS, 1):
        slow = ", which takes minutes" if scan == LOOP else ""
        line.now(f"{size} {scan} {precision} ({number} of {len(ROWS)}){slow}")
        command = [sys.executable, "-m", "LDCTDenoiseLib.commands.benchmark.founddiff", size, scan, precision, device]
        row = in_own_process(command, f"FoundDiff ({size}, {scan}, {precision}) could not be measured.")
        line.wipe()
        print(
            f"{size:10s} {row['parameters'] / 1e6:8.2f}  {scan:5s} {precision:10s} {row['perceive']:10.2f} "
            f"{row['evaluate']:10.2f} {row['perceive'] + STEPS * row['evaluate']:10.2f} {row['peak_mb']:8.0f}",
            flush=True,
        )
    print(f"load {load()} after")
    print(_LEGEND)


def networks(size: str) -> tuple[dict, dict]:
    """Arguments of the denoising network and of perception: as published, or of our own model."""
    if size == PUBLISHED:
        return {}, {}
    from ...weights.store import find_card

    network = find_card(COMPACT).network
    return network["unet"], network["perception"]


def _measure(size: str, scan: str, precision: str, device: str) -> dict:
    import torch

    from ...inference.allocator import keep_memory
    from ...inference.devices import probe_slice
    from ...methods.founddiff import FoundDiff
    from ...networks import DACLIP, DADiffUNet, dadiff_blocks

    keep_memory()
    torch.manual_seed(0)
    unet, perception = networks(size)
    method = FoundDiff(size, DADiffUNet(**unet), DACLIP(**perception), steps=1)
    method.place(device, getattr(torch, precision), plain=scan != QUICK)
    probe = probe_slice().repeat(SIDE // 256, 1).repeat(SIDE // 256, 2)
    method.denoise(probe[:, :128, :128], seeds=[0])  # the first run of anything is slow
    if scan == LOOP:
        dadiff_blocks.selective_scan = _loop
    else:
        method.denoise(probe, seeds=[0])
    perceive = _seconds(lambda: method.perceive(probe))
    whole = _seconds(lambda: method.denoise(probe, seeds=[0]))
    return {
        "parameters": sum(p.numel() for net in (method._master, method._perception) for p in net.parameters()),
        "perceive": perceive,
        "evaluate": whole - perceive,
        "peak_mb": peak_megabytes(),
    }


def _loop(*arguments, scan: str | None = None):
    from ...networks.selective_scan import reference_scan

    return reference_scan(*arguments)


def _seconds(action) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(_measure(*sys.argv[1:])))
