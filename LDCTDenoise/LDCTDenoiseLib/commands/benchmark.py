"""ldct-denoise benchmark: seconds per slice and peak memory on this machine, each method in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time

from ..errors import InputError
from .arguments import model_ids

AUTHORS = "authors-network"  # RDDM at its published size with random weights: speed does not depend on their values
DEFAULT = ["rddm-balanced", AUTHORS, "nlm", "bilateral"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--models", type=model_ids, default=DEFAULT, metavar="A,B,…", help=f"default: {','.join(DEFAULT)}"
    )
    parser.add_argument("--slices", type=int, default=40, metavar="N", help="of 512×512 (default 40)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--record", action="store_true", help="write the figures into the models' cards")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # inside the process of one method


def run(args: argparse.Namespace, reporter) -> None:
    if args.slices < 1:
        raise InputError("A benchmark needs at least one slice.")
    if args.one:
        print(json.dumps(_measure(args.models[0], args.slices, args.device, args.precision)))
        return
    print(
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, load {_load()}, 512×512×{args.slices}"
    )
    print(f"{'method':20s} {'s/slice':>8s} {'start s':>8s} {'peak MB':>8s}  how")
    for id in args.models:
        row = _in_own_process(id, args)
        if args.record and id != AUTHORS:
            _record_time(id, row, args.slices)
        print(f"{id:20s} {row['per_slice']:8.3f} {row['start']:8.2f} {row['peak_mb']:8.0f}  {row['how']}", flush=True)
    print("start: load the model, check it and do the first slice; s/slice: the whole volume afterwards, warm.")


def _record_time(id: str, row: dict, slices: int) -> None:
    """For whoever publishes a model: its card says what this command measured, and where."""
    from ..weights.store import find_card, save_card

    figures = {
        "machine": f"{os.cpu_count()} processor cores, {platform.machine()}, load {_load()} before",
        "data": f"512×512×{slices}",
        "command": "ldct-denoise benchmark",
        "seconds_per_slice": round(row["per_slice"], 3),
        "peak_megabytes": round(row["peak_mb"]),
        "how": row["how"],
    }
    save_card(find_card(id), time=figures)


def _in_own_process(id: str, args: argparse.Namespace) -> dict:
    command = [sys.executable, "-m", "LDCTDenoiseLib", "benchmark", "--one", "--models", id]
    command += ["--slices", str(args.slices), "--device", args.device, "--precision", args.precision]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise InputError(done.stderr.strip().removeprefix("ldct-denoise: ") or f"{id} could not be measured.")
    return json.loads(done.stdout.splitlines()[-1])


def _measure(id: str, slices: int, device: str, precision: str) -> dict:
    import numpy as np

    from ..inference.engine import Settings
    from ..volume import CTVolume

    rng = np.random.default_rng(0)
    y, x = np.mgrid[:512, :512]
    body = np.where(((x - 256) / 200) ** 2 + ((y - 256) / 150) ** 2 < 1, 40.0, -1000.0)
    volume = CTVolume((body + 30 * rng.standard_normal((slices, 512, 512))).astype(np.float32), (0.75, 0.75, 3.0))

    begun = time.perf_counter()
    warm = _authors_network() if id == AUTHORS else _shipped(id)
    warm.denoise(volume, Settings(device=device, precision=precision, slices=(0, 1)))
    start = time.perf_counter() - begun
    begun = time.perf_counter()
    record = warm.denoise(volume, Settings(device=device, precision=precision)).record
    return {
        "per_slice": (time.perf_counter() - begun) / slices,
        "start": start,
        "peak_mb": _peak_megabytes(),
        "how": f"{record['device']} {record['precision']}, {_threads()}",
    }


def _shipped(id: str):
    from ..inference.run import WarmModel
    from ..weights.store import find_card

    return WarmModel(find_card(id))


def _authors_network():
    import torch

    from ..inference.run import WarmModel
    from ..methods.rddm import RDDM
    from ..networks import RDDMUNet
    from ..weights.store import find_card

    torch.manual_seed(0)
    network = RDDMUNet()
    for parameter in network.parameters():  # zero-initialised layers would make the self-check trivial
        torch.nn.init.normal_(parameter, std=0.01)
    return WarmModel(find_card("rddm-balanced"), RDDM(AUTHORS, network))


def _threads() -> str:
    torch = sys.modules.get("torch")
    return f"{torch.get_num_threads()} threads" if torch else "own threads"


def _peak_megabytes() -> float:
    """Largest resident memory of this process so far."""
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def _load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
