"""ldct-denoise demo: a real head CT from file to picture, in one command and offline."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from ..errors import InputError
from .arguments import add_output_rules, model_ids, refuse_existing

FILE = "693_UNCR.dcm"  # a head CT, 512×512, 5 mm, in the package pydicom-data
DOSE = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", type=Path, nargs="?", default=Path("demo"), help="default: demo")
    parser.add_argument("--models", type=model_ids, default=["rddm-balanced", "nlm"], metavar="A,B,…")
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..files import read_volume, write_volume
    from ..inference.engine import Settings
    from ..quality.picture import comparison_picture
    from ..quality.table import compare_slices, format_table, write_csv
    from ..simulation.calibration import calibrated_scanner
    from ..simulation.low_dose import simulate_low_dose
    from .denoise import write_json
    from .methods import Methods

    folder, methods = args.folder, Methods(args.models)
    names = ["normal-dose", "low-dose", *args.models]
    volumes = {name: folder / f"{name}.nrrd" for name in names}
    picture, figures, records = (folder / name for name in ("comparison.png", "figures.csv", "records.json"))
    refuse_existing([*volumes.values(), picture, figures, records], args.overwrite)

    dicom = folder / "dicom"  # alone: beside it the package keeps the same slice in other encodings
    dicom.mkdir(parents=True, exist_ok=True)
    shutil.copy(find_head_ct(), dicom / FILE)
    normal = read_volume(dicom)
    low = simulate_low_dose(normal, DOSE, seed=1, scanner=calibrated_scanner(normal), progress=reporter.progress)
    made = {"normal-dose": normal, "low-dose": low}
    record = {}
    for id, result in methods.results(low, Settings(), reporter):
        made[id], record[id] = result.volume, result.record
    reporter.close()
    for name, volume in made.items():
        write_volume(volume, volumes[name], overwrite=args.overwrite)
    slices = {name: volume.hu[0] for name, volume in made.items()}
    spacing = normal.spacing[:2]
    images = {"input": low.hu, **{id: made[id].hu for id in args.models}}
    rows = compare_slices(images, normal.hu, spacing, case="head")
    write_csv(rows, figures)
    write_json(record, records, args.overwrite)
    comparison_picture(
        picture,
        [("low dose (simulated)", slices["low-dose"]), *((id, slices[id]) for id in args.models),
         ("normal dose", slices["normal-dose"])],
        window=(-20.0, 100.0),
        differences=[(id, slices[id] - slices["low-dose"]) for id in args.models],
        spacing=spacing,
        footer=f"{FILE} of pydicom-data at {DOSE:g} of its dose, seed 1",
    )  # fmt: skip
    reporter.result({"folder": str(folder), "picture": str(picture), "figures": str(figures)})
    if args.progress == "auto":
        print(format_table(rows))
        print(f"\nbefore | after | difference:  {picture}\nfigures:                      {figures}")
        print(f"volumes:                      {', '.join(p.name for p in volumes.values())} in {folder}")
        print("For research use only. Not for diagnosis.")


def find_head_ct() -> Path:
    """The head CT of pydicom-data, as it lies on this machine; nothing is downloaded."""
    try:
        from pydicom.data import get_testdata_file

        found = get_testdata_file(FILE, download=False)
    except (ImportError, ValueError, OSError):
        found = None
    if not found:
        raise InputError("The demo needs the package pydicom-data: pip install pydicom-data.")
    return Path(found)
