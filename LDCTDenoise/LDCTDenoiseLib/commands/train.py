"""ldct-denoise train: a model from a configuration, and its card."""

from __future__ import annotations

import argparse
import signal
from importlib import resources
from pathlib import Path

from ..errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "config", metavar="CONFIG", help="a .toml file, or the name of one that comes along (rddm-balanced)"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="normal-dose series; replaces the configuration's")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="for checkpoints, logs and the weights")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="for prepared noise (default: FOLDER/noise)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or mps")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")


def run(args: argparse.Namespace, reporter) -> None:
    from ..training.config import read_config
    from ..training.noise_bank import load_series
    from ..weights.store import require_torch

    config = read_config(_find(args.config), args.data, args.folder)
    require_torch()
    from ..training.export import export
    from ..training.loop import train

    series = [load_series(path, args.cache or config.folder / "noise", reporter.progress) for path in config.series]
    reporter.close()
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))  # finish the step, save, then stop
    state = train(
        config,
        series,
        device=args.device,
        resume=args.resume,
        report=lambda text: print(text, flush=True),
        cancel=lambda: bool(stopped),
    )
    card = export(config, state, [s.name for s in series], config.folder)
    print(f"{card.id}: {card.size / 1e6:.1f} MB in {config.folder}")


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml":
        return path
    shipped = Path(str(resources.files("LDCTDenoiseLib.training") / "configs" / f"{name}.toml"))
    if not shipped.exists():
        known = ", ".join(sorted(p.stem for p in shipped.parent.glob("*.toml")))
        raise InputError(f"There is no configuration {name}: give a .toml file or one of {known}.")
    return shipped
