"""ldct-denoise train: a model from a configuration, and its card."""

from __future__ import annotations

import argparse
import contextlib
import signal
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from ..errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "config", metavar="CONFIG", help="a .toml file, or the name of one that comes along (rddm-balanced)"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="normal-dose series; replaces the configuration's")
    parser.add_argument("--folder", type=Path, metavar="FOLDER", help="for checkpoints, logs and the weights")
    parser.add_argument(
        "--validation", metavar="A,B", help="series that are never trained on, or none; replaces the configuration's"
    )
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="for prepared noise (default: FOLDER/noise)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:N or mps")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")


def run(args: argparse.Namespace, reporter) -> None:
    from ..training.config import read_config
    from ..training.noise_bank import load_series
    from ..weights.store import require_torch

    config = read_config(_find(args.config), args.data, args.folder, _names(args.validation))
    require_torch()
    from ..training.export import export
    from ..training.loop import check_run, train

    check_run(config, args.device)
    series = [load_series(path, args.cache or config.folder / "noise", reporter.progress) for path in config.series]
    reporter.close()
    with _stopped_by_signals() as stopped:
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


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[list]:
    """A list that is no longer empty once Ctrl+C or a shutdown asks to stop: the step is finished and saved first."""
    stopped, former = [], {}
    try:
        with contextlib.suppress(ValueError):  # not the main thread: whoever called us handles signals
            for number in (signal.SIGINT, signal.SIGTERM):
                former[number] = signal.signal(number, lambda *_: stopped.append(True))
        yield stopped
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _names(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text.strip() == "none" else tuple(name.strip() for name in text.split(",") if name.strip())


def _find(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".toml":
        return path
    shipped = Path(str(resources.files("LDCTDenoiseLib.training") / "configs" / f"{name}.toml"))
    if not shipped.exists():
        known = ", ".join(sorted(p.stem for p in shipped.parent.glob("*.toml")))
        raise InputError(f"There is no configuration {name}: give a .toml file or one of {known}.")
    return shipped
