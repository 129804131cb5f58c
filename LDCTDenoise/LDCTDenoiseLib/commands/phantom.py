"""ldct-denoise phantom: does a method keep contrast and edges, or invent anything? On phantoms made by code."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_computing, add_output_rules, add_strength, model_ids
from .outputs import check_outputs, require

SHOWN = {"low contrast": (-60, 140), "high contrast": (-160, 240), "edges and bars": (-160, 240), "chest": (-1350, 150)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", help="for the table and the pictures")
    parser.add_argument("--models", type=model_ids, required=True, metavar="A,B,…", help="see ldct-denoise models")
    parser.add_argument(
        "--noise", type=noise_levels, default=[0.0, 10.0, 20.0, 40.0], metavar="HU,…",
        help="standard deviations in soft tissue; 0 is the phantom itself (default 0,10,20,40)",
    )  # fmt: skip
    parser.add_argument(
        "--draws", type=int, default=8, metavar="N", help="of the noise and its negative, averaged; even (default 8)"
    )
    parser.add_argument(
        "--blur", type=float, default=0.55, metavar="MM", help="σ of the scanner: 0.3 sharp … 0.9 (default 0.55)"
    )
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every disc, bar pattern, vessel and edge")
    parser.add_argument("--pictures", action="store_true", help="a sheet for each method and noise, in FOLDER")
    add_strength(parser)
    add_computing(parser)
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..inference.engine import Settings
    from ..inference.run import WarmModel
    from ..quality.phantom.phantoms import phantoms
    from ..quality.table import write_csv
    from ..weights.store import find_card

    tables = _outputs(args)
    cards = [find_card(id) for id in args.models]
    settings = Settings(args.seed, args.strength, 1, args.device, args.precision)
    shown = phantoms(args.blur)
    fields = _noise_fields(shown, args, reporter) if any(args.noise) else None
    rows, summary, done = [], [], 0
    for card in cards:
        model = WarmModel(card)
        for noise in args.noise:
            draws = args.draws if noise or model.denoiser.is_random else 1
            kept, plain, sheet = [], [], []
            for number, phantom in enumerate(shown):
                given = _given(phantom.hu, noise, None if fields is None else fields[number], draws)
                outputs = _denoise(model, given, phantom.spacing, settings, reporter)
                found = _measure(outputs, phantom)
                kept += found[0]
                plain.append(found[1])
                rows += _rows(card.id, noise, phantom.name, found[0], draws)
                sheet.append((phantom, given[0], outputs[0], outputs.mean(axis=0)))
                done += 1
                reporter.progress(done, len(cards) * len(args.noise) * len(shown), "phantom")
            summary.append(_summary(card.id, noise, kept, plain, draws))
            if args.pictures:
                _draw(args.folder / sheet_name(card.id, noise), sheet, summary[-1])
    reporter.close()
    for path in tables:
        write_csv(rows, path)
    if args.progress != "json":
        print(format_summary(summary))
    reporter.result({"rows": summary})


def noise_levels(text: str) -> list[float]:
    """'0,10' → [0.0, 10.0], without repeats."""
    try:
        levels = list(dict.fromkeys(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        levels = []
    if not levels or not all(0 <= level <= 500 for level in levels):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of HU from 0 to 500 such as 0,10,20")
    return levels


def sheet_name(id: str, noise: float) -> str:
    return f"{id}_noise{noise:g}.png"


def format_summary(summary: list[dict]) -> str:
    """A table for a terminal, then the verdicts, and what it all means."""
    from ..quality.phantom.verdict import MEANING
    from ..quality.table import format_table

    figures = [key for key in summary[0] if not key.endswith("_sd") and key not in ("draws", "noise", "verdict")]
    shown = [{**row, "HU": f"{row['noise']:g}"} for row in summary]  # COLUMNS has another noise
    table = format_table(shown, ["method", "HU", *figures[1:]], digits=1)
    said = format_table(shown, ["method", "HU", "verdict"])
    return f"{table}\n\n{said}\n\n{MEANING}"


def _outputs(args: argparse.Namespace) -> list[Path]:
    """The tables to write; everything is checked before the work."""
    if args.pictures and not args.folder:
        raise InputError("Name a FOLDER for the pictures.")
    if args.draws < 4 or args.draws % 2:
        raise InputError(f"Noise needs an even number of draws, at least 4 to tell what is luck, not {args.draws}.")
    if not 0.2 <= args.blur <= 3:
        raise InputError(f"The blur must lie between 0.2 and 3 mm, not {args.blur:g}.")
    tables = ([args.csv] if args.csv else []) + ([args.folder / "phantom.csv"] if args.folder else [])
    names = [sheet_name(id, noise) for id in args.models for noise in args.noise] if args.pictures else []
    require(*(["matplotlib"] if args.pictures else []))
    check_outputs([*tables, *(args.folder / name for name in names)], args.overwrite)
    return tables


def _noise_fields(shown, args: argparse.Namespace, reporter) -> np.ndarray:
    """float32 [phantoms, draws, rows, columns]: noise of a fan-beam scanner as sharp as the phantom, of SD 1 over its
    plain soft tissue. Every second draw is the negative of the one before: as likely, and what noise alone does to a
    contrast cancels in the mean of the two, wholly for a linear method."""
    from ..simulation.fan_scanner import DoseSimulator, FanScanner

    scanner = FanScanner(readings=10.0, bowtie=300.0, modulation=0.5, kernel=1 / (2 * np.pi * args.blur))
    fields = np.empty((len(shown), args.draws, *shown[0].hu.shape), np.float32)
    for number, phantom in enumerate(shown):
        simulator = DoseSimulator(phantom.hu, (phantom.spacing,) * 2, scanner)
        variance = simulator.variance(0.25)
        soft = phantom.plain & (phantom.hu > 0)
        for draw in range(0, args.draws, 2):
            fields[number, draw] = simulator.draw(variance, np.random.default_rng([args.seed, number, draw]))
            fields[number, draw + 1] = -fields[number, draw]
            reporter.progress(number * args.draws + draw + 2, len(shown) * args.draws, "noise")
        fields[number] /= np.sqrt(np.mean(fields[number][:, soft] ** 2))
    return fields


def _given(hu: np.ndarray, noise: float, fields: np.ndarray | None, draws: int) -> np.ndarray:
    """What a method is shown, float32 [draws, rows, columns]; clipped below as scanners store it."""
    if not noise:
        return np.repeat(hu[None].astype(np.float32), draws, axis=0)
    return np.maximum(hu + np.float32(noise) * fields, -1024).astype(np.float32)


def _denoise(model, given: np.ndarray, spacing: float, settings, reporter) -> np.ndarray:
    from ..volume import CTVolume

    return model.denoise(CTVolume(given, (spacing, spacing, 1.0)), settings, notice=reporter.notice).volume.hu


def _measure(outputs: np.ndarray, phantom):
    from ..quality.phantom.figures import measure_objects, measure_plain

    if len(outputs) > 1:  # a draw and its negative are one answer
        outputs = outputs.reshape(-1, 2, *outputs.shape[1:]).mean(axis=1)
    return measure_objects(outputs, phantom), measure_plain(outputs, phantom)


def _rows(*facts) -> list[dict]:
    from ..quality.phantom.verdict import object_rows

    return object_rows(*facts)


def _summary(*facts) -> dict:
    from ..quality.phantom.verdict import summary_row

    return summary_row(*facts)


def _draw(path: Path, sheet: list, row: dict) -> None:
    """Each phantom in a column: what was given, one output, and the mean output against the truth."""
    from ..quality.picture import difference_limit
    from ..quality.sheet import Cell, picture_sheet

    limit = max(5.0, max(difference_limit((mean - phantom.hu)[phantom.plain]) for phantom, _, _, mean in sheet))
    rows = [[], [], []]
    for phantom, given, output, mean in sheet:
        window = SHOWN[phantom.name]
        rows[0].append(Cell(f"{phantom.name}, given", given, window))
        rows[1].append(Cell(f"{phantom.name}, output", output, window))
        rows[2].append(Cell("mean output − truth", mean - phantom.hu, (-limit, limit), difference=True))
    header = f"{row['method']}, noise {row['noise']:g} HU: {row['verdict']}"
    picture_sheet(path, rows, header=header, footer=f"{row['draws']} draws")
