"""The table of a batch: a line for every series with how it is, and one for whatever is left out, with the reason."""

import qt
from slicer.i18n import tr as _

SERIES, SLICES, STATE = range(3)
ROW_HEIGHT = 22  # pixels


class BatchTable:
    """`ui` has batchTable, a QTableWidget, and batchDetailLabel, which tells all about the chosen line.

    titles(id)  the title of a method
    """

    def __init__(self, ui, titles):
        self._table, self._label, self._titles = ui.batchTable, ui.batchDetailLabel, titles
        self._table.setColumnCount(3)
        self._table.setHorizontalHeaderLabels([_("Series"), _("Slices"), _("State")])
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(SERIES, qt.QHeaderView.Stretch)
        for column in (SLICES, STATE):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        self._table.connect("itemSelectionChanged()", self._showDetail)
        self.clear()

    def clear(self):
        self._rows = {}  # number of a series → its row; names may be hidden, and alike
        self._about = []  # row → lines that hold whatever happens
        self._ended = {}  # row → {model: row of the log}
        self._expected = []  # row → how many methods
        self._table.setRowCount(0)
        self._table.visible = False
        self._showDetail()

    def show(self, found):
        """What was found: a dict with series and left."""
        self.clear()
        series, left = found["series"], found["left"]
        self._table.setRowCount(len(series) + len(left))
        for row, one in enumerate(series):
            outputs = one["outputs"]
            isDone = all(output.get("status") == "already" for output in outputs)
            self._rows[one["number"]] = row
            self._expected.append(len(outputs))
            self._about.append([one["name"], *_described(one), *one.get("notices", ())])
            self._fill(row, one["name"], str(one.get("slices") or ""), _("done before") if isDone else _("waiting"))
        for row, one in enumerate(left, start=len(series)):
            files = _("1 file") if one["files"] == 1 else _("{count} files").format(count=one["files"])
            self._expected.append(0)
            self._about.append([f"{one['name']} ({files})", _("Left out: {why}").format(why=one["why"])])
            self._fill(row, one["name"], "", _("left out"))
        self._table.visible = bool(series or left)

    def add(self, ended):
        """A series and method has ended: a row of the log."""
        row = self._rows.get(ended["number"])
        if row is None:
            return
        known = self._ended.setdefault(row, {})
        known[ended["model"]] = ended
        self._table.item(row, STATE).setText(_state(known.values(), self._expected[row]))
        self._tip(row)
        self._table.scrollToItem(self._table.item(row, STATE))
        self._showDetail()

    def _detail(self, row):
        ended = self._ended.get(row, {}).values()
        return "\n".join([*self._about[row], *(f"{self._titles(one['model'])}: {_end(one)}" for one in ended)])

    def _showDetail(self):
        row = self._table.currentRow()
        isChosen = 0 <= row < len(self._about) and bool(self._table.selectedItems())
        self._label.text = self._detail(row) if isChosen else ""
        self._label.visible = isChosen

    def _fill(self, row, *texts):
        for column, text in enumerate(texts):
            self._table.setItem(row, column, qt.QTableWidgetItem(text))
        self._tip(row)

    def _tip(self, row):
        for column in (SERIES, SLICES, STATE):
            self._table.item(row, column).setToolTip(self._detail(row))


def _state(ended, expected):
    """One or two words for what has ended of a series."""
    failed = sum(bool(one["error"]) for one in ended)
    if failed:
        return (
            _("failed") if failed == expected else _("{failed} of {count} failed").format(failed=failed, count=expected)
        )
    if len(ended) < expected:
        return _("{done} of {count} done").format(done=len(ended), count=expected)
    return _("done before") if all(one.get("status") == "already" for one in ended) else _("done")


def _end(row):
    """ "done, noise 24 → 11 HU", or why not."""
    if row["error"]:
        return row["error"]
    done = _("done before") if row.get("status") == "already" else _("done")
    try:
        before, after = float(row["noise_before"]), float(row["noise_after"])
    except (KeyError, TypeError, ValueError):
        return done
    noise = _("{done}, noise {before} → {after} HU")
    return noise.format(done=done, before=f"{before:.1f}", after=f"{after:.1f}")


def _described(series):
    """A line with size, scanner, kernel and the like, codes only; none if nothing is known."""
    size = f"{series['columns']} × {series['rows']}" if series.get("columns") else ""
    line = " · ".join(filter(None, [size, *map(str, (series.get("facts") or {}).values())]))
    return [line] if line else []
