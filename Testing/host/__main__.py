"""Pictures and timings of the real panel, without Slicer and without a display.

python -m Testing.host screenshot OUT.png [--scenario three] [--volume FILE] [--model ID] [--scale 2]
python -m Testing.host scenarios
python -m Testing.host benchmark [--method ID] [--slices 100]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    command = argparse.ArgumentParser(prog="python -m Testing.host", description=__doc__.splitlines()[0])
    commands = command.add_subparsers(dest="command", required=True)
    shot = commands.add_parser("screenshot", help="open the panel, press Denoise, save one picture")
    shot.add_argument("file", metavar="OUT.png", type=Path)
    shot.add_argument("--scenario", default="three", metavar="NAME", help="default: three; see the command scenarios")
    shot.add_argument("--volume", type=Path, metavar="FILE", help="default: the demo's head CT, simulated low dose")
    shot.add_argument("--model", metavar="ID", help="default: what the panel proposes")
    shot.add_argument("--width", type=int, default=1600)
    shot.add_argument("--height", type=int, default=900)
    shot.add_argument(
        "--scale", type=float, default=1.0, help="pixels of the picture per pixel of the window; 2 is sharp"
    )
    commands.add_parser("scenarios", help="list what a picture can show")
    timing = commands.add_parser("benchmark", help="how quick the panel is on a volume of true size")
    timing.add_argument(
        "--method", default="gaussian", metavar="ID", help="default: gaussian, so that the times are the panel's"
    )
    timing.add_argument("--slices", type=int, default=100, help="default: 100")
    timing.add_argument("--side", type=int, default=512, help="rows and columns of a slice, default: 512")
    return command


def main(arguments=None) -> int:
    args = parser().parse_args(arguments)
    if args.command == "benchmark":
        from .benchmark import run

        return run(args.slices, args.side, args.method)
    from .scenarios import SCENARIOS

    if args.command == "scenarios":
        for name, function in SCENARIOS.items():
            print(f"{name:10} {(function.__doc__ or '').splitlines()[0] if function.__doc__ else ''}")
        return 0
    if args.scenario not in SCENARIOS:
        print(f"There is no scenario {args.scenario}; there are {', '.join(SCENARIOS)}.", file=sys.stderr)
        return 2
    if args.volume is not None and not args.volume.exists():
        print(f"{args.volume} does not exist.", file=sys.stderr)
        return 2
    from . import start
    from .scenarios import set_stage

    host = start(args.width, args.height, args.scale)
    host.app.testing = False  # as a user's Slicer: the panel asks its worker at once
    stage = set_stage(host, args.volume, args.model)
    target = SCENARIOS[args.scenario](stage)
    args.file.parent.mkdir(parents=True, exist_ok=True)
    host.screenshot(args.file, target)
    host.quit()
    for error in host.errors:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    return 1 if host.errors else 0


if __name__ == "__main__":
    sys.exit(main())
