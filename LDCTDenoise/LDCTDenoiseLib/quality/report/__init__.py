"""The report of a measurement: one HTML page for screen and paper, the document as JSON, the figures as CSV."""

from .files import write_document, write_figures_csv, write_report
from .pictures import Pictures, slice_to_show

__all__ = ["Pictures", "slice_to_show", "write_document", "write_figures_csv", "write_report"]
