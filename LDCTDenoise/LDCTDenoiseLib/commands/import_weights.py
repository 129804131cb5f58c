"""ldct-denoise import-weights: an authors' checkpoint into the user's folder."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="a checkpoint as its authors publish it (.pth, .pt)")
    parser.add_argument(
        "beside",
        metavar="FILE2",
        type=Path,
        nargs="?",
        help="FoundDiff's DA-CLIP.pth beside its model-*.pt, to compare it; the model has it inside",
    )
    parser.add_argument("--id", metavar="ID", help="model id, such as rddm-fine-official; else from the file")
    parser.add_argument("--float16", action="store_true", help="store the weights in half the space")


def run(args: argparse.Namespace, reporter) -> None:
    from ..weights.checkpoints import import_checkpoint

    card = import_checkpoint(args.file, args.id, beside=args.beside, dtype="float16" if args.float16 else "float32")
    print(f"{card.id}: {card.title}, {card.size / 1e6:.0f} MB, checked and imported.")
    print(f"Use it with --model {card.id}. For research use only.")
