"""ldct-denoise validate-measures: figures against truth; what the score says of structure taken on purpose."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from ..errors import InputError
from .arguments import add_output_rules
from .outputs import check_outputs
from .phantom import noise_levels
from .stress import read_normal_dose

FILTERS = ("gaussian", "median", "bilateral", "nlm")
THIN_MM = 3.0  # of slices no farther apart, three make one cleaner slice

FIGURES_MEANING = "The trend and the choice of calm squares take slow waves: mean frequencies come out a little high."
MEANING = """\
Truth: the score of clean − what is left of it, freed of noise. Score: as in use, of the noisy image and the answer.
Both in % of the edge's contrast; wider: change of the 10–90 % width in %, as measured on the noise-free images and as
the score tells it. Slope 1 and offset 0: noise that was removed does not look like structure."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "inputs", metavar="INPUT", type=Path, nargs="*",
        help="normal dose: a DICOM folder, .ctz, .nrrd .nhdr .nii .nii.gz .mha or .mhd; none: the known figures alone",
    )  # fmt: skip
    parser.add_argument(
        "--noise", type=noise_levels, default=[10.0, 25.0, 50.0], metavar="HU,…", help="added (default 10,25,50)"
    )
    parser.add_argument("--slices", type=int, default=4, metavar="N", help="of each volume, evenly (default 4)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same noise (default 0)")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="every comparison")
    add_output_rules(parser)


def run(args: argparse.Namespace, reporter) -> None:
    from ..quality.known.figures import known_figures
    from ..quality.known.removal import compare_known
    from ..quality.table import write_csv
    from ..training.series import name_of

    if args.slices < 1:
        raise InputError("Take at least one slice of each volume.")
    if args.seed < 0:
        raise InputError("The seed must not be negative.")
    if not all(args.noise):
        raise InputError("The added noise must be above 0 HU.")
    check_outputs([args.csv] if args.csv else [], args.overwrite, args.inputs)
    figures = list(known_figures(args.seed))
    rows = []
    for path in args.inputs:
        volume, name = read_normal_dose(path, reporter), name_of(path)
        spacing = (float(volume.spacing[0]), float(volume.spacing[1]))
        rows += compare_known(
            clean_slices(volume.hu, volume.spacing[2], args.slices), spacing, args.noise, filters(spacing),
            case=name, seed=args.seed, progress=lambda done, total, name=name: reporter.progress(done, total, name),
        )  # fmt: skip
    reporter.close()
    if args.csv:
        write_csv([asdict(row) for row in rows], args.csv)
    if args.progress != "json":
        print(f"{_figures_table(figures)}\n\n{FIGURES_MEANING}")
        if rows:
            print(f"\n{_removal_table(rows)}\n\n{_lines_table(rows)}\n\n{MEANING}")
    reporter.result({"figures": [asdict(f) for f in figures], "rows": [asdict(r) for r in rows], "lines": _lines(rows)})


def clean_slices(hu: np.ndarray, gap_mm: float, count: int) -> np.ndarray:
    """Slices evenly from the volume, thin ones averaged with their neighbours: float32 [n, rows, columns]."""
    reach = 1 if gap_mm <= THIN_MM and len(hu) > 2 else 0
    numbers = np.unique(np.linspace(reach, len(hu) - 1 - reach, min(count, len(hu) - 2 * reach)).round().astype(int))
    means = [hu[i - reach : i + reach + 1].mean(axis=0, dtype=np.float64) for i in numbers]
    return np.clip(np.array(means, dtype=np.float32), -1024, 3071)


def filters(spacing: tuple[float, float]) -> dict:
    """The classical filters of which the truth is made, those whose packages are here."""
    from importlib.util import find_spec

    from ..methods.classical import make_filter

    found = {id: make_filter(id) for id in FILTERS}
    return {
        id: lambda stack, one=one: one.denoise(stack, seeds=[0] * len(stack), spacing=spacing)
        for id, one in found.items()
        if all(find_spec(package) for package in one.packages)
    }


def _figures_table(figures: list) -> str:
    from ..quality.table import format_table

    shown = [
        {"figure": f"{f.title}, {f.unit}", "known": f.known, "measured": f.measured, "error": f.error} for f in figures
    ]
    return format_table(shown, ["figure", "known", "measured", "error"])


def _removal_table(rows: list) -> str:
    """Means over volumes and noise levels of what was taken, for each group of edges."""
    from ..quality.table import format_table

    shown = []
    for removal, group in dict.fromkeys((row.removal, row.group) for row in rows):
        those = [row for row in rows if (row.removal, row.group) == (removal, group)]
        mean = {
            key: float(np.mean([getattr(r, key) for r in those])) for key in ("truth", "score", "wider_true", "wider")
        }
        error = float(np.sqrt(np.sum([row.error**2 for row in those])) / len(those))
        shown.append({"taken": removal, "edges": group, "truth %": mean["truth"], "score %": mean["score"], "±": error,
                      "wider, truth": mean["wider_true"], "wider": mean["wider"]})  # fmt: skip
    return format_table(shown, list(shown[0]), digits=2)


def _lines(rows: list) -> list[dict]:
    from ..quality.known.removal import fitted_line

    found = []
    for group in dict.fromkeys(row.group for row in rows):
        for noise in [*dict.fromkeys(row.noise for row in rows), None]:
            those = [row for row in rows if row.group == group and noise in (None, row.noise)]
            found.append({"edges": group, "noise": noise, "comparisons": len(those), **fitted_line(those)})
    return found


def _lines_table(rows: list) -> str:
    from ..quality.table import format_table

    shown = [
        {"edges": line["edges"], "HU": "all" if line["noise"] is None else f"{line['noise']:g}",
         "slope": line["slope"], "slope_sd": line["slope_error"], "offset %": line["offset"],
         "offset %_sd": line["offset_error"], "within 2 errors": f"{100 * line['within']:.0f} %"}
        for line in _lines(rows)
    ]  # fmt: skip
    return format_table(shown, ["edges", "HU", "slope", "offset %", "within 2 errors"], digits=2)
