"""The DataProbe's habit: at every change of a slice view it writes the corner texts 0 to 3, whoever had used them."""

from __future__ import annotations

from types import SimpleNamespace

import slicer

FONT_SIZE = 14  # points, for all texts of the corner annotation


class SliceAnnotations:
    """slicer.modules.DataProbeInstance.infoWidget.sliceAnnotations"""

    def __init__(self, app):
        self._app, self._tags = app, {}
        self.sliceViewAnnotationsEnabled = 1
        scene = app.mrmlScene()
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            scene.AddObserver(event, lambda *_: self.observe())
        self.observe()

    def observe(self):
        layouts = self._app.layoutManager()
        names = layouts.sliceViewNames()
        for name in set(self._tags) - set(names):
            del self._tags[name]
        for name in names:
            if name not in self._tags:
                logic = layouts.sliceWidget(name).sliceLogic()
                self._tags[name] = logic.AddObserver("ModifiedEvent", lambda *_, name=name: self._write(name))

    def updateSliceViewFromGUI(self):
        for name in self._app.layoutManager().sliceViewNames():
            self._write(name)

    def _write(self, name):
        widget = self._app.layoutManager().sliceWidget(name)
        if widget is None or widget.mrmlSliceNode() is None:
            return
        lines = []
        composite = widget.mrmlSliceCompositeNode()
        layers = (("B", "Background"), ("F", "Foreground"), ("L", "Label")) if composite else ()
        for letter, layer in layers:
            volume = slicer.mrmlScene.GetNodeByID(getattr(composite, f"Get{layer}VolumeID")() or "")
            if volume is not None and self.sliceViewAnnotationsEnabled:
                lines.append(f"{letter}: {volume.GetName()}")
        corners = widget.sliceView().cornerAnnotation()
        corners.SetMaximumFontSize(FONT_SIZE)
        corners.SetMinimumFontSize(FONT_SIZE)
        corners.SetNonlinearFontScaleFactor(1)
        for position in range(4):
            corners.SetText(position, "\n".join(reversed(lines)) if position == 0 else "")
        widget.sliceView().scheduleRender()


def install(app) -> None:
    probe = SimpleNamespace(infoWidget=SimpleNamespace(sliceAnnotations=SliceAnnotations(app)))
    slicer.modules.DataProbeInstance = probe
