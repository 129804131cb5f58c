"""slicer.app: a QApplication with Slicer's real scene and application logic."""

from __future__ import annotations

import sys
from pathlib import Path

import qt
import slicer
import vtk
from PySide6.QtCore import Signal

from .color_files import write_color_files
from .environment import own_folder
from .extensions import ExtensionsManagerModel
from .io import IOManager
from .layout_manager import LayoutManager
from .main_window import qSlicerMainWindow
from .modules import ModuleManager
from .slice_view import register_displayable_managers

VERSION = (5, 12, 4)


class qSlicerApplication(qt.QApplication):
    startupCompleted = Signal()
    mrmlSceneChanged = Signal(object)
    cpp_signals = ("mrmlSceneChanged(vtkMRMLScene*)",)

    def __init__(self, arguments, width, height):
        super().__init__(arguments)
        self.setApplicationName("Slicer")
        self.setOrganizationName("LDCTDenoise-tests")
        self.setApplicationVersion(".".join(map(str, VERSION)))
        self.setQuitOnLastWindowClosed(False)
        self.testing, self.restarts, self.pauses = True, 0, 0
        self.temporaryPath = str(own_folder("temporary"))
        self.slicerHome = sys.prefix
        self.majorVersion, self.minorVersion = VERSION[:2]
        self.applicationDisplayName = "3D Slicer"
        self.mainApplicationName, self.revision, self.repositoryRevision = "Slicer", "34000", "34000"
        self.os, self.arch = "linux", "amd64"
        self.documentationBaseUrl = "https://slicer.readthedocs.io/en/latest/"
        self.intDir = ""
        self._extensions = ExtensionsManagerModel()
        self._modules = ModuleManager()
        self._makeScene()
        self._window = qSlicerMainWindow(width, height)
        self._layouts = LayoutManager(self._scene, self._logic, self._window.viewport())
        self._io = IOManager(self._scene, self._logic)
        self._logic.AddObserver(self._logic.PauseRenderEvent, lambda *_: self.pauseRender())
        self._logic.AddObserver(self._logic.ResumeRenderEvent, lambda *_: self.resumeRender())

    def _makeScene(self):
        self._scene = slicer.mrmlScene = slicer.vtkMRMLScene()
        scene = self._scene
        crosshair = slicer.vtkMRMLCrosshairNode()
        crosshair.SetCrosshairName("default")
        scene.AddNode(crosshair)
        logic = self._logic = slicer.vtkSlicerApplicationLogic()
        logic.SetTemporaryPath(self.temporaryPath)
        write_color_files(Path(self.temporaryPath) / "share" / "ColorFiles")
        logic.SetHomeDirectory(self.temporaryPath)
        logic.SetShareDirectory("share")
        logic.SetMRMLScene(scene)
        logic.SetSliceLogics(vtk.vtkCollection())
        logic.SetViewLogics(vtk.vtkCollection())
        self._remote = slicer.vtkMRMLRemoteIOLogic()  # reading an .mrb asks it for a cache folder
        self._remote.SetMRMLApplicationLogic(logic)
        (Path(self.temporaryPath) / ".slicer-cache").touch()  # else VTK warns that the folder may not be a cache
        self._remote.GetCacheManager().SetRemoteCacheDirectory(self.temporaryPath)
        self._remote.SetMRMLScene(scene)
        self._remote.AddDataIOToScene()
        # volumes look for the "Colors" logic when they choose a colour table
        self.colorsLogic = slicer.vtkSlicerColorLogic()
        self.colorsLogic.SetMRMLApplicationLogic(logic)
        self.colorsLogic.SetMRMLScene(scene)
        self.colorsLogic.AddDefaultColorNodes()
        logic.SetColorLogic(self.colorsLogic)
        logic.SetModuleLogic("Colors", self.colorsLogic)
        slicer.vtkMRMLSliceNode.AddDefaultSliceOrientationPresets(scene, True)
        register_displayable_managers(logic)

    # the face that modules use
    def mrmlScene(self):
        return self._scene

    def applicationLogic(self):
        return self._logic

    def mainWindow(self):
        return self._window

    def layoutManager(self):
        return self._layouts

    def coreIOManager(self):
        return self._io

    ioManager = coreIOManager

    def moduleManager(self):
        return self._modules

    def extensionsManagerModel(self):
        return self._extensions

    def userSettings(self):
        return qt.QSettings()

    settings = revisionUserSettings = userSettings

    def testingEnabled(self):
        return self.testing

    def isRelease(self):
        return True

    def commandOptions(self):
        return self

    def translate(self, context, text):
        return text

    def applicationLocaleName(self):
        return "en-US"

    def moduleDocumentationUrl(self, name):
        return f"{self.documentationBaseUrl}user_guide/modules/{name.lower()}.html"

    def environment(self):
        return qt.QProcessEnvironment.systemEnvironment()

    startupEnvironment = environment

    def restart(self):
        """Only counted: the tests' application goes on."""
        self.restarts += 1

    def pauseRender(self):
        self.pauses += 1

    def resumeRender(self):
        self.pauses = max(self.pauses - 1, 0)
        if not self.pauses:
            for name in self._layouts.sliceViewNames():
                self._layouts.sliceWidget(name).sliceView().scheduleRender()

    def setRenderPaused(self, paused):
        self.pauseRender() if paused else self.resumeRender()

    renderPaused = property(lambda self: self.pauses > 0)
