"""ldct-denoise models: every method and what is known of it."""

from __future__ import annotations

import argparse
import json
import textwrap


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the cards as JSON")


def run(args: argparse.Namespace, reporter) -> None:
    from ..methods.requirements import missing_packages
    from ..weights.store import availability, list_cards

    cards, problems = list_cards()
    if args.json:
        asked = {"available": availability, "missing_packages": missing_packages}
        listed = [{**json.loads(card.to_json()), **{name: ask(card) for name, ask in asked.items()}} for card in cards]
        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        print("\n\n".join(_describe(card, availability(card), missing_packages(card)) for card in cards))
        print("\nFor research use only. Not for diagnosis.")
    for text in problems:
        reporter.notice(text)


def _describe(card, available: str, missing: tuple[str, ...]) -> str:
    from ..methods.requirements import what_is_missing

    size = f"{card.size / 1e6:.1f} MB, " if card.size else ""
    lines = [f"{card.id}  –  {card.title} ({size}{card.family})", f"    {card.description}"]
    facts = {"licence": card.licence, "trained on": card.training_data}
    if available != "present":
        facts = {"not here": available, **facts}
    elif card.weights:
        lines[0] += ", present"
    if missing:
        facts = {"needs": what_is_missing(missing), **facts}
    for title, figures in (("quality", card.quality), ("time", card.time)):
        if figures:
            facts[title] = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
    return "\n".join(lines + [_wrapped(f"{name}: {text}") for name, text in facts.items()])


def _wrapped(text: str) -> str:
    layout = {"initial_indent": "    ", "subsequent_indent": "        "}
    return textwrap.fill(text, 110, **layout, break_long_words=False, break_on_hyphens=False)
