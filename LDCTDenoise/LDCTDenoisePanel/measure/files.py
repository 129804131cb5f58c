"""Figures as files: the document as JSON, or the figures as CSV."""

from __future__ import annotations

from pathlib import Path

from slicer.i18n import tr as _

from ..user_error import UserError
from .job import documentOf


def writeFigures(table, file) -> None:
    """By the ending, .json or .csv; an existing file is replaced. Raises UserError."""
    from LDCTDenoiseLib.errors import InputError
    from LDCTDenoiseLib.quality.report.files import write_document, write_figures_csv

    path = Path(file)
    document = documentOf(table) if table is not None else None
    if document is None:
        raise UserError(_("There are no figures to save: measure first."))
    writers = {".json": write_document, ".csv": write_figures_csv}
    if path.suffix.lower() not in writers:
        raise UserError(_("{name}: figures are saved as .csv or .json; choose such a name.").format(name=path.name))
    try:
        writers[path.suffix.lower()](path, document, overwrite=True)
    except InputError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        text = _("{file} could not be written ({reason}): choose another folder.")
        raise UserError(text.format(file=path.name, reason=error.strerror or type(error).__name__)) from error
