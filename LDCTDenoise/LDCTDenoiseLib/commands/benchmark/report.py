"""What a benchmark says: the table, the profile, and files of both."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from .floor import rate_of
from .legend import profile_legend, table_legend
from .names import name, seconds, title
from .profile import told_kinds
from .random_models import RANDOM
from .rounds import Result
from .rows import PLAIN

_HEAD = ("method", "way", "precision", "device", "batch", "s/slice", "quartiles", "× as quick", "start s", "peak MB",
         "max HU", "RMS HU", "mean HU")  # fmt: skip


def print_table(results: Sequence[Result], load_after: str, line) -> None:
    lines = [_HEAD, *map(_cells, results)]
    if any(result.facts["gpu_mb"] for result in results):
        more = ["GPU MB", *(f"{result.facts['gpu_mb'] or 0:.0f}" for result in results)]
        lines = [(*line, cell) for line, cell in zip(lines, more, strict=True)]
    _print_columns(lines, left=4)
    threads = sorted({result.facts["threads"] for result in results if result.facts["threads"]})
    print(f"load {load_after} after; threads of torch: {', '.join(map(str, threads)) or 'none'}")
    print(table_legend(results))
    most = max(result.slices for result in results)
    for result in results:
        if result.slices < most:
            line.notice(f"{title(result)}: {result.slices} of the slices in a round.")
        for text in result.facts["notices"]:
            line.notice(f"{result.row.model}: {text}")


def print_profile(results: Sequence[Result]) -> None:
    """The floor of every network, and where its time goes."""
    networks = [result for result in results if result.floor]
    if not networks:
        return
    peaks = networks[0].peaks
    rates = ", ".join(f"{2 * rate / 1e9:.0f} GFLOP/s in {kind}" for kind, rate in peaks.items() if kind != "bytes")
    print(f"\nMeasured peaks: {rates}; memory {peaks['bytes'] / 1e9:.0f} GB/s")
    lines = [("method", "way", "precision", "s/slice", "arithmetic", "memory", "roofline", "× roofline")]
    for result in networks:
        floor = result.floor
        figures = map(seconds, (result.seconds, floor.arithmetic, floor.memory, floor.roofline))
        over = f"{result.seconds / floor.roofline:.1f}" if floor.roofline else "–"
        lines.append((*name(result), *figures, over))
    if any(result.on_device for result in networks):  # of a GPU, beside the whole run's
        more = ["on device", *(seconds(result.on_device or 0) for result in networks)]
        lines = [(*line, cell) for line, cell in zip(lines, more, strict=True)]
    _print_columns(lines, left=3)
    print(profile_legend(networks))
    for result in networks:
        if result.profile:
            _print_kinds(result)


def _print_kinds(result: Result) -> None:
    whole, kinds = result.profile["whole"], result.profile["kinds"]
    # of the plain network alone it is known what was multiplied
    rate = rate_of(result.operations, kinds) if result.operations and result.facts["way"] == PLAIN else 0
    reached = f"; convolutions and products: {rate / 1e9:.0f} GFLOP/s" if rate else ""
    print(f"\n{title(result)}: {seconds(whole)} s a slice under the profiler{reached}")
    for kind, taken in told_kinds(result.profile).items():
        print(f"  {kind:15s} {seconds(taken):>8s} s {100 * taken / whole:4.0f} %")


def print_files(rows: Sequence[dict]) -> None:
    """Nothing where a notice has said why there is none."""
    if not rows:
        return
    print(f"\nFrom a DICOM series of {rows[0]['slices']} slices to another, the whole command:")
    lines = [("method", "s", "s/slice inside", "device", "precision")]
    for row in rows:
        figures = (f"{row['seconds']:.1f}", seconds(row["inside"]))
        lines.append((row["model"], *figures, row["device"], row["precision"]))
    _print_columns(lines, left=1)
    print("s: from the start of the command to its end; inside: of that, the denoising alone.")


def table(results: Sequence[Result], through: Sequence[dict] = ()) -> list[dict]:
    """One line a row, for programs: plain names, seconds, MB, HU; what there is not is left out.

    through  what `through.files_rows` has: lines of their own, with the way "file to file"
    """
    lines = []
    for result in results:
        low, high = result.quartiles
        line = {
            "model": result.row.model,
            "way": result.facts["way"] if result.is_network else "",
            "precision": result.facts["precision"] if result.is_network else "",
            "device": result.facts["device"], "batch": result.facts["batch"], "slices": result.slices,
            "rounds": len(result.per_slice),
            "s_per_slice": result.seconds, "s_per_slice_q1": low, "s_per_slice_q3": high, "start_s": result.start,
        }  # fmt: skip
        line |= {key: result.facts[key] for key in ("peak_mb", "gpu_mb") if result.facts[key]}
        if result.ratios:
            line["times_as_quick"] = statistics.median(result.ratios)
        if result.difference_hu:
            line["max_hu"], line["rms_hu"], line["mean_hu"] = result.difference_hu
        if result.floor:
            line |= {f"floor_{key}_s": value for key, value in result.floor._asdict().items()}
        if result.profile:
            line |= {f"profiled_{kind.replace(' ', '_')}_s": s for kind, s in result.profile["kinds"].items()}
            line |= {"on_device_s": result.on_device} if result.on_device else {}
        lines.append(line)
    for row in through:
        line = {"model": row["model"], "way": "file to file"}
        line |= {key: row[key] for key in ("precision", "device", "slices")}
        lines.append({**line, "files_s": row["seconds"], "files_inside_s_per_slice": row["inside"]})
    return lines


def write_outputs(
    results: Sequence[Result], through: Sequence[dict], machine: dict, csv: Path | None, picture: Path | None
) -> None:
    if csv:
        from ...quality.table import write_csv

        write_csv([line | machine for line in table(results, through)], csv)
    if picture:
        from .picture import draw

        draw(picture, results, machine)


def record_times(results: Sequence[Result], machine: dict) -> list[Path]:
    """For whoever publishes a model: its card says what this command measured, and where. Returns the cards' files."""
    from ...weights.store import find_card, save_card

    written = []
    best = {result.row.model: result for result in results if result.row.way == "quick"}  # the last is what auto chose
    for model, result in best.items():
        if model in RANDOM or model == "bm3d":
            continue
        figures = {
            "machine": machine["machine"],
            "data": machine["data"],
            "command": "ldct-denoise benchmark",
            "seconds_per_slice": float(f"{result.seconds:.3g}"),
            "device": result.facts["device"],
            "precision": result.facts["precision"],
        }
        if math.isfinite(result.facts["peak_mb"]):
            figures["peak_megabytes"] = round(result.facts["peak_mb"])
        card = find_card(model)
        save_card(card, time=figures)
        written.append(card.folder / f"{card.id}.json")
    return written


def _cells(result: Result) -> tuple[str, ...]:
    low, high = result.quartiles
    difference = [f"{value:.2g}" for value in result.difference_hu] if result.difference_hu else ["–"] * 3
    ratio = f"{statistics.median(result.ratios):.2f}" if result.ratios else "–"
    spread = f"{seconds(low)}–{seconds(high)}" if len(result.per_slice) > 1 else "–"
    return (
        *name(result), result.facts["device"], str(result.facts["batch"]), seconds(result.seconds),
        spread, ratio, f"{result.start:.1f}", f"{result.facts['peak_mb']:.0f}", *difference,
    )  # fmt: skip


def _print_columns(lines: Sequence[Sequence[str]], left: int) -> None:
    """The first `left` columns begin at the left, the others end at the right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        print("  ".join(cells).rstrip(), flush=True)
