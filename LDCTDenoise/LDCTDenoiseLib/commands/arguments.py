"""Arguments that several commands share, and what they mean."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_input(parser: argparse.ArgumentParser, name: str = "input") -> None:
    parser.add_argument(
        name, metavar="INPUT", type=Path, help="a DICOM folder or file, or .nrrd .nhdr .nii .nii.gz .mha .mhd"
    )


def add_computing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--precision",
        default="auto",
        choices=("auto", "float32", "bfloat16", "float16"),
        help="auto: fastest that agrees",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same result (default 0)")


def add_strength(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--strength", type=float, default=1.0, metavar="0…1", help="less than 1 mixes the input back in (default 1)"
    )


def add_slices(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--slices",
        type=slice_range,
        metavar="A:B",
        help="only axial slices A up to but without B, counted from 0 as the file stores them",
    )


def add_output_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace outputs that exist")
    parser.add_argument(
        "--progress", choices=("auto", "json", "none"), default="auto", help="a bar, one JSON object a line, or nothing"
    )


def slice_range(text: str) -> tuple[int, int]:
    """'A:B' → (A, B)."""
    try:
        first, last = (int(part) for part in text.split(":"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range such as 10:20") from None
    return first, last


def model_ids(text: str) -> list[str]:
    """'a,b' → ['a', 'b'], without repeats."""
    ids = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not ids:
        raise argparse.ArgumentTypeError("name at least one model, such as rddm-balanced,nlm")
    return ids
