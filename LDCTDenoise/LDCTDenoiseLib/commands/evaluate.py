"""ldct-denoise evaluate: the quality table of any methods on any folder of pairs."""

from __future__ import annotations

import argparse
import math
from pathlib import Path

from ..errors import InputError
from .arguments import add_computing, add_output_rules, add_strength, model_ids
from .outputs import check_outputs, require

# what a card says of quality: name in the card → key of the table
IN_CARDS = {
    "gain_db_full": "gain_full", "ssim_full": "ssim_full", "gain_db_soft": "gain_soft", "ssim_soft": "ssim_soft",
    "noise_ratio_to_normal_dose": "noise_ratio", "nps_mean_ratio_to_normal_dose": "nps_mean_ratio",
    "bias_hu_soft": "bias_soft", "bias_hu_bone": "bias_bone",
    "structure_percent_strong": "structure_strong", "structure_percent_faint": "structure_faint",
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "pairs", metavar="FOLDER", type=Path,
        help="NAME.npz, or NAME.low.nrrd with NAME.normal.nrrd; as well NIfTI, MetaImage and DICOM folders",
    )  # fmt: skip
    parser.add_argument("--models", type=model_ids, required=True, metavar="A,B,…", help="see ldct-denoise models")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="pairs whose name matches, such as 'L143_3mm*'")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every case and method")
    parser.add_argument("--cases", action="store_true", help="print every figure of every case, not only its gain")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="a sheet for each case: soft and lung window, differences"
    )
    parser.add_argument("--record", metavar="DATA", help="write the means into the models' cards; DATA says on what")
    add_strength(parser)
    add_computing(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..inference.engine import Settings
    from ..quality.table import compare_slices, format_evaluation, format_table, summarize, write_csv
    from ..training.pairs import files_of_pairs, find_pairs, name_of, read_pairs
    from .methods import Methods

    if args.record and args.strength != 1:
        raise InputError("A card records the full strength: leave out --strength or --record.")
    paths = find_pairs(args.pairs, args.only)
    require(*(["matplotlib"] if args.pictures else []))
    methods = Methods(args.models)
    sheets = [args.pictures / f"{name_of(path)}.png" for path in paths] if args.pictures else []
    check_outputs([*([args.csv] if args.csv else []), *sheets], args.overwrite, files_of_pairs(paths))
    settings = Settings(args.seed, args.strength, 1, args.device, args.precision)
    rows = []
    for number, pair in enumerate(read_pairs(paths), 1):
        images, seconds = {"input": pair.low.hu}, {}
        for id, result in methods.results(pair.low, settings, Quiet(reporter)):
            images[id] = result.volume.hu
            seconds[id] = result.record["seconds"] / len(pair.low.hu)
        found = compare_slices(images, pair.normal.hu, pair.low.spacing[:2], case=pair.name)
        for row in found:
            if row["method"] in seconds:
                row["seconds_per_slice"] = seconds[row["method"]]
        rows += found
        if sheets:
            _draw(sheets[number - 1], pair, images)
        reporter.progress(number, len(paths), "evaluate")
    reporter.close()
    summary = summarize(rows)
    if args.csv:
        write_csv(rows, args.csv)
    if args.progress != "json":
        if args.cases:
            print(format_table(rows), end="\n\n")
        print(format_evaluation(summary, rows))
    if args.record:
        record_quality(summary, args)
    reporter.result({"rows": summary})


def _draw(path: Path, pair, images: dict) -> None:
    """The middle slice of a case."""
    from ..quality.sheet import case_sheet

    middle = len(pair.low.hu) // 2
    seen = {name: hu[middle] for name, hu in images.items()}
    seen = {"low dose": seen.pop("input"), **seen}
    case_sheet(path, seen, pair.normal.hu[middle], pair.low.spacing[:2], f"{pair.name}, slice {middle}")


def record_quality(summary: list[dict], args: argparse.Namespace) -> None:
    """For whoever publishes a model: its card says what this command measured, and on what."""
    from ..weights.store import find_card, save_card

    for row in summary:
        if row["method"] in args.models:
            figures = {name: round(row[key], 3) for name, key in IN_CARDS.items() if math.isfinite(row[key])}
            how = f"ldct-denoise evaluate PAIRS --models {row['method']} --seed {args.seed}"
            said = {"data": args.record, "cases": row["cases"], "statistic": "mean", "command": how}
            save_card(find_card(row["method"]), quality={**said, **figures})


class Quiet:
    """The inner steps of one case are too short to show; what is noticed is still said."""

    def __init__(self, reporter):
        self.notice = reporter.notice

    def progress(self, done: int, total: int, stage: str) -> None:
        pass
