"""What a user reads of a batch: how far it is, what has failed, how it ended."""

import time

from slicer.i18n import tr as _

from ..wording import duration
from .batch_table import BatchTable
from .run_bar import red

NAMED = 3  # failures that are told above the table; the table and the log tell all


class BatchStatus:
    """`ui` has batchProgressBar, batchLabel, batchErrorLabel, and those of BatchTable.

    titles(id)  the title of a method
    """

    def __init__(self, ui, titles):
        self._ui, self._table = ui, BatchTable(ui, titles)
        self._failures, self._expected, self._ended, self._begun = [], 0, 0, 0.0
        self.tell("")
        self.complain("")
        self.hideBar()

    def begin(self):
        self._failures, self._expected, self._ended = [], 0, 0
        self._begun = time.monotonic()
        self._table.clear()
        self.complain("")
        self.progress(None, _("Starting …"))

    def show(self, found):
        """What was found: a dict with series and left."""
        self._expected = sum(len(series["outputs"]) for series in found["series"])
        self._table.show(found)

    def add(self, row):
        """A series and method has ended."""
        self._ended += 1
        if row["error"]:
            self._failures.append(row)
            self._showFailures()
        self._table.add(row)

    def progress(self, fraction, text):
        bar = self._ui.batchProgressBar
        bar.visible = True
        bar.setRange(0, 0 if fraction is None else 100)
        if fraction is not None:
            bar.value = int(100 * fraction)
        if self._expected:
            where = _("{done} of {count} done. {now}")
            text = where.format(done=self._ended, count=self._expected, now=text)
        self.tell(text)

    def tellFound(self, found):
        series, files = len(found["series"]), sum(one["files"] for one in found["left"])
        text = _("{series} CT series found, {files} files left out. Nothing was computed.")
        self.tell(text.format(series=series, files=files))

    def tellDone(self, rows):
        """The line at the end, which is returned for the log as well."""
        failed = sum(bool(row["error"]) for row in rows)
        before = sum(row.get("status") == "already" for row in rows)
        text = _("Batch ended after {time}: {done} done, {before} done before, {failed} failed.").format(
            time=duration(time.monotonic() - self._begun),
            done=len(rows) - failed - before,
            before=before,
            failed=failed,
        )
        self.tell(text + " " + _("For research use."))
        return text

    def tell(self, text):
        self._ui.batchLabel.text = text
        self._ui.batchLabel.visible = bool(text)

    def complain(self, sentence):
        label = self._ui.batchErrorLabel
        label.text = sentence
        label.styleSheet = f"color: {red(label)}"
        label.visible = bool(sentence)

    def hideBar(self):
        self._ui.batchProgressBar.visible = False

    def _showFailures(self):
        lines = [f"{row.get('series', '')}: {row['error']}" for row in self._failures[:NAMED]]
        if len(self._failures) > NAMED:
            lines.append(_("… and {count} more, see the table.").format(count=len(self._failures) - NAMED))
        self.complain("\n".join(lines))
