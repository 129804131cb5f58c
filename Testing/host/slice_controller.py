"""The coloured bar above a slice view: label, offset slider, offset. Enough of qMRMLSliceControllerWidget."""

from __future__ import annotations

import qt
import slicer
import vtk

LABEL_WIDTH = 35  # pixels: in Slicer anything longer than a letter or two is cut
BAR_HEIGHT = 24


class qMRMLSliceControllerWidget(qt.QWidget):
    def __init__(self, logic, parent=None):
        super().__init__(parent)
        self._logic, self._busy, self._tags = logic, False, []
        self.setFixedHeight(BAR_HEIGHT)
        self.setAttribute(qt.Qt.WA_StyledBackground)
        self._label = qt.QLabel(self)
        self._label.setFixedWidth(LABEL_WIDTH)
        self._label.setAlignment(qt.Qt.AlignCenter)
        self._slider = qt.QSlider(qt.Qt.Horizontal, self)
        self._offset = qt.QLabel(self)
        self._offset.setMinimumWidth(72)
        self._offset.setAlignment(qt.Qt.AlignRight | qt.Qt.AlignVCenter)
        row = qt.QHBoxLayout(self)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(4)
        for part in (self._label, self._slider, self._offset):
            row.addWidget(part)
        row.setStretch(1, 1)
        self._slider.valueChanged.connect(self._onSlider)

    def observe(self, sliceNode):
        for subject in (sliceNode, self._logic):
            self._tags.append((subject, subject.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self.refresh())))
        self.refresh()

    def forget(self):
        for subject, tag in self._tags:
            subject.RemoveObserver(tag)
        self._tags = []

    def sliceLogic(self):
        return self._logic

    def mrmlSliceNode(self):
        return self._logic.GetSliceNode()

    def mrmlSliceCompositeNode(self):
        return self._logic.GetSliceCompositeNode()

    def sliceOffsetSlider(self):
        return self._slider

    def fitSliceToBackground(self):
        self._logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.ResetFieldOfViewFlag)
        self._logic.FitSliceToBackground()
        self._logic.EndSliceNodeInteraction()

    def setSliceOffsetValue(self, offset):
        self._logic.StartSliceNodeInteraction(slicer.vtkMRMLSliceNode.SliceToRASFlag)
        self._logic.SetSliceOffset(offset)
        self._logic.EndSliceNodeInteraction()

    def _range(self):
        """Lowest and highest offset and the step, mm; None while no volume is shown."""
        ends, step = [-1.0, 1.0], vtk.reference(1.0)
        found = self._logic.GetSliceOffsetRangeResolution(ends, step)
        return (*ends, float(step)) if found and step > 0 and ends[1] > ends[0] else None

    def refresh(self):
        node = self.mrmlSliceNode()
        if node is None:
            return
        red, green, blue = (round(255 * part) for part in node.GetLayoutColor())
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < 110
        self._label.setText(node.GetLayoutLabel() or "")
        color = "white" if dark else "black"
        self.setStyleSheet(f".qMRMLSliceControllerWidget {{ background: rgb({red},{green},{blue}) }}")
        self._label.setStyleSheet(f"color: {color}; font-weight: bold")
        self._offset.setStyleSheet(f"color: {color}")
        found, offset = self._range(), self._logic.GetSliceOffset()
        self._offset.setText(f"{_letter(node)}: {offset:.2f} mm" if found else "")
        self._slider.setEnabled(found is not None)
        if found is not None:
            low, high, step = found
            self._busy = True
            self._slider.setRange(0, round((high - low) / step))
            self._slider.setValue(round((offset - low) / step))
            self._busy = False

    def _onSlider(self, position):
        found = None if self._busy else self._range()
        if found is not None:
            low, _, step = found
            self.setSliceOffsetValue(low + step * position)


def _letter(node) -> str:
    """The direction in which the offset grows: the letter that Slicer writes before it."""
    matrix = node.GetSliceToRAS()
    normal = [matrix.GetElement(row, 2) for row in range(3)]
    axis = max(range(3), key=lambda i: abs(normal[i]))
    return ("R", "A", "S")[axis] if normal[axis] > 0 else ("L", "P", "I")[axis]
