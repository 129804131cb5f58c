"""See the package."""

from __future__ import annotations

import argparse
import functools
import random
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

from .command import Batch, text_of, timed
from .likeness import contents, differences, leftovers, named, statuses
from .machines import Machines
from .series import write_series
from .throughput import measure
from .trouble import Trouble, disturbed


def main() -> int:
    wish = _arguments()
    folder = wish.keep or Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        return measure(folder, wish) if wish.what == "throughput" else soak(folder, wish)
    finally:
        if wish.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def soak(folder: Path, wish: argparse.Namespace) -> int:
    """Exit status 0 if the disturbed run ended complete and like the undisturbed one, else 1."""
    seed = secrets.randbelow(1 << 31) if wish.seed is None else wish.seed
    calm, wild = folder / "calm", folder / "wild"
    write_series(folder / "in", wish.series, wish.size, wish.slices)
    print(f"{wish.series} series of {wish.size}×{wish.size}×{wish.slices}, {wish.models}, seed {seed}", flush=True)
    local = ["--workers", str(wish.workers)]
    seconds = timed(folder / "in", calm, wish.models, *local)
    print(f"undisturbed, {wish.workers} workers: {seconds:.1f} s, {_told(calm)}", flush=True)
    trouble = _on_machines(folder, wish, seed) if wish.what == "machines" else _here(folder, wish, seed)
    at = ", ".join(map(str, trouble.done_at_kills)) or "no"
    print(
        f"disturbed: {trouble.killed} processes killed, {trouble.batches_killed} batches killed and resumed "
        f"({at} outputs done), {trouble.seconds:.1f} s, {_told(wild)}"
    )
    faults = [] if trouble.status == 0 else [f"the last run ended with status {trouble.status}"]
    if trouble.orphans:
        faults.append(f"{trouble.orphans} processes outlived a batch that was killed")
    one, other = contents(calm), contents(wild)
    faults += differences(one, other) + leftovers(calm, wild, folder / "tmp") + named(wild / "batch.csv")
    for line in other.get("batch.csv", [])[:3]:
        print("  ".join(f"{name} {value}" for name, value in line.items() if value))
    for fault in faults[:20]:
        print(f"  {fault}")
    if faults:
        print(text_of(wild)[-2000:])
    print(f"{'FAILED' if faults else 'PASSED'}: {len(one)} files compared, {len(faults)} faults")
    return 1 if faults else 0


def _here(folder: Path, wish: argparse.Namespace, seed: int) -> Trouble:
    start = functools.partial(Batch, folder / "in", folder / "wild", wish.models, "--workers", str(wish.workers))
    return _disturbed(start, Batch.workers, lambda: None, folder, wish, seed)


def _on_machines(folder: Path, wish: argparse.Namespace, seed: int) -> Trouble:
    machines = Machines(folder / "machines", wish.workers)
    start = functools.partial(Batch, folder / "in", folder / "wild", wish.models, "--scheduler", machines.address)
    try:
        return _disturbed(start, lambda _: machines.victims(), machines.tend, folder, wish, seed)
    finally:
        machines.close()


def _disturbed(start, victims, tend, folder: Path, wish: argparse.Namespace, seed: int) -> Trouble:
    expected = wish.series * len(wish.models.split(","))
    kills = {"every": wish.kill_every, "batches": wish.kill_batch, "rng": random.Random(seed)}
    return disturbed(start, victims, tend, folder / "wild", expected, **kills)


def _told(outputs: Path) -> str:
    counts = statuses(outputs / "batch.csv")
    return "log: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m Testing.soak", description="A batch that survives the night.")
    parser.add_argument("what", nargs="?", choices=("workers", "machines", "throughput"), default="workers")
    parser.add_argument("--series", type=int, help="200, or 24 for throughput")
    parser.add_argument("--size", type=int, help="rows and columns: 64, or 512")
    parser.add_argument("--slices", type=int, help="6, or 8")
    parser.add_argument("--models", help="median, or median,nlm,rddm-balanced")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=3.0, help="s between two workers' deaths, in the mean")
    parser.add_argument("--kill-batch", type=int, default=3, help="deaths of the whole batch")
    parser.add_argument("--seed", type=int, help="of the kills; by default another one each time")
    parser.add_argument("--keep", type=Path, help="a new folder for everything, which stays")
    wish = parser.parse_args()
    is_throughput = wish.what == "throughput"
    wish.series = wish.series or (24 if is_throughput else 200)
    wish.size = wish.size or (512 if is_throughput else 64)
    wish.slices = wish.slices or (8 if is_throughput else 6)
    wish.models = wish.models or ("median,nlm,rddm-balanced" if is_throughput else "median")
    return wish


if __name__ == "__main__":
    sys.exit(main())
