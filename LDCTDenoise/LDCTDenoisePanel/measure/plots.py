"""The curves of a measurement as charts."""

from __future__ import annotations

from slicer.i18n import tr as _

from ..user_error import UserError
from .charts import renewChart
from .contents import Content, contentsOf
from .job import DENOISED, documentOf


def plotsOf(table) -> dict:
    """key → chart node, of everything that the document of a table of figures has to draw. Raises UserError."""
    document = documentOf(table) if table is not None else None
    if document is None:
        raise UserError(_("This table holds no figures that can be drawn: measure first."))
    after = table.GetNodeReference(DENOISED)
    return {key: plot(content, after, beside=table) for key, content in contentsOf(document).items()}


def plot(content: Content, after, beside=None):
    """The chart of one content, named after the result that it is about."""
    title = f"{content.title}: {after.GetName()}" if after is not None else content.title
    return renewChart(content, title, beside)
