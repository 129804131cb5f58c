"""The DataProbe's habit: at every change of a slice view it writes the corner texts 0 to 3, whoever had used them."""

from __future__ import annotations

from types import SimpleNamespace

import shiboken6
import slicer

FONT_SIZE = 14  # points, for all texts of the corner annotation


class SliceAnnotations:
    """slicer.modules.DataProbeInstance.infoWidget.sliceAnnotations

    It keeps views by name. One that was removed and made again keeps its name, and Slicer's Data Probe goes on with
    the destroyed one unless somebody takes the name out of `sliceViewNames`.
    """

    def __init__(self, app):
        self._app, self.sliceViewNames, self.sliceViews = app, [], {}
        self.sliceViewAnnotationsEnabled = 1
        scene = app.mrmlScene()
        scene.AddObserver(scene.NodeAddedEvent, lambda *_: self.observe())
        self.observe()

    def observe(self):
        layouts = self._app.layoutManager()
        new = [name for name in layouts.sliceViewNames() if name not in self.sliceViewNames]
        for name in new:
            widget = layouts.sliceWidget(name)
            self.sliceViewNames.append(name)
            self.sliceViews[name] = widget.sliceView()
            widget.sliceLogic().AddObserver("ModifiedEvent", lambda *_, name=name: self._write(name))
        if new:
            self.updateSliceViewFromGUI()

    def updateSliceViewFromGUI(self):
        for name in self.sliceViewNames:
            self._write(name)

    def _write(self, name):
        widget = self._app.layoutManager().sliceWidget(name)
        if widget is None or widget.mrmlSliceNode() is None:
            return
        view = self.sliceViews[name]
        if not shiboken6.isValid(view):
            raise ValueError(f"Trying to call 'cornerAnnotation' on a destroyed qMRMLSliceView object ({name})")
        lines = []
        composite = widget.mrmlSliceCompositeNode()
        layers = (("B", "Background"), ("F", "Foreground"), ("L", "Label")) if composite else ()
        for letter, layer in layers:
            volume = slicer.mrmlScene.GetNodeByID(getattr(composite, f"Get{layer}VolumeID")() or "")
            if volume is not None and self.sliceViewAnnotationsEnabled:
                lines.append(f"{letter}: {volume.GetName()}")
        corners = view.cornerAnnotation()
        corners.SetMaximumFontSize(FONT_SIZE)
        corners.SetMinimumFontSize(FONT_SIZE)
        corners.SetNonlinearFontScaleFactor(1)
        for position in range(4):
            corners.SetText(position, "\n".join(reversed(lines)) if position == 0 else "")
        view.scheduleRender()


def forget_removed_views(app) -> None:
    """Not Slicer's: for the next test."""
    annotations = slicer.modules.DataProbeInstance.infoWidget.sliceAnnotations
    annotations.sliceViewNames[:] = app.layoutManager().sliceViewNames()


def install(app) -> None:
    probe = SimpleNamespace(infoWidget=SimpleNamespace(sliceAnnotations=SliceAnnotations(app)))
    slicer.modules.DataProbeInstance = probe
