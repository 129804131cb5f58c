"""ldct-denoise models: every method and what is known of it."""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the cards as JSON")


def run(args: argparse.Namespace, reporter) -> None:
    from ..weights.store import availability, list_cards

    cards, problems = list_cards()
    if args.json:
        listed = [{**json.loads(card.to_json()), "available": availability(card)} for card in cards]
        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(_describe(card, availability(card)) for card in cards))
        print("\nFor research use only. Not for diagnosis.")
    for text in problems:
        reporter.notice(text)


def _describe(card, available: str) -> str:
    size = f"{card.size / 1e6:.1f} MB" if card.size else "no weights"
    lines = [
        f"{card.id}  –  {card.title} ({card.family}, {size}, {card.licence}), {available}",
        f"    {card.description}",
    ]
    if card.training_data:
        lines.append(f"    trained on: {card.training_data}")
    lines += [f"    {name}: {value}" for facts in (card.quality, card.time) for name, value in facts.items()]
    return "\n".join(lines)
