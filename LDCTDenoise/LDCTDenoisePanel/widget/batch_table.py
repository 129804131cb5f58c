"""The table of a batch: a line for every series with how it is, and one for whatever is left out, with the reason."""

import qt
from slicer.i18n import tr as _

SERIES, SLICES, STATE = range(3)
WORST_FIRST = ("failed", "cancelled", "done", "already")


class BatchTable:
    """Fills a QTableWidget.

    titles(id)  the title of a method
    """

    def __init__(self, table, titles):
        self._table, self._titles = table, titles
        self._rows = {}  # name of a series → its row
        self._ended = {}  # name of a series → {model: row of the log}
        table.setColumnCount(3)
        table.setHorizontalHeaderLabels([_("Series"), _("Slices"), _("State")])
        table.verticalHeader().hide()
        header = table.horizontalHeader()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(SLICES, qt.QHeaderView.ResizeToContents)
        self.clear()

    def clear(self):
        self._rows, self._ended = {}, {}
        self._table.setRowCount(0)
        self._table.visible = False

    def show(self, found):
        """What was found: a dict with series and left."""
        self.clear()
        series, left = found["series"], found["left"]
        self._table.setRowCount(len(series) + len(left))
        for row, one in enumerate(series):
            self._rows[one["name"]] = row
            slices = str(one.get("slices") or "")
            outputs = one.get("outputs") or []
            isDone = bool(outputs) and all(output.get("status") == "already" for output in outputs)
            state = _("done before") if isDone else _("waiting")
            self._fill(row, one["name"], slices, state, "\n".join([_described(one), *one.get("notices", ())]))
        for row, one in enumerate(left, start=len(series)):
            files = _("1 file") if one["files"] == 1 else _("{count} files").format(count=one["files"])
            self._fill(row, one["name"], "", _("left out: {why}").format(why=one["why"]), files)
        self._table.visible = bool(series or left)

    def add(self, row):
        """A series and method has ended: a row of the log."""
        name = row.get("series", "")
        ended = self._ended.setdefault(name, {})
        ended[row["model"]] = row
        place = self._rows.get(name)
        if place is None:
            return
        lines = [self._line(one, len(ended) > 1) for one in sorted(ended.values(), key=_badness)]
        item = self._table.item(place, STATE)
        item.setText("; ".join(lines))
        item.setToolTip("\n".join(lines))
        self._table.scrollToItem(item)

    def _line(self, row, withMethod):
        status = row.get("status")
        if row.get("error"):
            text = _("failed: {why}").format(why=row["error"])
        elif status == "already":
            text = _("done before")
        elif status == "cancelled":
            text = _("cancelled")
        else:
            text = _done(row)
        return f"{self._titles(row['model'])}: {text}" if withMethod else text

    def _fill(self, row, name, slices, state, tip):
        for column, text in ((SERIES, name), (SLICES, slices), (STATE, state)):
            item = qt.QTableWidgetItem(text)
            item.setToolTip(f"{name}\n{tip}".strip() if column != STATE else state)
            self._table.setItem(row, column, item)


def _done(row):
    """ "done, noise 24 → 11 HU"."""
    try:
        before, after = float(row["noise_before"]), float(row["noise_after"])
    except (KeyError, TypeError, ValueError):
        return _("done")
    return _("done, noise {before} → {after} HU").format(before=f"{before:.1f}", after=f"{after:.1f}")


def _described(series):
    """Scanner, kernel and the like, codes only."""
    size = f"{series['columns']} × {series['rows']}" if series.get("columns") else ""
    return " · ".join(filter(None, [size, *map(str, (series.get("facts") or {}).values())]))


def _badness(row):
    status = "failed" if row.get("error") else row.get("status")
    return WORST_FIRST.index(status) if status in WORST_FIRST else len(WORST_FIRST)
