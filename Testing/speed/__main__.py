"""See the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .checkout import NotMeasured


def main(arguments: list[str] | None = None) -> int:
    wish = _arguments(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="speed-", dir=wish.scratch) as folder:
            from . import against, growth

            return (against if wish.what == "against" else growth).run(wish, Path(folder))
    except NotMeasured as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return 130


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m Testing.speed", description="How quick the software is.")
    commands = parser.add_subparsers(dest="what", required=True)
    against = commands.add_parser("against", help="the library of another checkout beside that of this one")
    against.add_argument("folder", metavar="FOLDER", type=Path, help="the other checkout")
    against.add_argument("--rounds", type=_count, default=5, help="default 5")
    against.add_argument("--slices", type=_count, default=16, help="of 512×512 for each model, default 16")
    against.add_argument("--series", type=_count, default=100, help="slices of the DICOM series, default 100")
    against.add_argument("--only", choices=("models", "files", "starts"), help="a part of it")
    against.add_argument("--tolerance", type=float, default=0.05, help="slower by this share is let pass, default 0.05")
    against.add_argument("--memory", type=float, default=0.25, help="likewise for peak memory, default 0.25")
    growth = commands.add_parser("growth", help="cost and memory against slices, matrix size and draws")
    growth.add_argument("--slices", type=_count, default=2000, help="the most of them, default 2000")
    growth.add_argument("--axes", type=_names, default=["slices", "matrix", "draws"], help="slices,matrix,draws")
    growth.add_argument(
        "--longest", type=float, default=240.0, metavar="S",
        help="a measurement that would take longer is left out, and told; default 240",
    )  # fmt: skip
    growth.add_argument("--picture", type=Path, metavar="FILE", help=".png, .pdf or .svg; needs matplotlib")
    growth.add_argument("--tolerance", type=float, default=0.05, help="of the exponent 1, default 0.05")
    for command, clock in ((against, "wall"), (growth, "cpu")):
        command.add_argument("--models", type=_names, metavar="A,B,…", help="default: see the package")
        command.add_argument("--device", default="auto")
        command.add_argument("--clock", choices=("wall", "cpu"), default=clock, help=f"default {clock}")
        command.add_argument("--threads", type=_count, metavar="N", help="default: what the library chooses")
        command.add_argument("--csv", type=Path, metavar="FILE", help="every run")
        command.add_argument("--scratch", type=Path, metavar="FOLDER", help="where files are made, for its disk")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


if __name__ == "__main__":
    sys.exit(main())
