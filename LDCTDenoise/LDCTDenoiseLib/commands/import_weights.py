"""ldct-denoise import-weights: an authors' checkpoint into the user's folder."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="a checkpoint as its authors publish it (.pth)")
    parser.add_argument("--id", metavar="ID", help="model id, such as rddm-fine-official; else from the file's name")


def run(args: argparse.Namespace, reporter) -> None:
    from ..weights.checkpoints import import_checkpoint

    card = import_checkpoint(args.file, args.id)
    print(f"{card.id}: {card.title}, {card.size / 1e6:.0f} MB, checked and imported.")
    print(f"Use it with --model {card.id}. For research use only.")
