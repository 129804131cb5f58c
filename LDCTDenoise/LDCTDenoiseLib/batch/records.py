"""The record beside every output, and the row of the log that it gives.

A record is written just before its output takes its place, and holds what the output will be like: record and output
that agree are a finished piece of work; one without the other, or two that differ, are none.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath

from ..atomic import atomic_output
from ..errors import InputError
from ..version import package_version
from .found import FoundSeries
from .hidden import hide
from .plan import Options, Task, record_of

Row = dict[str, "str | int | float"]


def write_record(record: dict, path: Path) -> None:
    """UTF-8, readable by a person; replaces a former record."""
    with atomic_output(path, overwrite=True) as aside:
        aside.write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_record(path: Path) -> dict | None:
    """The record at `path`, None where there is none; InputError for a file that no batch has written."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputError(f"{path} could not be read ({error.strerror}); check your right to read it.") from error
    if not data.strip(b"\0 \n"):  # what some disks leave of a file after a power cut
        return None
    try:
        record = json.loads(data)
        if isinstance(record["task"]["key"], str) and isinstance(record["model"], str):
            return record
    except (ValueError, RecursionError, TypeError, KeyError):
        pass
    raise InputError(f"{path} is no record of a batch and is not replaced; move it away, or choose another folder.")


def row(task: Task, options: Options, model: str, status: str, **facts: str | int | float) -> Row:
    """A row of the log: what is known of every series, and the facts."""
    return {
        "number": task.number,
        "series": name_of(task.series, options),
        "key": task.series.key,
        "model": model,
        "status": status,
        "slices": task.series.slices or "",
        "version": package_version(),
        **facts,
    }


def row_of(record: dict, task: Task, options: Options, model: str, status: str) -> Row:
    """The row of a finished piece of work."""
    work = record["task"]
    facts = {name: work.get(name) for name in ("slices", "noise_before", "noise_after", "notices")}
    facts.update({name: record.get(name) for name in ("seconds", "finished", "version")})
    names = _places(task, options, model)
    return row(task, options, model, status, **names, **{k: "" if v is None else v for k, v in facts.items()})


def failed_rows(task: Task, options: Options, sentence: str) -> list[Row]:
    """The rows of a task that came to nothing; `sentence` says why."""
    return [failed_row(task, options, model, sentence) for model, _ in task.outputs]


def failed_row(task: Task, options: Options, model: str, sentence: str) -> Row:
    from datetime import datetime, timezone

    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return row(task, options, model, "failed", error=shown(sentence, task.series, options), finished=now)


def name_of(series: FoundSeries, options: Options) -> str:
    """Of the series in logs and tables."""
    return shown(series.name, series, options)


def shown(text: str, series: FoundSeries, options: Options) -> str:
    """One line, without the patient's name unless names are wanted."""
    text = " ".join(text.split())
    return text if options.names else hide(text, series.secrets)


def _places(task: Task, options: Options, model: str) -> dict[str, str]:
    """Output and record, relative to the tree of outputs."""
    folder, output = PurePosixPath(task.series.name).parent, dict(task.outputs)[model]
    paths = {"output": output.name, "record": record_of(output).name}
    return {key: shown(str(folder / name), task.series, options) for key, name in paths.items()}
