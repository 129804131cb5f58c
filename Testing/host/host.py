"""The tests' handle on the application: open modules, press buttons and mice, wait, look at pictures."""

from __future__ import annotations

import atexit
import time
from pathlib import Path

import numpy as np

from . import qmrml
from . import qt as qt_standin

qt = qt_standin.install()

import slicer  # noqa: E402
import slicer.util  # noqa: E402

qmrml.install(slicer)

from . import (  # noqa: E402
    data_probe,
    dialogs,
    dicom_database,
    environment,
    errors,
    modules,
    packaging,
    slicer_python,
)
from .module_loader import ModuleLoader  # noqa: E402
from .view_hand import ViewHand  # noqa: E402

INTERACTION = slicer.vtkMRMLInteractionNode.ViewTransform


def make_application(width: int, height: int):
    """Build slicer.app and everything that Slicer's Python has at its start; shows the (offscreen) main window."""
    environment.quiet_qt()
    modules.make_namespaces()
    slicer_python.install()
    environment.use_own_settings()
    from . import sample_data, subject_hierarchy
    from .application import qSlicerApplication

    app = qSlicerApplication(["Slicer"], width, height)
    slicer.app, slicer.mrmlScene = app, app.mrmlScene()
    environment.add_fonts()
    modules.add_loadable_modules(app)
    subject_hierarchy.follow(app.mrmlScene())
    data_probe.install(app)
    sample_data.install()
    dicom_database.install()
    app.mainWindow().show()
    app.processEvents()
    return app


class Host:
    def __init__(self, app):
        self.app = app
        self.dialogs = dialogs.install()
        self.installed = packaging.installed  # what modules wanted pip to install
        self._loader = ModuleLoader(app)
        app.mainWindow().onModuleSelected(lambda name: self._loader.open(name))
        atexit.register(self.quit)

    # modules
    def loadModule(self, path):
        """Import the scripted module file and make its Module object, as Slicer does at its start."""
        return self._loader.load(Path(path).resolve())

    def openModule(self, name):
        """Show the module: its Widget is made and set up at the first time, then entered. Returns the Widget."""
        return self._loader.open(name)

    def leaveModule(self):
        """Go to another module: exit() of the open one."""
        self._loader.leave()

    def unloadModule(self, name):
        """cleanup() and forget the widget, as when Slicer ends or the module is reloaded."""
        self._loader.unload(name)

    def reset(self):
        """As after a fresh start: no module open, four views, an empty scene, nothing in the record of dialogs."""
        self.leaveModule()
        scene, layouts = self.app.mrmlScene(), self.app.layoutManager()
        layouts.setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
        self.app.applicationLogic().GetInteractionNode().SetCurrentInteractionMode(INTERACTION)
        scene.Clear(0)
        layouts.removeOtherViews()
        data_probe.forget_removed_views(self.app)
        self.app.mainWindow().modulePanel().forgetWidth()
        self.app.pauses, self.app.restarts, self.app.testing = 0, 0, True
        self.app.extensionsManagerModel().reset()
        slicer.dicomDatabase.initializeDatabase()
        self.installed.clear()
        self.dialogs.clear()
        self.settle(2)

    def quit(self):
        """What Slicer does at its end: clean up every module, then say so to all others. Called when Python ends."""
        atexit.unregister(self.quit)
        self._loader.unloadAll()  # Slicer itself hears of it first: modules go before their own slots are called
        self.app.aboutToQuit.emit()
        self.app.mrmlScene().Clear(0)
        self.settle(2)

    # time
    def processEvents(self):
        self.app.processEvents()
        self.app.sendPostedEvents(None, qt.QEvent.DeferredDelete)

    def settle(self, rounds: int = 5):
        """Events until layouts, resizes and the renders that they cause are done."""
        for _ in range(rounds):
            self.processEvents()

    def waitUntil(self, condition, seconds: float = 10.0) -> bool:
        """Process events until the condition holds; False when the time is up first."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return bool(condition())
            self.app.processEvents(qt.QEventLoop.AllEvents, 20)
            time.sleep(0.002)
        return True

    # hands
    def click(self, button):
        """Click as a person would: nothing happens on a disabled button, and a hidden one is an error of the test."""
        if not button.isVisible():
            raise AssertionError(f"'{button.objectName}' is not visible, nobody could click it")
        button.click()
        self.processEvents()

    def view(self, name) -> ViewHand:
        return ViewHand(self.app.layoutManager().sliceWidget(name))

    def key(self, viewName, key, down=None, repeat=False):
        """Press (down=True), release (False) or press and release (None) a key in a view that has the focus."""
        self.view(viewName).key(key, down, repeat)

    # eyes
    def grab(self, viewName) -> np.ndarray:
        """What the view shows now: uint8 [height, width, 3] in device pixels, top row first."""
        view = self.app.layoutManager().sliceWidget(viewName).sliceView()
        view.forceRender()
        return view.VTKWidget().picture().copy()

    def screenshot(self, path, widget=None):
        """Save the whole window (or one widget) as PNG, after everything has settled."""
        self.settle()
        for name in self.app.layoutManager().shownSliceViewNames():
            self.app.layoutManager().sliceWidget(name).sliceView().forceRender()
        target = widget if widget is not None else self.app.mainWindow()
        if not target.grab().save(str(path)):
            raise OSError(f"{path} could not be written.")

    @property
    def errors(self) -> list:
        """Exceptions of slots, observers and threads since the last ``clearErrors``."""
        return list(errors.peek())

    def clearErrors(self):
        return errors.take()
