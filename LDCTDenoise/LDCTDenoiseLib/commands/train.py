"""ldct-denoise train: a model from a configuration, and its card."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path


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
    parser.add_argument(
        "--devices", type=int, metavar="N", help="so many of them at once (needs lightning-fabric); default 1"
    )
    parser.add_argument(
        "--begin", type=Path, metavar="FILE", help="start from another run's checkpoint: what both have is trained once"
    )
    parser.add_argument(
        "--perception", type=Path, metavar="FILE", help="of founddiff: the weights that founddiff-perception has left"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--resume-from", type=Path, metavar="FILE", help="go on from this checkpoint, such as best.pt")
    parser.add_argument(
        "--progress", choices=("auto", "json", "none"), default="auto", help="a bar, one JSON object a line, or nothing"
    )


def run(args: argparse.Namespace, reporter) -> None:
    from ..training.config_file import find_config, read_config
    from ..training.noise_bank import load_series
    from ..training.series import name_of
    from ..weights.store import require_torch
    from .simulation_place import chosen_place

    config = read_config(
        find_config(args.config), args.data, args.folder, _names(args.validation), args.begin, args.perception
    )
    require_torch()
    from ..training.checkpoint import check_start
    from ..training.distributed import start_engine
    from ..training.export import export
    from ..training.loop import train
    from ..training.state import check_run

    resume = args.resume_from or args.resume
    engine = start_engine(args.device, args.devices)
    check_run(config, engine.device)
    check_start(config, [name_of(path) for path in config.series], engine.size, resume)
    show = reporter.progress if engine.leads else lambda *_: None
    cache = args.cache or config.folder / "noise"
    if not engine.leads:
        engine.wait()  # one process prepares the noise, the others find it
    place = chosen_place(str(engine.device), reporter.notice)
    series = [load_series(path, cache, show, place) for path in config.series]
    if engine.leads:
        engine.wait()
    reporter.close()
    with _stopped_by_signals() as stopped:
        state = train(
            config,
            series,
            engine=engine,
            resume=resume,
            report=_speaker(args.progress),
            notice=reporter.notice,
            progress=show,
            cancel=lambda: bool(stopped),
        )
    reporter.close()
    if engine.leads:
        card = export(config, state, [s.name for s in series], config.folder, series)
        reporter.result({"folder": str(config.folder), "model": card.id, "bytes": card.size, "steps": state.step})
        _speaker(args.progress)(f"{card.id}: {card.size / 1e6:.1f} MB in {config.folder}")


def _speaker(progress: str) -> Callable[[str], None]:
    """How lines of text go out: above the bar on a terminal, not among JSON."""
    if progress != "auto":
        return lambda text: None
    from tqdm import tqdm

    def say(text: str) -> None:
        tqdm.write(text, file=sys.stdout)
        sys.stdout.flush()

    return say


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
