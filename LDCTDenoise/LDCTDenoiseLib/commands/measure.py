"""ldct-denoise measure: figures with their definitions, and a report, for one volume or several methods on it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_computing, add_input, add_output_rules, add_slices, add_strength, model_ids
from .measure_inputs import denoised_file, measured_subject, read_inputs
from .outputs import check_outputs, require

LESIONS = "detectability of inserted lesions; it denoises the volume with them, so it needs --models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input(parser)
    parser.add_argument(
        "--denoised", metavar="[NAME=]FILE", type=denoised_file, action="append", default=[],
        help="a denoised volume of the same slices; may be given several times",
    )  # fmt: skip
    parser.add_argument("--models", type=model_ids, default=[], metavar="A,B,…", help="denoise with these, and measure")
    parser.add_argument("--reference", type=Path, metavar="FILE", help="the same slices at normal dose")
    parser.add_argument(
        "--roi", type=Path, action="append", default=[], metavar="FILE",
        help="label image or markups (.mrk.json): noise is measured in the first region, CNR against the second",
    )  # fmt: skip
    parser.add_argument(
        "--record", type=Path, metavar="FILE.json", help="how the denoised were made (denoise --report, records.json)"
    )
    parser.add_argument(
        "--draws", type=int, default=1, metavar="K", help="mean of K draws of a random method, and their spread"
    )
    parser.add_argument("--lesions", action="store_true", help=LESIONS)
    parser.add_argument("--fid-weights", type=Path, metavar="FILE", help="Inception weights of yours, for FID")
    parser.add_argument("--json", type=Path, metavar="FILE", help="everything, for other programs")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every figure with error and unit")
    parser.add_argument("--html", type=Path, metavar="FILE", help="the report: one page that opens anywhere")
    parser.add_argument(
        "--most", type=_count, default=40, metavar="N", help="slices measured, evenly from the volume (default 40)"
    )
    add_slices(parser)
    add_strength(parser)
    add_computing(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..inference.engine import Settings
    from ..quality.measurement import measure
    from .measure_print import print_answer
    from .methods import Methods

    if args.lesions and not args.models:
        raise InputError(f"--lesions is the {LESIONS}.")
    if args.fid_weights and not args.reference:
        raise InputError("FID compares with the normal dose: name it with --reference.")
    names = [name for name, _ in args.denoised] + args.models
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"Two denoised volumes are called {twice}: give them names with --denoised NAME=FILE.")
    outputs = [path for path in (args.json, args.csv, args.html) if path]
    check_outputs(outputs, args.overwrite, _read(args))
    if args.html:
        require("matplotlib")
    methods = Methods(args.models)
    settings = Settings(args.seed, args.strength, args.draws, args.device, args.precision, args.slices)
    features = _features(args.fid_weights) if args.fid_weights else None  # wrong weights are said at once
    inputs = read_inputs(args.input, reporter, slices=args.slices, most=args.most, regions=args.roi)
    settings.check(inputs.volume.axial_count)
    results = methods.results(inputs.volume, settings, reporter)
    name = args.input.absolute().name  # also where the input is "."
    subject, of_runs = measured_subject(
        inputs, results, name=name, denoised=args.denoised, reference=args.reference, record=args.record
    )

    def more(found) -> None:
        for name, figures in of_runs.items():
            for key, value in figures.items():
                found.figure(name, key, value)
        if args.fid_weights:
            from ..quality.measurement.fid import measure_fid

            measure_fid(subject, found, features, reporter.progress)
        if args.lesions:
            from ..quality.measurement.task import measure_task

            measure_task(subject, found, _callables(methods, inputs, settings), args.seed, reporter.progress)

    answer = measure(subject, reporter.progress, more)
    if args.html:
        from ..quality.measurement.shown import pictures_of
        from ..quality.report import write_report

        write_report(args.html, answer, pictures_of(subject, answer), overwrite=args.overwrite)
    if args.json or args.csv:
        from ..quality.report import write_document, write_figures_csv

        if args.json:
            write_document(args.json, answer, overwrite=args.overwrite)
        if args.csv:
            write_figures_csv(args.csv, answer, overwrite=args.overwrite)
    reporter.close()
    if args.progress == "json":
        for text in answer["notices"]:
            reporter.notice(text)
    else:
        print_answer(answer, outputs)  # the notices too: they belong to the figures
    reporter.result({"document": answer})


def _read(args: argparse.Namespace) -> list[Path | None]:
    """Every file and folder that is read: none of them is ever replaced."""
    denoised = [path for _, path in args.denoised]
    return [args.input, *denoised, args.reference, *args.roi, args.record, args.fid_weights]


def _features(path: Path):
    from ..quality.likeness.fid import inception_features
    from ..weights.fid_weights import load_fid_inception

    return inception_features(load_fid_inception(path))


def _callables(methods, inputs, settings) -> dict:
    """The methods as functions of a few slices: with the same seed, so that a random method draws the same numbers."""
    part = inputs.part

    def of(id: str):
        def denoised(stack: np.ndarray) -> np.ndarray:
            some = replace(part, hu=stack, padding=None, source=replace(part.source, files=()))
            return methods.denoise(id, some, replace(settings, slices=None)).volume.hu

        return denoised

    return {id: of(id) for id in methods.ids}


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of slices")
    return number
