"""What the package says: peak memory of `ldct-denoise denoise`, from file to file, row after row."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .inputs import AUTHORS, PUBLISHED, write_file, write_networks, write_series
from .peak import LIBRARY, STAGES, measure
from .rows import INPUTS, rows_of

LIMIT = 4.0  # GB
ABOUT = """\
Makes a CT volume, as a DICOM series and as volume files, and networks of the published sizes with random weights; runs
ldct-denoise denoise on them, a row for each method and way, and tells the peak memory of its process while it reads,
denoises and writes. Ends with status 1 if a row takes more than the limit."""
LEGEND = """\
read, denoise, write: largest resident memory of the process in that stage; whole: the largest of them; s: seconds from
its start to its end; spread: whether the volume of what the draws differ by is written too."""
BRIEF = """\
The first {calls} batches of a volume are computed, and what comes after is given back as it is: that takes the memory
of computing, but not the time. --every computes all."""
MODELS = (
    *("gaussian", "median", "bilateral", "nlm", "tv", "anisotropic-diffusion", "rddm-balanced"),
    *(AUTHORS, PUBLISHED),
)


def main() -> int:
    """Exit status 0 if every row stays below the limit, else 1."""
    wish = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="memory-", dir=wish.folder))
    try:
        return table(folder, wish)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(folder: Path, wish: argparse.Namespace) -> int:
    """Makes the inputs in `folder`, and measures and prints row after row."""
    _make(folder, wish)
    calls = "all batches" if wish.every else f"the first {wish.calls} batches"
    print(f"{wish.size}×{wish.size}×{wish.slices}, {calls} computed; peak memory in MB")
    print(f"{'method':25s} {'way':18s} {'draws':>5s} {'spread':>6s}", *(f"{s:>8s}" for s in (*STAGES, "whole", "s")))
    worst = faults = 0
    for row in rows_of(wish.models, wish.draws):
        print(f"{row.model:25s} {row.way:18s} {row.draws:5d} {'yes' if row.spread else 'no':>6s}", end=" ", flush=True)
        try:
            peak = measure(row.words(folder), 0 if wish.every else wish.calls, folder / "home", wish.library)
        except RuntimeError as error:
            print(f"FAILED: {error}", flush=True)
            faults += 1
            continue
        figures = [*(peak.stages.get(stage, 0) / 1e6 for stage in STAGES), peak.whole / 1e6]
        print(*(f"{figure:8.0f}" for figure in figures), f"{peak.seconds:8.1f}", flush=True)
        worst = max(worst, peak.whole)
        faults += peak.whole > wish.limit * 1e9
    print(LEGEND)
    if not wish.every:
        print(BRIEF.format(calls=wish.calls))
    print(f"largest {worst / 1e9:.2f} GB, limit {wish.limit:g} GB: {'FAILED' if faults else 'PASSED'}")
    return 1 if faults else 0


def _make(folder: Path, wish: argparse.Namespace) -> None:
    home = folder / "home"
    home.mkdir()
    os.environ["LDCT_DENOISE_HOME"] = str(home)
    sys.path.insert(0, str(LIBRARY))
    if {AUTHORS, PUBLISHED} & set(wish.models):
        write_networks()
    write_series(folder / INPUTS["dicom"], wish.size, wish.slices)
    for dtype in ("int16", "float32"):
        write_file(folder / INPUTS[dtype], wish.size, wish.slices, dtype)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m Testing.memory", description=ABOUT)
    parser.add_argument("--slices", type=int, default=1000, help="of the volume (default 1000)")
    parser.add_argument("--size", type=int, default=512, help="rows and columns (default 512)")
    parser.add_argument(
        "--models", type=lambda names: names.split(","), default=MODELS, help=f"default: {','.join(MODELS)}"
    )
    parser.add_argument("--draws", type=int, default=8, help="of a network, in the rows with several (default 8)")
    parser.add_argument("--calls", type=int, default=3, help="batches that are computed (default 3)")
    parser.add_argument("--every", action="store_true", help="compute all batches")
    parser.add_argument("--limit", type=float, default=LIMIT, help="GB (default 4)")
    parser.add_argument("--folder", type=Path, help="where some GB may lie meanwhile; by default the temporary one")
    parser.add_argument("--library", type=Path, default=LIBRARY, help="another checkout's folder LDCTDenoise")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
