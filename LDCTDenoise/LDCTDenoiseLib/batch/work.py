"""One series through one or several methods: read once, denoised, written, recorded."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..atomic import atomic_folder, atomic_output
from ..errors import Cancelled, InputError, does_not_load
from ..files.endings import ending_of
from ..files.outputs import check_output_folder, check_outputs
from ..inference.allocator import give_back
from .found import FoundSeries
from .memory import MEMORY, expected_memory
from .plan import Options, Task, format_of, record_of
from .records import Row, failed_row, name_of, row_of, shown, write_record
from .space import expected_bytes, require_space
from .standing import finished
from .state import State, contents, input_state, output_contents, output_state
from .warm import WARM

if TYPE_CHECKING:
    from ..inference.run import DenoiseResult
    from ..volume import CTVolume
    from ..weights.cards import Card

DEBUG = "LDCT_DENOISE_DEBUG"  # as for the commands: a defect shows its traceback
_MEASURED = 16  # slices that stand for all in the noise of the log


def do(
    task: Task,
    options: Options,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    notice: Callable[[str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[Row]:
    """A row for every method of the task: number, series, key, model, status, slices, seconds, noise_before,
    noise_after (HU), output, record, notices, error, finished, version.

    status    done, already (by a former run), or failed: then `error` says why, in one sentence
    progress  called as progress(done, total, stage); stage "read" counts files, "denoise" slices of all methods and
              draws, "write" methods
    Never raises for a bad series; raises Cancelled when cancel() was true, with what was begun left undone.
    Several threads may call it at once: one computes while others read and write.
    """
    return _Work(task, options, progress or _silent, notice or _silent, cancel or _never).rows()


class _Work:
    """A task on its way: what its methods share is made when the first of them needs it."""

    def __init__(self, task: Task, options: Options, progress, notice, cancel):
        self.task, self.options, self.progress, self.cancel = task, options, progress, cancel
        self.notice = lambda text: notice(f"{name_of(task.series, options)}: {shown(text, task.series, options)}")
        self.input: _Input | None = None
        self.unreadable = ""  # why there is no input, for all methods
        self.held = ExitStack()

    def rows(self) -> list[Row]:
        rows = []
        with self.held:
            for number, (model, output) in enumerate(self.task.outputs):
                try:
                    rows.append(self.one(number, model, output))
                except Cancelled:
                    raise
                except Exception as error:
                    rows.append(failed_row(self.task, self.options, model, _sentence(error)))
        self.input = None
        give_back()
        return rows

    def one(self, number: int, model: str, output: Path) -> Row:
        card = self.options.card(model)
        if record := finished(self.task, output, card, self.options, cancel=self.cancel):
            return self.row(record, model)
        self.check_place(output)
        self.read()
        volume = self.input.volume
        needed = expected_bytes(*volume.shape, output, voxel=4 if volume.source.dtype == "float32" else 2)
        require_space(output.parent, needed, "this series")
        result = self.denoise(number, card)
        self.progress(number, len(self.task.outputs), "write")
        return self.row(self.write(result, output, card), model)

    def read(self) -> None:
        """Once for all methods, and memory is taken once: a series that cannot be read is so for all of them."""
        if self.input is None and not self.unreadable:
            needed = expected_memory(self.task.series, len(self.task.outputs))
            self.held.enter_context(MEMORY.take(needed, self.cancel))
            try:
                self.input = _read(self.task.series, self.progress, self.cancel)
            except Cancelled:
                raise
            except Exception as error:
                self.unreadable = _sentence(error)
        _refuse(self.unreadable)

    def row(self, record: dict, model: str) -> Row:
        status = "done" if self.options.is_of_this_run(record) else "already"
        return row_of(record, self.task, self.options, model, status)

    def check_place(self, output: Path) -> None:
        """Before the work: may we write there, and is none of it an input?"""
        series = self.task.series
        inputs = {file.path.parent if series.kind == "dicom" else file.path for file in series.files}
        check_outputs([record_of(output), output if ending_of(output) else output / "IM-0001.dcm"], True, inputs)
        if not ending_of(output):
            check_output_folder(output, overwrite=True)
        needed = expected_bytes(series.slices, series.rows, series.columns, output)  # 0 where only reading will tell
        require_space(output.parent, needed, "this series")

    def denoise(self, number: int, card: Card) -> DenoiseResult:
        methods, volume = len(self.task.outputs), self.input.volume
        ways = {"in_place": number == methods - 1, "spread": False}  # the last method may write over the input
        each = volume.axial_count * self.options.draws

        def progress(done: int, total: int, stage: str) -> None:
            self.progress(number * each + done, methods * each, stage)

        settings = self.options.settings()
        return WARM.denoise(volume, card, settings, progress=progress, notice=self.notice, cancel=self.cancel, **ways)

    def write(self, result: DenoiseResult, output: Path, card: Card) -> dict:
        """The record; that of somebody else if the same work was finished elsewhere in the meantime."""
        from ..files import write_volume

        is_folder = not ending_of(output)
        place, aside = (atomic_folder if is_folder else atomic_output), output
        try:
            with place(output, self.options.overwrite) as aside:
                kinds = {"record": result.record, "private": self.options.private} if is_folder else {}
                write_volume(result.volume, aside, overwrite=True, cancel=self.cancel, **kinds)
                self.complete(result, output, aside)
                if other := finished(self.task, output, card, self.options, cancel=self.cancel):
                    raise _DoneElsewhere(other)
                write_record(result.record, record_of(output))
        except _DoneElsewhere as elsewhere:
            return elsewhere.record
        except InputError as error:
            if other := finished(self.task, output, card, self.options, cancel=self.cancel):
                return other
            raise InputError(str(error).replace(str(aside), str(output))) from error
        return result.record

    def complete(self, result: DenoiseResult, output: Path, aside: Path) -> None:
        """Into the record what tells later whether this is the finished work: series, settings, input, output."""
        task, options, given = self.task, self.options, self.input
        state = {**output_state(aside), "contents": output_contents(aside)}
        notices = [shown(text, task.series, options) for text in result.record["notices"]]
        read = [shown(text, task.series, options) for text in given.volume.source.notices]
        result.record.update(
            notices=notices,
            input=name_of(task.series, options),
            output=shown(output.name, task.series, options),
            task={
                "key": task.series.key,
                "run": options.run,
                "format": format_of(output),
                "settings": options.essence(options.card(result.record["model"])),
                "slices": given.volume.axial_count,
                "noise_before": given.noise,
                "noise_after": _noise(result.volume),
                "notices": " ".join((*read, *notices)),
                "input": given.state,
                "output": state,
            },
        )


class _DoneElsewhere(Exception):
    def __init__(self, record: dict):
        self.record = record


@dataclass(frozen=True)
class _Input:
    """A series that was read. state: of its files; noise: HU, None where there is no soft tissue."""

    volume: CTVolume
    state: State
    noise: float | None


def _read(series: FoundSeries, progress, cancel) -> _Input:
    from ..files import read_series, read_volume
    from .still import still_as_found

    paths = [file.path for file in series.files]
    _refuse(still_as_found(series))
    if series.kind == "dicom":
        volume = read_series(paths, progress=lambda done, total, _: progress(done, total, "read"), cancel=cancel)
    else:
        volume = read_volume(paths[0], cancel=cancel)
    state = {**input_state(series), "contents": contents(paths, cancel)}
    _refuse(still_as_found(series))
    return _Input(volume, state, _noise(volume))


def _refuse(sentence: str | None) -> None:
    if sentence:
        raise InputError(sentence)


def _noise(volume: CTVolume) -> float | None:
    """Global noise level in HU of some slices throughout the volume; None where it cannot be measured."""
    import numpy as np

    from ..quality.texture.noise import global_noise_level

    volume = volume.standard()
    chosen = np.unique(np.linspace(0, len(volume.hu) - 1, _MEASURED).round().astype(int))
    level = global_noise_level(volume.hu[chosen], volume.spacing[:2])
    return round(level, 2) if np.isfinite(level) else None


def _sentence(error: Exception) -> str:
    """What the log says of an exception. Texts of unexpected ones may hold anything, so they stay out of it."""
    from ..inference.engine import release_memory
    from ..inference.ladder import is_out_of_memory

    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if is_out_of_memory(error):
        release_memory()
        return "There was too little memory for this series; close other programs, or use a machine with more."
    if isinstance(error, InputError):
        return str(error)
    if text := does_not_load(error):
        return text
    return f"This is a defect of the program, please report it ({type(error).__name__})."


def _silent(*_) -> None:
    pass


def _never() -> bool:
    return False
