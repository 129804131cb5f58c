"""ldct-denoise benchmark: seconds a slice, memory and accuracy of the methods on this machine, beside references.

Read `run` from top to bottom; every row is measured in a process of its own (`child`), all in turn (`rounds`).
"""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path

from ...errors import InputError
from ..arguments import model_ids
from .machine import load
from .processes import as_command, in_own_process
from .where import Line

ROUNDS = 5
SLICES, SLICES_ON_GPU = 8, 300
FILES = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = "rddm-balanced,founddiff,authors-network; on a GPU founddiff-network too"
    parser.add_argument("--models", type=model_ids, metavar="A,B,…", help=f"default: {usual}")
    parser.add_argument("--alone", action="store_true", help="without the reference rows")
    parser.add_argument("--on", type=Path, metavar="VOLUME", help="its middle slices; else slices are made")
    parser.add_argument("--slices", type=int, metavar="N", help=f"default {SLICES}, on a GPU {SLICES_ON_GPU}")
    parser.add_argument("--rounds", type=int, metavar="R", help=f"over all rows (default {ROUNDS})")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", help="default: for networks float32 and auto, a row each")
    parser.add_argument("--profile", action="store_true", help="where the time goes, the floor, and from file to file")
    parser.add_argument(
        "--files", type=int, metavar="N", help=f"and from file to file, N slices ({FILES} with --profile)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE", help=".png, .svg or .pdf; needs matplotlib")
    parser.add_argument("--record", action="store_true", help="write the figures into the models' cards")
    parser.add_argument("--scan", action="store_true", help="instead: the selective scans of FoundDiff, beside a loop")
    parser.add_argument("--founddiff", action="store_true", help="instead: FoundDiff, with a loop and its fast scan")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # inside the process of one row
    parser.epilog = "--scan and --founddiff take --device and no other option."


def run(args: argparse.Namespace, reporter) -> None:
    if args.one:
        from .child import main

        return main(args.one)
    if args.scan or args.founddiff:
        return _measure_alone(args, reporter)
    args.rounds = ROUNDS if args.rounds is None else args.rounds
    _check(args)
    _measure(args, reporter)


def _measure_alone(args: argparse.Namespace, reporter) -> None:
    """What has a table of its own; an option that it would not heed is refused."""
    own = "scan" if args.scan else "founddiff"
    given = [name for name, value in vars(args).items() if value is not None and value is not False]
    more = [f"--{name}" for name in given if name not in (own, "device", "run")]
    if more:
        raise InputError(f"--{own} is a measurement of its own, with --device alone: leave out {', '.join(more)}.")
    if not _known(args.device)["torch"]:
        raise InputError(f"--{own} needs PyTorch, which is not installed: pip install torch.")
    if args.scan:
        from .scan import run as measure
    else:
        from .founddiff import run as measure
    with Line(reporter) as line:
        measure(args, line)


def _check(args: argparse.Namespace) -> None:
    from ...inference.devices import PRECISIONS
    from ..outputs import check_outputs, require

    if args.slices is not None and args.slices < 1:
        raise InputError("A benchmark needs at least one slice.")
    if args.rounds < 1:
        raise InputError("A benchmark needs at least one round.")
    if args.files is not None and args.files < 0:
        raise InputError("The number of slices from file to file cannot be negative; 0 leaves that out.")
    if args.record and (args.rounds < ROUNDS or (args.slices or SLICES) < SLICES):
        raise InputError(f"Figures for the models' cards need at least {ROUNDS} rounds of {SLICES} slices.")
    if args.precision not in (None, "auto", *PRECISIONS):
        raise InputError(f"There is no precision {args.precision}: choose auto or one of {', '.join(PRECISIONS)}.")
    if args.picture:
        require("matplotlib")
        from .picture import check_ending

        check_ending(args.picture)
    check_outputs([p for p in (args.csv, args.picture) if p], True, [args.on] if args.on else [])


def _measure(args: argparse.Namespace, reporter) -> None:
    import numpy as np

    from ...workplace import workplace
    from .machine import sentence
    from .report import print_files, print_profile, print_table, record_times, write_outputs
    from .rounds import Plan, measure
    from .rows import RANDOM, unheeded, wanted_rows
    from .slices import made_slices, slices_of

    known = _known(args.device)
    on_gpu = known["device"] != "cpu"
    rows, notices = wanted_rows(args.models, args.precision, on_gpu, bool(known["torch"]), args.alone)
    if not rows:
        raise InputError("There is nothing to measure: install PyTorch, or name models with --models.")
    for text in [*notices, *unheeded(rows, args.precision, args.files, args.profile)]:
        reporter.notice(text)
    count = args.slices or (SLICES_ON_GPU if on_gpu else SLICES)
    slices = slices_of(args.on, count, reporter.progress) if args.on else made_slices(count)
    before = load()
    with ExitStack() as stack:
        line = stack.enter_context(Line(reporter))
        print(f"{sentence(known)}; load {before} before")
        rounds = f"{args.rounds} round{'s' * (args.rounds != 1)}"
        print(f"{slices.size}, {slices.told}; {rounds}, all rows in turn", flush=True)
        place = stack.enter_context(workplace())
        np.save(place / "slices.npy", slices.hu)
        random = list(dict.fromkeys(row.model for row in rows if row.model in RANDOM))
        if random:
            command = [sys.executable, "-m", f"{__package__}.random_models", str(place / "home" / "models"), *random]
            line.now(f"random weights of {', '.join(random)}")
            in_own_process(command, "The networks with random weights could not be made.")
        plan = Plan(rows, place, slices.spacing, count, args.rounds, args.device, on_gpu, args.profile)
        results = measure(plan, line)
        after = load()
        print_table(results, after, line)
        if args.profile:
            print_profile(results)
        through = []
        count = args.files if args.files is not None else (FILES if args.profile else 0)
        if count:
            from .through import files_rows

            through = files_rows(results, count, place, args.device, args.precision or "auto", line)
            print_files(through)
        machine = {"machine": sentence(known), "data": f"{slices.size}, {slices.told}"}
        loads = {"load_before": before, "load_after": after}
        write_outputs(results, through, machine | loads, args.csv, args.picture)
        if args.record:
            for path in record_times(results, machine):
                print(f"Recorded in {path}")


def _known(device: str) -> dict:
    """See `machine.about`."""
    import json

    asking = as_command("benchmark", "--one", json.dumps({"kind": "about", "device": device}))
    known = in_own_process(asking, "torch could not be started.")
    if "error" in known:
        raise InputError(known["error"])
    return known
