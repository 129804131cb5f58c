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
from .machine import load, peak_megabytes
from .processes import as_command, in_own_process

__all__ = ["add_arguments", "in_own_process", "load", "peak_megabytes", "run"]

ROUNDS = 5
SLICES, SLICES_ON_GPU = 8, 300
FILES = 300


def add_arguments(parser: argparse.ArgumentParser) -> None:
    usual = "rddm-balanced,founddiff,authors-network; on a GPU founddiff-network too"
    parser.add_argument("--models", type=model_ids, metavar="A,B,…", help=f"default: {usual}")
    parser.add_argument("--alone", action="store_true", help="without the reference rows")
    parser.add_argument("--on", type=Path, metavar="VOLUME", help="its middle slices; else slices are made")
    parser.add_argument("--slices", type=int, metavar="N", help=f"default {SLICES}, on a GPU {SLICES_ON_GPU}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="R", help=f"over all rows (default {ROUNDS})")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", help="default: for networks float32 and auto, a row each")
    parser.add_argument("--profile", action="store_true", help="where the time goes, the floor, and from file to file")
    parser.add_argument("--files", type=int, metavar="N", help=f"from file to file, N slices ({FILES} with --profile)")
    parser.add_argument("--csv", type=Path, metavar="FILE")
    parser.add_argument("--picture", type=Path, metavar="FILE", help=".png, .svg or .pdf; needs matplotlib")
    parser.add_argument("--record", action="store_true", help="write the figures into the models' cards")
    parser.add_argument("--scan", action="store_true", help="instead: the selective scans of FoundDiff, beside a loop")
    parser.add_argument("--founddiff", action="store_true", help="instead: FoundDiff, with a loop and its fast scan")
    parser.add_argument("--one", help=argparse.SUPPRESS)  # inside the process of one row


def run(args: argparse.Namespace, reporter) -> None:
    if args.one:
        from .child import main

        return main(args.one)
    if args.scan:
        from ..benchmark_scan import run as compare_scans

        return compare_scans(args)
    if args.founddiff:
        from ..benchmark_founddiff import run as measure_founddiff

        return measure_founddiff(args)
    _check(args)
    _measure(args, reporter)


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
    from .rows import RANDOM, wanted_rows
    from .slices import made_slices, slices_of

    known = in_own_process(_asking({"kind": "about", "device": args.device}), "torch could not be started.")
    if "error" in known:
        raise InputError(known["error"])
    on_gpu = known["device"] != "cpu"
    rows, notices = wanted_rows(args.models, args.precision, on_gpu, bool(known["torch"]), args.alone)
    if not rows:
        raise InputError("There is nothing to measure: install PyTorch, or name models with --models.")
    for text in notices:
        reporter.notice(text)
    count = args.slices or (SLICES_ON_GPU if on_gpu else SLICES)
    slices = slices_of(args.on, count, reporter.progress) if args.on else made_slices(count)
    before = load()
    print(f"{sentence(known)}; load {before} before")
    print(f"{slices.size}, {slices.told}; {args.rounds} round{'s' * (args.rounds != 1)}, all rows in turn", flush=True)
    with ExitStack() as stack:
        place = stack.enter_context(workplace())
        np.save(place / "slices.npy", slices.hu)
        random = list(dict.fromkeys(row.model for row in rows if row.model in RANDOM))
        if random:
            command = [sys.executable, "-m", f"{__package__}.random_models", str(place / "home" / "models"), *random]
            in_own_process(command, "The networks with random weights could not be made.")
        plan = Plan(rows, place, slices.spacing, count, args.rounds, args.device, on_gpu, args.profile)
        results = measure(plan, reporter)
        after = load()
        print_table(results, after, reporter)
        if args.profile:
            print_profile(results)
        machine = {"machine": sentence(known), "data": f"{slices.size}, {slices.told}"}
        write_outputs(results, machine | {"load_before": before, "load_after": after}, args.csv, args.picture)
        if args.record:
            for path in record_times(results, machine):
                print(f"Recorded in {path}")
        files = args.files if args.files is not None else (FILES if args.profile else 0)
        if files:
            from .through import files_rows

            print_files(files_rows(results, files, place, args.device, reporter), files)


def _asking(spec: dict) -> list[str]:
    import json

    return as_command("benchmark", "--one", json.dumps(spec))
