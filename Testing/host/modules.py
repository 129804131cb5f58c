"""slicer.modules: the loadable modules that modules ask for their logic, with Slicer's real logic classes."""

from __future__ import annotations

import sys
import types

import slicer
from PySide6.QtCore import QObject, Signal

LOGICS = {
    "Volumes": "vtkSlicerVolumesLogic",
    "Sequences": "vtkSlicerSequencesLogic",
    "SubjectHierarchy": "vtkSlicerSubjectHierarchyModuleLogic",
    "Tables": "vtkSlicerTablesLogic",
    "Plots": "vtkSlicerPlotsLogic",
    "Transforms": "vtkSlicerTransformLogic",
    "CropVolume": "vtkSlicerCropVolumeLogic",
    "Units": "vtkSlicerUnitsLogic",
    "Markups": "vtkSlicerMarkupsLogic",
    "Segmentations": "vtkSlicerSegmentationsModuleLogic",
}


class LoadableModule(QObject):
    """A C++ module as Python sees it: a name and a logic."""

    def __init__(self, name, logic):
        super().__init__()
        self.name, self._logic = name, logic
        self.title, self.path = name, ""

    def logic(self):
        return self._logic

    def widgetRepresentation(self):
        return None


class ModuleManager(QObject):
    moduleAboutToBeUnloaded = Signal(str)
    moduleLoaded = Signal(str)

    def __init__(self):
        super().__init__()
        self._modules = {}

    def module(self, name):
        return self._modules.get(name)

    def modulesNames(self):
        return tuple(self._modules)

    loadedModuleNames = modulesNames

    def factoryManager(self):
        return self

    def isLoaded(self, name):
        return name in self._modules

    def add(self, module):
        """Make the module known as slicer.modules.<lower-cased name> and slicer.moduleNames.<Name>."""
        self._modules[module.name] = module
        setattr(slicer.modules, module.name.lower(), module)
        setattr(slicer.moduleNames, module.name, module.name)
        self.moduleLoaded.emit(module.name)


def make_namespaces() -> None:
    """slicer.modules and slicer.moduleNames, which slicer-core does not have."""
    for name in ("modules", "moduleNames"):
        module = types.ModuleType(f"slicer.{name}")
        sys.modules[f"slicer.{name}"] = module
        setattr(slicer, name, module)


def add_loadable_modules(app) -> None:
    app.moduleManager().add(LoadableModule("Colors", app.colorsLogic))
    for name, className in LOGICS.items():
        logic = getattr(slicer, className)()
        logic.SetMRMLApplicationLogic(app.applicationLogic())
        logic.SetMRMLScene(app.mrmlScene())
        app.applicationLogic().SetModuleLogic(name, logic)
        app.moduleManager().add(LoadableModule(name, logic))
