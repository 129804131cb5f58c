"""ldct-denoise demo: a real head CT from file to picture, in one command and offline."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..atomic import atomic_output
from ..errors import InputError
from .arguments import add_output_rules, model_ids
from .measure_inputs import titles_of
from .outputs import check_outputs, require, write_json

FILE = "693_UNCR.dcm"  # a head CT, 512×512, 5 mm, in the package pydicom-data
DOSE, SEED = 0.1, 1
WINDOW = (-20.0, 100.0)  # HU: grey and white matter, and the noise


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=Path("demo"), help="default: demo")
    parser.add_argument("--models", type=model_ids, default=["rddm-balanced", "nlm"], metavar="A,B,…")
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import write_volume
    from ..inference.engine import Settings
    from ..quality.measurement import INPUT, REFERENCE, Subject, measure, rows_of
    from ..quality.measurement.shown import pictures_of
    from ..quality.picture import comparison_picture
    from ..quality.report import write_report
    from ..quality.table import RATIOS, format_table, write_csv
    from ..simulation.calibration import calibrated_scanner
    from ..simulation.low_dose import simulate_low_dose
    from .methods import Methods

    require("matplotlib")
    folder, methods = args.folder, Methods(args.models)
    names = ["normal-dose", "low-dose", *args.models]
    files = [*(f"{name}.nrrd" for name in names), "comparison.png", "figures.csv", "report.html", "records.json"]
    check_outputs([folder / name for name in files], args.overwrite)

    normal = read_head_ct()
    low = simulate_low_dose(normal, DOSE, seed=SEED, scanner=calibrated_scanner(normal), progress=reporter.progress)
    made, record = {"normal-dose": normal, "low-dose": low}, {}
    for id, result in methods.results(low, Settings(), reporter):
        made[id], record[id] = result.volume, result.record
    reporter.close()

    stacks = {name: volume.standard().hu for name, volume in made.items()}
    slices = {name: hu[0] for name, hu in stacks.items()}
    subject = Subject(
        {INPUT: stacks.pop("low-dose"), REFERENCE: stacks.pop("normal-dose"), **stacks},
        normal.standard().spacing,
        name=f"{FILE} of pydicom-data at {DOSE:g} of its dose (simulated)",
        titles=titles_of(stacks),
        records=record,
    )
    answer = measure(subject)
    rows = [{"case": "head", **row} for row in rows_of(answer)]
    with atomic_output(folder / "records.json", args.overwrite) as records:
        staged = records.parent
        for name, volume in made.items():
            write_volume(volume, staged / f"{name}.nrrd")
        write_csv(rows, staged / "figures.csv")
        write_report(staged / "report.html", answer, pictures_of(subject, answer))
        write_json(record, records)
        comparison_picture(
            staged / "comparison.png",
            [("low dose (simulated)", slices["low-dose"]), *((id, slices[id]) for id in args.models),
             ("normal dose", slices["normal-dose"])],
            window=WINDOW,
            differences=[(id, slices[id] - slices["low-dose"]) for id in args.models],
            spacing=normal.spacing[:2],
            meaning="difference = output − low dose",
            footer=f"{FILE} of pydicom-data at {DOSE:g} of its dose, seed {SEED}",
        )  # fmt: skip
    reporter.result({"folder": str(folder), "rows": rows})
    if args.progress == "auto":
        print(f"{format_table(rows)}\n{RATIOS}")
        print(f"\nbefore | after | difference:  {folder / 'comparison.png'}")
        print(f"figures:                      {folder / 'figures.csv'}")
        print(f"report:                       {folder / 'report.html'}")
        print(f"volumes:                      {', '.join(files[: len(names)])} in {folder}")
        print("For research use only. Not for diagnosis.")


def read_head_ct():
    """The head CT of pydicom-data, as it lies on this machine; nothing is downloaded."""
    from ..files import read_series

    try:
        from pydicom.data import get_testdata_file

        found = get_testdata_file(FILE, download=False)
    except (ImportError, ValueError, OSError):
        found = None
    if not found:
        raise InputError("The demo needs the package pydicom-data: pip install pydicom-data.")
    return read_series([Path(found)])  # alone: beside it the package keeps the same slice in other encodings
