"""ldct-denoise benchmark: seconds per slice and peak memory on this machine, each method in a process of its own."""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

from ..errors import InputError
from .arguments import model_ids

AUTHORS = "authors-network"  # RDDM at its published size with random weights: its speed does not depend on their values
DEFAULT = ["rddm-balanced", AUTHORS, "nlm", "bilateral"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--models", type=model_ids, default=DEFAULT, metavar="A,B,…", help=",".join(DEFAULT))
    parser.add_argument("--slices", type=int, default=40, metavar="N", help="of 512×512 (default 40)")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", help="default: for networks float32 and auto, a row each")
    parser.add_argument("--record", action="store_true", help="write the figures into the models' cards")
    parser.add_argument("--scan", action="store_true", help="instead: the selective scans of FoundDiff, beside a loop")
    parser.add_argument("--founddiff", action="store_true", help="instead: FoundDiff, with a loop and its fast scan")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # inside the process of one method


def run(args: argparse.Namespace, reporter) -> None:
    if args.scan:
        from .benchmark_scan import run as compare_scans

        return compare_scans(args)
    if args.founddiff:
        from .benchmark_founddiff import run as measure_founddiff

        return measure_founddiff(args)
    if args.slices < 1:
        raise InputError("A benchmark needs at least one slice.")
    if args.one:
        print(json.dumps(_measure(args.models[0], args.slices, args.device, args.precision)))
        return
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processor cores, load {load()} before"
    print(f"{machine}, 512×512×{args.slices}")
    print(f"{'method':18s} {'precision':10s} {'s/slice':>8s} {'start s':>8s} {'peak MB':>8s}  device")
    for id in args.models:
        rows = {}
        for wanted in [args.precision] if args.precision else _precisions(id):
            row = _in_own_process(id, args, wanted)
            if row["precision"] in rows:
                continue  # auto chose what was measured already
            rows[row["precision"]] = row
            figures = f"{row['per_slice']:8.3f} {row['start']:8.2f} {row['peak_mb']:8.0f}"
            print(f"{id:18s} {row['precision']:10s} {figures}  {row['device']}", flush=True)
        if args.record and id != AUTHORS:
            _record_time(id, list(rows.values())[-1], args.slices, machine)
    print("start: load the model, check device and precision, first slice; s/slice: the whole volume afterwards, warm.")


def _precisions(id: str) -> list[str]:
    from ..weights.store import find_card

    return ["float32", "auto"] if id == AUTHORS or find_card(id).family != "classical" else ["auto"]


def _in_own_process(id: str, args: argparse.Namespace, precision: str) -> dict:
    command = [sys.executable, "-m", "LDCTDenoiseLib", "benchmark", "--one", "--models", id]
    command += ["--slices", str(args.slices), "--device", args.device, "--precision", precision]
    return in_own_process(command, f"{id} could not be measured.")


def in_own_process(command: list[str], otherwise: str) -> dict:
    """What a Python command prints last, as JSON; InputError with what it complains of, or `otherwise`."""
    library = Path(__file__).resolve().parents[2]  # also where it is a folder and no installed package
    paths = os.pathsep.join(filter(None, (str(library), os.environ.get("PYTHONPATH"))))
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment)
    if done.returncode:
        raise InputError(done.stderr.strip().removeprefix("ldct-denoise: ") or otherwise)
    return json.loads(done.stdout.splitlines()[-1])


def _measure(id: str, slices: int, device: str, precision: str) -> dict:
    import numpy as np

    from ..inference.devices import probe_slice
    from ..inference.engine import Settings
    from ..volume import CTVolume

    volume = CTVolume(np.tile(probe_slice(), (slices, 2, 2)), (0.75, 0.75, 3.0))
    begun = time.perf_counter()
    warm = _model(id)
    warm.denoise(volume, Settings(device=device, precision=precision, slices=(0, 1)))
    start = time.perf_counter() - begun
    record = warm.denoise(volume, Settings(device=device, precision=precision)).record
    return {
        "per_slice": record["seconds"] / slices,
        "start": start,
        "peak_mb": peak_megabytes(),
        "device": record["device"],
        "precision": record["precision"],
    }


def _model(id: str):
    from ..inference.run import WarmModel
    from ..weights.store import find_card

    return _authors_network() if id == AUTHORS else WarmModel(find_card(id))


def _authors_network():
    import torch

    from ..inference.run import WarmModel
    from ..methods.rddm import RDDM
    from ..networks import RDDMUNet
    from ..weights.cards import Card

    torch.manual_seed(0)
    network = RDDMUNet()
    for parameter in network.parameters():
        if not parameter.any():  # the layers that start as zero would make the network, and its self-check, trivial
            torch.nn.init.normal_(parameter, std=0.01)
    card = Card(
        id=AUTHORS, title="RDDM, published size", version="random", family="rddm", description="Random weights.",
        licence="none", training_data="none", intended_use="timing",
    )  # fmt: skip
    return WarmModel(card, RDDM(AUTHORS, network))


def _record_time(id: str, row: dict, slices: int, machine: str) -> None:
    """For whoever publishes a model: its card says what this command measured, and where."""
    from ..weights.store import find_card, save_card

    figures = {
        "machine": machine,
        "data": f"512×512×{slices}",
        "command": "ldct-denoise benchmark",
        "seconds_per_slice": round(row["per_slice"], 3),
        "device": row["device"],
        "precision": row["precision"],
    }
    if math.isfinite(row["peak_mb"]):
        figures["peak_megabytes"] = round(row["peak_mb"])
    save_card(find_card(id), time=figures)


def peak_megabytes() -> float:
    """Largest resident memory of this process so far; NaN where the system does not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def load() -> str:
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
