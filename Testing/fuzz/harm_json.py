"""Spoiling JSON: other values, other types, nests without bottom."""

from __future__ import annotations

import copy
import json
from random import Random

VALUES = (
    None, True, False, 0, -1, 1e308, -1e308, 10**400, 2**63, 0.1, "", "x", "RAS", "LPS", "ROI", "../../etc/passwd",
    "é𝕏", "\ud800", [], {}, [[]], [None], ["1", "2", "3"], [1, 2], [1, 2, 3], [1e300] * 3, [0, 0, 0], [-1, -2, -3],
    [[1, 2, 3]] * 3, list(range(9)), [1, 0, 0, 0, 1, 0, 0, 0, 1], [2, 0, 0, 0, 1, 0, 0, 0, 1], [float("nan")] * 3,
    [float("inf")] * 3, float("nan"), ["x"] * 1000,
)  # fmt: skip


def harm_json(text: bytes, chance: Random) -> bytes:
    """The document with one to three spoilt places, or a text that is hardly one."""
    if chance.random() < 0.1:
        depth = chance.choice((100, 5000, 200_000))
        open_ended = b"[" * depth, b'{"markups":' * depth, b'{"a":' + b"9" * depth
        return chance.choice((*open_ended, b"[" * depth + b"]" * depth))
    document = json.loads(text)
    for _ in range(chance.choice((1, 1, 2, 3))):
        places = list(_places(document))
        if not places:
            break
        holder, key = chance.choice(places)
        change = chance.random()
        if change < 0.7:
            holder[key] = copy.deepcopy(chance.choice(VALUES))
        elif change < 0.8:
            del holder[key]
        elif change < 0.9 and isinstance(holder, list):
            holder.extend(copy.deepcopy(holder) * chance.choice((1, 3, 100)))
        else:
            holder[key] = _nest(chance.choice((5, 100)))
    return json.dumps(document).encode()


def _places(document: object):
    """(holder, key) of every value."""
    if isinstance(document, dict):
        pairs = list(document.items())
    else:
        pairs = list(enumerate(document)) if isinstance(document, list) else []
    for key, value in pairs:
        yield document, key
        yield from _places(value)


def _nest(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value
