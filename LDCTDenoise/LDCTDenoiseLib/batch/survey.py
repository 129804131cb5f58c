"""Before a batch begins: what of it is done already, and does anything stand in its way?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import Cancelled, InputError
from ..files.outputs import check_outputs
from ..version import package_version
from ..workplace import sweep
from .log import NAME, read_log
from .plan import Options, Task
from .records import Row, row_of, shown
from .space import expected_of, require_space
from .standing import finished


def survey(
    tasks: Sequence[Task],
    options: Options,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> list[Row]:
    """Rows, with the status "already", of what former runs have finished. Quick: no file is read but the records.

    Raises InputError if outputs are in the way that this batch must not replace, such as those of other settings.
    """
    cards = {model: options.card(model) for model in options.models}
    already, refusals = [], []
    for number, task in enumerate(tasks, 1):
        if cancel and cancel():
            raise Cancelled
        for model, output in task.outputs:
            try:
                if record := finished(task, output, cards[model], options, sure=False):
                    already.append(row_of(record, task, options, model, "already"))
            except InputError as error:
                refusals.append(shown(str(error), task.series, options))
        if progress:
            progress(number, len(tasks), "check")
    if refusals:
        others = f" The same holds for {len(refusals) - 1} more." if len(refusals) > 1 else ""
        raise InputError(f"{refusals[0]}{others}")
    return already


def other_version(already: Sequence[Row]) -> str | None:
    """A sentence if former runs were made by another version of this program, whose results may differ in detail."""
    others = sorted({str(row["version"]) for row in already} - {package_version()})
    if not others:
        return None
    count = sum(row["version"] in others for row in already)
    return (
        f"{count} of the outputs were made by version {' and '.join(others)} and stay as they are; the rest is made by "
        f"version {package_version()}, as the log says. --overwrite without --resume makes all anew."
    )


def check_tree(output_tree: Path, input_tree: Path, *, resume: bool, overwrite: bool) -> None:
    """InputError for a tree of outputs that cannot be used, or that holds a batch already."""
    inputs, outputs = input_tree.resolve(), output_tree.resolve()
    if inputs == outputs or outputs in inputs.parents:
        raise InputError(f"The outputs cannot go to {output_tree}, which holds the inputs; choose another folder.")
    if output_tree.exists() and not output_tree.is_dir():
        raise InputError(f"{output_tree} is a file; give the name of a folder for the outputs.")
    check_outputs([output_tree / NAME], True)
    if (output_tree / NAME).exists() and not (resume or overwrite):
        read_log(output_tree / NAME)  # another file of that name has a sentence of its own
        raise InputError(
            f"{output_tree} holds a batch already; add --resume to go on with it, --overwrite to do it anew, "
            "or choose another folder."
        )


def require_room(tasks: Sequence[Task], already: Sequence[Row], output_tree: Path) -> None:
    """InputError if what is still to be done will not fit onto the disk."""
    done = {(row["key"], row["model"]) for row in already}
    pairs = [(task, model, output) for task in tasks for model, output in task.outputs]
    needed = sum(expected_of(task, output) for task, model, output in pairs if (task.series.key, model) not in done)
    require_space(output_tree, needed, "the outputs")


def tidy(tasks: Sequence[Task], output_tree: Path) -> None:
    """Removes what a killed run has left half-made, wherever outputs will go."""
    for folder in sorted({output_tree, *(output.parent for task in tasks for _, output in task.outputs)}):
        sweep(folder)
