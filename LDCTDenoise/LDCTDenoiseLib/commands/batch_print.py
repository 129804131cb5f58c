"""What `ldct-denoise batch` says: tables for people, events for programs."""

from __future__ import annotations

import argparse
import contextlib
import math
import textwrap
from collections import Counter
from collections.abc import Sequence

from ..batch.found import Finding, Left
from ..batch.hidden import hide
from ..batch.log import LEFT, NAME
from ..batch.plan import Options, Task
from ..batch.records import Row, name_of, shown
from ..batch.run import Summary

_WIDTH = 100  # columns
_SHOWN, _NAMED = 30, 4  # series in the table, names for a reason; --dry-run shows all
_NAME_WIDTH, _FACT_WIDTH = 42, 12
_FACTS = {"KVP": "kVp", "ConvolutionKernel": "kernel", "SliceThickness": "mm"}


class Told:
    """A batch as its user hears of it."""

    def __init__(
        self,
        args: argparse.Namespace,
        options: Options,
        reporter,
        finding: Finding,
        tasks: Sequence[Task],
        left: Sequence[Left],
        already: Sequence[Row],
    ):
        self.options, self.reporter, self.finding, self.tasks = options, reporter, finding, tasks
        self.left = [*finding.left, *left]
        self.log, self.is_dry = args.output / NAME, args.dry_run
        self._done = {(row["key"], row["model"]) for row in already}
        self._by_key = {task.series.key: task for task in tasks}
        self._event = getattr(reporter, "event", None)
        self._complete = 0  # outputs that are there, of those that were asked for

    def found(self) -> None:
        """What will be done, and what is left and why."""
        self.reporter.close()
        if self._event:
            series = [self._facts(task) for task in self.tasks]
            show = self._shown
            left = [{"name": show(one.name), "files": one.files, "why": show(one.why)} for one in self.left]
            self._event("found", {"series": series, "left": left, "files": self.finding.files})
            return
        if self.tasks:
            print(self._table() + "\n")
        for part in (self._notes(), self._leavings()):
            if part:
                print(part + "\n")
        wanted = sum(len(task.outputs) for task in self.tasks)
        there = f" {len(self._done)} of {wanted} outputs are there already." if self._done else ""
        print(f"{len(self.tasks)} series for {', '.join(self.options.models)}.{there}")
        print(f"{self.finding.files} files looked at in {self.finding.seconds:.1f} s.")

    def row(self, row: Row) -> None:
        """A line of the log was written."""
        self._complete += row["status"] != "failed"
        if self._event:
            task = self._by_key[row["key"]]
            output = "" if row["status"] == "failed" else str(dict(task.outputs)[row["model"]])
            self._event("series", {**row, "input": str(task.series.files[0].path), "output": output})
        elif row["status"] == "failed":
            self.reporter.notice(f"{row['series']} was not done with {row['model']}: {row['error']}")

    def left_rows(self) -> list[Row]:
        """Lines of the log for what is left out."""
        return [{"series": self._shown(one.name), "status": LEFT, "error": self._shown(one.why)} for one in self.left]

    def stopped(self) -> None:
        """It was cancelled."""
        self.reporter.close()
        wanted = sum(len(task.outputs) for task in self.tasks)
        self.reporter.notice(
            f"{self._complete} of {wanted} outputs are complete and stay; --resume goes on. The log: {self.log}"
        )

    def end(self, summary: Summary | None, seconds: float) -> None:
        """How it went; without a summary nothing was done."""
        self.reporter.close()
        rows = summary.rows if summary else ()
        if self._event:
            counts = {status: sum(row["status"] == status for row in rows) for status in ("done", "already", "failed")}
            left = sum(one.files for one in self.left)
            facts = {**counts, "left": left, "log": str(self.log), "seconds": round(seconds, 1)}
            self.reporter.result(facts)
            return
        if self.is_dry:
            print("Nothing was done: this was asked for with --dry-run.")
            return
        print("\n" + _methods_table(rows))
        left = f", which also says what was left out and why ({len(self.left)})" if self.left else ""
        print(f"{_duration(seconds)}. The log: {self.log}{left}")
        print("For research use only. Not for diagnosis.")

    def _table(self) -> str:
        from ..quality.table import align

        tasks = self.tasks if self.is_dry else self.tasks[:_SHOWN]
        keys = [key for key in _FACTS if any(task.series.facts.get(key) for task in tasks)]
        lines = [["no.", "series", "slices", "size", *(_FACTS[key] for key in keys), "outputs"]]
        for task in tasks:
            series = task.series
            facts = [_fact(series.facts.get(key, "")) for key in keys]
            size = f"{series.columns}×{series.rows}" if series.rows else "–"
            name = _cut(name_of(series, self.options), _NAME_WIDTH)
            lines.append([str(task.number), name, str(series.slices or "–"), size, *facts, self._standing(task)])
        table = align(lines, [1, *range(4, len(lines[0]))])
        more = len(self.tasks) - len(tasks)
        return f"{table}\n… and {more} more series; --dry-run shows all." if more else table

    def _standing(self, task: Task) -> str:
        there = sum((task.series.key, model) in self._done for model, _ in task.outputs)
        if there in (0, len(task.outputs)):
            return "done" if there else "to do"
        return f"{there} of {len(task.outputs)}"

    def _notes(self) -> str:
        """What a user should know of the series, one paragraph for each such sentence."""
        numbers: dict[str, list[str]] = {}
        for task in self.tasks:
            for text in task.series.notices:
                numbers.setdefault(shown(text, task.series, self.options), []).append(str(task.number))
        parts = [_paragraph(f"{self._some(found)}: {text}") for text, found in numbers.items()]
        return "\n".join(["Notes, by number of the series", *parts]) if parts else ""

    def _leavings(self) -> str:
        """One paragraph for every reason."""
        if not self.left:
            return ""
        files, names = Counter(), {}
        for one in self.left:
            why = self._shown(one.why)
            files[why] += one.files
            names.setdefault(why, []).append(self._shown(one.name))
        parts = [f"Left out: {sum(files.values())} files"]
        for why, count in files.most_common():
            parts.append(_paragraph(f"{self._some(names[why])} ({count}): {why}"))
        return "\n".join(parts)

    def _some(self, names: Sequence[str]) -> str:
        """The first of them; all if only the table is wanted."""
        listed = names if self.is_dry else names[:_NAMED]
        more = len(names) - len(listed)
        return ", ".join(listed) + (f" and {more} more" if more else "")

    def _shown(self, text: str) -> str:
        return text if self.options.names else hide(text, self.finding.secrets)

    def _facts(self, task: Task) -> dict:
        series = task.series
        outputs = [{"model": model, "output": str(output)} for model, output in task.outputs]
        for one in outputs:
            one["status"] = "already" if (series.key, one["model"]) in self._done else "todo"
        return {
            "number": task.number,
            "name": name_of(series, self.options),
            "kind": series.kind,
            "slices": series.slices,
            "rows": series.rows,
            "columns": series.columns,
            "facts": series.facts,
            "notices": [shown(text, series, self.options) for text in series.notices],
            "outputs": outputs,
        }


def _methods_table(rows: Sequence[Row]) -> str:
    from ..quality.table import align

    lines = [["method", "done", "before", "failed", "slices", "s/slice", "noise HU", "after HU"]]
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        good = [row for row in own if row["status"] != "failed"]
        counts = [str(sum(row["status"] == status for row in own)) for status in ("done", "already", "failed")]
        slices, seconds = (sum(float(row[key] or 0) for row in good) for key in ("slices", "seconds"))
        noise = [_mean([row[key] for row in good]) for key in ("noise_before", "noise_after")]
        lines.append([model, *counts, f"{slices:.0f}", f"{seconds / slices:.2f}" if slices else "–", *noise])
    return align(lines, [0])


def _mean(values: Sequence) -> str:
    numbers = [float(value) for value in values if value not in ("", None)]
    return f"{math.fsum(numbers) / len(numbers):.1f}" if numbers else "–"


def _duration(seconds: float) -> str:
    hours, minutes = int(seconds // 3600), int(seconds // 60 % 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds % 60:.0f} s" if minutes else f"{seconds:.1f} s"


def _fact(text: str) -> str:
    """ "5.000000" → "5"; a kernel as it is, as far as there is room."""
    with contextlib.suppress(ValueError):
        return f"{float(text):g}"
    return _cut(text, _FACT_WIDTH)


def _cut(text: str, width: int) -> str:
    """The middle goes: folders begin alike, and series end in their number."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[-(width - 1 - head) :]}"


def _paragraph(text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent="  ", subsequent_indent="     ", break_long_words=False)
