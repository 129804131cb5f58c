"""How the denoised volumes of a measurement were made: records that denoise and compare have written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..quality.report.text import plain


def records_of(path: Path | None, denoised: Sequence[tuple[str, Path]], notices: list[str]) -> dict[str, dict]:
    """Records by the name of the image that they tell of.

    path      records.json of `compare` (model id → record), or the record of `denoise --report`; may be None
    denoised  (name, file) of the denoised volumes
    notices   grows by a sentence for records that belong to none of them, or that were joined by a guess
    A record belongs to the image that bears its model's id, or whose file it names as its output. A single record and
    a single volume belong together. Raises InputError for a file that holds no records.
    """
    records, found = _read(path), {}
    for model, record in list(records.items()):
        names = [name for name, _ in denoised if name == model]
        names = names or [name for name, file in denoised if file.name == record.get("output")]
        if len(names) == 1 and names[0] not in found:
            found[names[0]] = records.pop(model)
    if len(records) == 1 and len(denoised) == 1 and not found:
        (name, file), (model, record) = denoised[0], records.popitem()
        found[name] = record
        if isinstance(written := record.get("output"), str):
            notices.append(f"The record tells of {plain(written)} and was taken for that of {plain(file.name)}.")
    if records:
        names = ", ".join(plain(model) for model in records)
        notices.append(f"Records that belong to none of the denoised volumes were left out: {names}.")
    return found


def _read(path: Path | None) -> dict[str, dict]:
    if path is None:
        return {}
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no record as `denoise --report` or `compare` write it.") from error
    if isinstance(facts, dict) and isinstance(facts.get("model"), str):
        return {facts["model"]: facts}
    if isinstance(facts, dict) and all(isinstance(one, dict) for one in facts.values()):
        return facts
    raise InputError(f"{path} is no record as `denoise --report` or `compare` write it.")
