"""ldct-denoise batch: every CT series below a folder, with a log; goes on where it was stopped."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import time
from pathlib import Path

from ..errors import Cancelled, InputError
from .arguments import add_computing, add_output_rules, add_strength, model_ids

_BUSY = "Another batch is writing into this folder; wait until it ends, or choose another output folder."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT_TREE", type=Path, help="a folder; all below it is looked through")
    parser.add_argument("output", metavar="OUTPUT_TREE", type=Path, help="a folder; gets the same folders as the input")
    parser.add_argument(
        "--model", default=["rddm-balanced"], type=model_ids, metavar="ID[,ID…]", help="(default rddm-balanced)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the batch that OUTPUT_TREE holds")
    parser.add_argument("--dry-run", action="store_true", help="only tell what would be done, and what is left and why")
    parser.add_argument("--format", default="same", choices=_formats(), help="of the outputs; same: as the input")
    parser.add_argument("--private", default="drop", choices=("keep", "drop"), help="private tags (default drop)")
    parser.add_argument("--names", action="store_true", help="log folders and files that bear a patient's name as such")
    add_strength(parser)
    parser.add_argument("--draws", type=int, default=1, metavar="K", help="average K random answers (default 1)")
    parser.add_argument("--steps", type=int, metavar="S", help="evaluations a slice, for methods that take several")
    add_computing(parser)
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes on this machine (default 1)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster: tcp://…, tls://… or a .json file")
    parser.add_argument("--require", metavar="NAME=N,…", type=_resources, default={}, help="of its workers: GPU=1")
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..batch.find import find_series
    from ..batch.plan import Options, plan
    from ..batch.survey import check_tree, other_version, require_room, survey, tidy
    from ..workplace import only_one
    from .batch_print import Told

    _end_with_the_terminal()
    begun = time.monotonic()
    options = Options(
        tuple(args.model), args.seed, args.strength, args.draws, args.steps, args.device, args.precision, args.format,
        args.private == "keep", args.overwrite, args.names, args.overwrite and not args.resume,
    )  # fmt: skip
    options.check()
    args.input, args.output = args.input.absolute(), args.output.absolute()  # the same for every worker
    _check_workers(args)
    _check_device(args, options)
    if not args.input.is_dir():
        raise InputError(f"{args.input} is not a folder; give the folder that holds the series.")
    check_tree(args.output, args.input, resume=args.resume or args.dry_run, overwrite=args.overwrite)
    with contextlib.ExitStack() as stack:
        if not args.dry_run:
            if not args.output.exists():
                stack.callback(_remove_if_empty, args.output)
            args.output.mkdir(parents=True, exist_ok=True)
            stack.enter_context(only_one(args.output, _BUSY))
        finding = find_series(args.input, without=[args.output], progress=reporter.progress)
        tasks, more_left = plan(finding.series, options, args.output)
        already = survey(tasks, options, progress=reporter.progress)
        told = Told(args, options, reporter, finding, tasks, more_left, already)
        told.found()
        if sentence := other_version(already):
            reporter.notice(sentence)
        if not tasks:
            raise InputError(f"No CT series below {args.input} can be denoised; choose another folder.")
        if args.dry_run:
            told.end(None, 0.0)
            return
        require_room(tasks, already, args.output)
        tidy(tasks, args.output)
        stack.callback(tidy, tasks, args.output)  # also a worker may be killed
        summary = _denoise(args, options, reporter, told, tasks, already)
    told.end(summary, time.monotonic() - begun)
    if failed := summary.count("failed"):
        raise InputError(f"{failed} of {len(summary.rows)} could not be done; the log says why, the rest is done.")


def _denoise(args, options, reporter, told, tasks, already):
    from ..batch.run import run_batch

    is_work_left = len(already) < sum(len(task.outputs) for task in tasks)
    executor = _executor(args, options, reporter, is_work_left)
    heard = {"progress": reporter.progress, "row": told.row}
    try:
        return run_batch(tasks, options, args.output, executor, already=already, left=told.left_rows(), **heard)
    except (Cancelled, KeyboardInterrupt):
        told.stopped()
        raise


def _executor(args, options, reporter, is_work_left):
    if is_work_left and (args.workers > 1 or args.scheduler):
        from ..batch.cluster import executor
        from ..inference.run import WarmModel

        for model in args.model:  # damaged weights are told now, not by every series; nothing is kept here
            WarmModel(options.card(model))

        return executor(
            None if args.scheduler else args.workers,
            args.scheduler,
            options=options,
            resources=args.require,
            notice=reporter.notice,
            reads=(args.input,),
            writes=args.output,
        )
    from ..batch.local import Threads
    from ..batch.warm import WARM

    for model in args.model if is_work_left else ():
        WARM.load(options.card(model))
    return Threads(options, notice=reporter.notice)


def _check_workers(args: argparse.Namespace) -> None:
    if args.workers < 1:
        raise InputError(f"The number of workers must be at least 1, not {args.workers}.")
    if args.scheduler and args.workers > 1:
        raise InputError("Name a scheduler or a number of workers, not both: the cluster has workers of its own.")
    if args.require and not args.scheduler:
        raise InputError("--require chooses among the workers of a cluster: add --scheduler.")


def _check_device(args: argparse.Namespace, options) -> None:
    """Whether this machine has the device; what a cluster has it will tell itself."""
    from ..batch.cluster_task import check_device

    if not args.scheduler:
        check_device(options)


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _end_with_the_terminal() -> None:
    """A closed terminal ends the batch as Ctrl-C does: tidily. Under nohup it goes on."""
    if not hasattr(signal, "SIGHUP"):
        return
    with contextlib.suppress(ValueError):  # not the main thread: whoever called us handles signals
        if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
            signal.signal(signal.SIGHUP, _hung_up)


def _hung_up(*_) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what is said to a terminal that is gone is an error
        os.dup2(nowhere, stream)
    raise KeyboardInterrupt


def _formats() -> tuple[str, ...]:
    from ..batch.plan import FORMATS

    return FORMATS


def _resources(text: str) -> dict[str, float]:
    """'GPU=1,RAM=64' → {"GPU": 1.0, "RAM": 64.0}."""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        return {name.strip(): float(count) for name, count in pairs}
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form GPU=1") from None
