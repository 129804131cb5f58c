"""See the package."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from LDCTDenoiseLib.commands.benchmark.random_models import RANDOM, random_card, save_random_models
from LDCTDenoiseLib.inference.batch_size import best_batch
from LDCTDenoiseLib.methods import load_denoiser
from LDCTDenoiseLib.networks import norm_silu_choice
from LDCTDenoiseLib.networks.scan_choice import available_scans
from LDCTDenoiseLib.weights.store import find_card

from .timing import ROUNDS, beside, on_device, slices, volume
from .ways import has_graph, placed, ways

SMALLEST = 32  # pixels


def main(words: Sequence[str] | None = None) -> int:
    """Exit status 0, or 2 where there is no such device or nothing to compute."""
    wish = _arguments(words)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if wish.device.startswith("cuda") and not torch.cuda.is_available():
        print("There is no CUDA device here: --device cpu --side 64 --slices 4 tries the command.", file=sys.stderr)
        return 2
    if wish.slices < 1 or wish.side < SMALLEST or min(wish.batches) < 1:
        print(f"There must be at least one slice, a side of {SMALLEST} and batches of one.", file=sys.stderr)
        return 2
    _about(wish.device)
    with tempfile.TemporaryDirectory(prefix="card-") as folder:
        for id in wish.models:
            _one(load_denoiser(_card(Path(folder), id)), wish)
    return 0


def _card(folder: Path, id: str):
    if id not in RANDOM:
        return find_card(id)
    save_random_models(folder, [id])
    return random_card(folder, id)


def _about(device: str) -> None:
    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "the processor"
    print(f"{name}, torch {torch.__version__}, {torch.get_num_threads()} threads; medians of {ROUNDS} rounds")
    print(f"scans: {', '.join(available_scans(device))}")
    if device.startswith("cuda"):
        fused = norm_silu_choice._checked(torch.device(device).index or 0)
        print(f"fused kernels: {'they agree with float64' if fused else 'not used, see above'}")


def _one(denoiser, wish: argparse.Namespace) -> None:
    """The tables of one network."""
    hu = slices(wish.slices, wish.side)
    denoiser.place("cpu", torch.float32, plain=True)
    reference = denoiser.denoise(hu[:1], seeds=[0])
    sizes = [size for size in wish.batches if size <= wish.slices]
    print(f"\n{denoiser.id}, {wish.side}×{wish.side}: milliseconds a slice on the device, by batch")
    print(f"{'way':22s} {'precision':10s}" + "".join(f" {size:8d}" for size in sizes) + "  graph  rms HU  worst HU")
    for way in ways(wish.device):
        try:
            with placed(denoiser, way, wish.device):
                times = [on_device(denoiser, hu[:size]) for size in sizes]
                difference = denoiser.denoise(hu[:1], seeds=[0]) - reference
                graph = "yes" if has_graph(denoiser) else "no"
        except RuntimeError as error:
            print(f"{way.name:22s} {way.precision:10s} failed: {str(error).splitlines()[0]}")
            continue
        rms, worst = float(np.sqrt(np.mean(difference**2))), float(np.abs(difference).max())
        cells = "".join(f" {time:8.3f}" for time in times)
        print(f"{way.name:22s} {way.precision:10s}{cells}  {graph:>5s}  {rms:6.3f}  {worst:8.3f}", flush=True)
    with placed(denoiser, ways(wish.device)[-1], wish.device):
        batch = best_batch(denoiser, hu.shape[1:], wish.device)
        before, after = beside(denoiser, hu[:batch])
        turn, side_by_side = (volume(denoiser, hu, wish.device, batch, way) for way in (False, True))
        print(
            f"the last row's way, its chosen batch {batch}; host before {before:.2f} ms, after {after:.2f} ms a slice"
        )
        print(
            f"volume of {len(hu)} slices: {turn:.2f} ms a slice in turn, {side_by_side:.2f} ms overlapped", flush=True
        )


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    about = "What each piece of the way through a GPU gains there."
    parser = argparse.ArgumentParser(prog="python -m Testing.card", description=about)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--models", nargs="+", default=[*RANDOM, "rddm-balanced", "founddiff"])
    parser.add_argument("--slices", type=int, default=96, help="of the volume (default 96)")
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
