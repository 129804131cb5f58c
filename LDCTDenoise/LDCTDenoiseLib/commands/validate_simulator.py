"""ldct-denoise validate-simulator: simulated against real low dose, on true pairs."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..errors import InputError
from .arguments import add_output_rules
from .outputs import check_outputs
from .scanner_arguments import add_scanner, fan_scanner, scanner_of
from .simulation_place import add_device, chosen_place

FIRST = ("case", "map_error", "map_correlation", "level", "shape_error", "lung", "soft", "dense")
SECOND = ("case", "nps_mean_real", "nps_mean", "nps_error", "nps_peak_real", "nps_peak", "shift", "shift_real")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pairs", metavar="FOLDER", type=Path, help="NAME.npz, or NAME.low.nrrd with NAME.normal.nrrd")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="pairs whose name matches, such as 'L143_3mm*'")
    parser.add_argument("--dose", type=float, default=0.25, metavar="F", help="of the low-dose images (default 0.25)")
    parser.add_argument("--reference-dose", type=float, default=1.0, metavar="F", help="of the others (default 1)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same noise (default 0)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every case")
    add_device(parser)
    add_scanner(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..quality.table import summarize, write_csv
    from ..simulation.exposure import check_dose
    from ..simulation.validation import validate
    from ..training.pairs import files_of_pairs, find_pairs, read_pairs

    check_dose(args.dose, args.reference_dose)
    if args.seed < 0:
        raise InputError("The seed must not be negative.")
    scanner, paths = fan_scanner(args), find_pairs(args.pairs, args.only)
    if args.csv:
        check_outputs([args.csv], args.overwrite, files_of_pairs(paths))
    place, rows = chosen_place(args.device, reporter.notice), []
    for number, pair in enumerate(read_pairs(paths), 1):
        own = scanner_of(pair.normal, scanner, args, args.reference_dose, place)  # the low-dose image has no say in it
        spacing = pair.normal.spacing[:2]
        found = validate(pair.normal.hu, pair.low.hu, spacing, own, args.dose, args.reference_dose, args.seed, place)
        facts = {"kernel": own.kernel, "order": own.order, "photons": own.photons}
        rows.append({"case": pair.name, "method": "fan", **found, **facts})
        reporter.progress(number, len(paths), "validate")
    reporter.close()
    summary = summarize(rows)
    if args.csv:
        write_csv(rows, args.csv)
    if args.progress != "json":
        print(_table(rows, summary))
    reporter.result({"rows": rows, "summary": summary})


def _table(rows: list[dict], summary: list[dict]) -> str:
    from ..quality.table import format_table
    from ..simulation.validation import FIGURES

    mean = {"case": "mean", **{key: value for key, value in summary[0].items() if not key.endswith("_sd")}}
    parts = []
    for columns in (FIRST, SECOND):
        shown = [{"case": r["case"], **{FIGURES[key]: r[key] for key in columns[1:]}} for r in (*rows, mean)]
        parts.append(format_table(shown, ["case", *(FIGURES[key] for key in columns[1:])]))
    parts.append(
        "×: simulated over real noise (standard deviation of low dose − normal dose in 15 mm squares); dense: behind "
        "39 cm of water or more;\nshape: with the level set right. NPS and peak: of that noise in soft tissue. shift: "
        "mean change in lung, fat and soft tissue.\nThe scanner was fitted to the normal-dose images alone."
    )
    return "\n\n".join(parts)
