"""ldct-denoise benchmark --scan: the selective scans of FoundDiff against the plain loop, at the published sizes.

Each figure comes from a process of its own. The loop takes so long, and so much memory with gradients, that these are
timed over its first steps and multiplied; such figures carry a ≈.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from typing import NamedTuple

from .machine import load, peak_megabytes
from .processes import in_own_process

LOOP = "loop"
LOOP_STEPS = {False: 65536, True: 512}  # at most of the loop: forward in full, fewer where gradients are kept
COMPARED_STEPS = 4096  # of the result with that of the loop in float64
WARM_STEPS = 64
MOST_RUNS, ENOUGH_SECONDS = 5, 3.0  # of these runs the quickest counts
GROUPS = 4


class Case(NamedTuple):
    """Scans of the published network at 512×512: sequence length, channels a direction, states, how many of these."""

    length: int
    channels: int
    states: int
    count: int


CASES = [
    Case(65536, 128, 4, 2),
    Case(16384, 128, 8, 1),
    Case(16384, 256, 8, 1),
    Case(4096, 256, 16, 1),
    Case(4096, 512, 16, 1),
    Case(1024, 512, 32, 1),
    Case(1024, 1024, 32, 2),
]


def run(args: argparse.Namespace, line) -> None:
    """`line` tells where it is, see `benchmark.where`."""
    device = "cpu" if args.device == "auto" else args.device
    names = [LOOP, *_answer("available", device)["scans"]]
    threads = _answer("setting")["threads"]
    print(f"selective scan, float32, on {device}: {threads} threads, load {load()} before")
    print(f"{'length':>6s} {'channels':>8s} {'states':>6s}  {'scan':10s} {'forward s':>10s} {'loop/':>6s} "
          f"{'and back s':>11s} {'loop/':>6s} {'extra MB':>9s} {'and back':>9s} {'difference':>10s}")  # fmt: skip
    totals = dict.fromkeys(names, (0.0, 0.0))
    for number, case in enumerate(CASES, 1):
        rows = {}
        for name in names:
            line.now(f"{name} over {case.length} steps (size {number} of {len(CASES)})")
            row = rows[name] = _row(case, name, device)
            line.wipe()
            ratios = [rows[LOOP][kind]["seconds"] / row[kind]["seconds"] for kind in ("forward", "back")]
            print(
                f"{case.length:6d} {GROUPS * case.channels:8d} {case.states:6d}  {name:10s} "
                f"{_figure(row['forward'], 'seconds', 3, 10)} {ratios[0]:6.1f} "
                f"{_figure(row['back'], 'seconds', 3, 11)} {ratios[1]:6.1f} "
                f"{_figure(row['forward'], 'megabytes', 0, 9)} {_figure(row['back'], 'megabytes', 0, 9)} "
                f"{row['difference']:10.1e}",
                flush=True,
            )
            sums = zip(totals[name], (row["forward"]["seconds"], row["back"]["seconds"]), strict=True)
            totals[name] = tuple(sum + case.count * seconds for sum, seconds in sums)
    print(f"all {sum(case.count for case in CASES)} scans of a network evaluation, load {load()} after:")
    for name, (forward, back) in totals.items():
        ratios = [loop / own for loop, own in zip(totals[LOOP], (forward, back), strict=True)]
        print(f"{name:10s} {forward:8.2f} s, loop/ {ratios[0]:.1f}; and back {back:8.2f} s, loop/ {ratios[1]:.1f}")
    print("loop: the definition, step after step; ≈: measured over its first steps and multiplied up to all of them.")
    print("loop/: how many times as quick as the loop; and back: with gradients; extra MB: peak above the arguments.")
    print(f"seconds: the quickest of {MOST_RUNS} runs, fewer where they take {ENOUGH_SECONDS:.0f} s together.")
    print(f"difference: largest from the loop in float64 over {COMPARED_STEPS} steps, of the largest value.")


def _figure(figures: dict, name: str, digits: int, width: int) -> str:
    sign = "≈" if figures["scaled"] else ""
    return f"{sign}{figures[name]:.{digits}f}".rjust(width)


def _row(case: Case, name: str, device: str) -> dict:
    words = [name, device, *map(str, case[:3])]
    row = {kind: _answer(kind, *words) for kind in ("forward", "back")}
    return {**row, "difference": row["forward"]["difference"]}


def _answer(*words: str) -> dict:
    command = [sys.executable, "-m", "LDCTDenoiseLib.commands.benchmark.scan", *words]
    return in_own_process(command, f"The scan ({' '.join(words)}) could not be measured.")


def _measure(kind: str, name: str, device: str, length: int, channels: int, states: int) -> dict:
    with_gradients = kind == "back"
    steps = min(length, LOOP_STEPS[with_gradients]) if name == LOOP else length
    scan = _scan(name, device)
    problem = _problem(channels, states, steps, device)
    _once(scan, _first(problem, WARM_STEPS), with_gradients, device)
    before = _peak(device, restart=True)
    seconds = [_once(scan, problem, with_gradients, device)]
    extra = _peak(device) - before
    while len(seconds) < MOST_RUNS and sum(seconds) < ENOUGH_SECONDS:
        seconds.append(_once(scan, problem, with_gradients, device))
    factor = length / steps
    return {
        "seconds": min(seconds) * factor,
        "megabytes": extra * factor,
        "difference": None if with_gradients else _difference(scan, _first(problem, COMPARED_STEPS)),
        "scaled": factor != 1,
    }


def _once(scan, problem: list, with_gradients: bool, device: str) -> float:
    """Seconds of a run."""
    import torch

    begun = time.perf_counter()
    inputs = [x.detach().requires_grad_(with_gradients) for x in problem]
    with torch.set_grad_enabled(with_gradients):
        y = scan(*inputs)
        if with_gradients:
            y.backward(torch.ones_like(y))
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()
    return time.perf_counter() - begun


def _first(problem: list, steps: int) -> list:
    return [x[..., :steps] if x.ndim > 2 else x for x in problem]


def _scan(name: str, device: str):
    import torch

    from ...networks.scan_choice import chosen_scan
    from ...networks.selective_scan import reference_scan

    return reference_scan if name == LOOP else chosen_scan(device, torch.float32, name)


def _problem(channels: int, states: int, steps: int, device: str) -> list:
    """As the network hands them over: u and delta lie in memory as [b, L, channels]."""
    import torch

    from ...networks.scan_choice import example

    torch.manual_seed(0)
    _, _, A, _, _, D, bias = (x.to(device) for x in example(1, channels, states, 1))
    u, delta = (torch.randn(1, steps, GROUPS * channels, device=device).transpose(1, 2) for _ in range(2))
    B, C = (torch.randn(1, GROUPS, states, steps, device=device) for _ in range(2))
    return [u, delta, A, B, C, D, bias]


def _difference(scan, problem: list) -> float:
    import torch

    from ...networks.selective_scan import reference_scan

    if problem[0].device.type == "mps":
        return math.nan  # no float64 there
    with torch.no_grad():
        expected = reference_scan(*(x.double() for x in problem))
        return float((scan(*problem) - expected).abs().max() / expected.abs().max())


def _peak(device: str, restart: bool = False) -> float:
    """Megabytes: on a CUDA device of its tensors, elsewhere of the process."""
    import torch

    if not device.startswith("cuda"):
        return peak_megabytes()
    if restart:
        torch.cuda.reset_peak_memory_stats()
    return torch.cuda.max_memory_allocated() / 1e6


def _main(words: list[str]) -> dict:
    import torch

    from ...networks.scan_choice import available_scans

    kind, *rest = words
    if kind == "available":
        return {"scans": available_scans(rest[0])}
    if kind == "setting":
        return {"threads": torch.get_num_threads()}
    name, device, *sizes = rest
    return _measure(kind, name, device, *map(int, sizes))


if __name__ == "__main__":
    import json

    print(json.dumps(_main(sys.argv[1:])))
