"""Loads scripted modules as Slicer does: Module at load, Widget at first opening, enter and exit at each visit."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import qt
import slicer
from PySide6.QtCore import QObject


class qSlicerScriptedLoadableModule(QObject):
    """What a Module's constructor gets as ``parent`` and fills in: title, categories, helpText and so on."""

    def __init__(self, name, path):
        super().__init__()
        self.name, self.path = name, str(path)
        self.title, self.helpText, self.acknowledgementText, self.icon = name, "", "", None
        self.categories, self.dependencies, self.contributors = [], [], []
        self.hidden, self.associatedNodeTypes = False, []
        self.instance = self.representation = self.widget = None

    def widgetRepresentation(self):
        return self.representation

    def logic(self):
        return None


class qSlicerScriptedLoadableModuleWidget(slicer.qMRMLWidget):
    """The shell in the module panel around the Python widget; a module knows it as ``self.parent``."""

    isEntered = False

    def __init__(self, parent=None):
        super().__init__(parent)
        self.python = self.remake = None

    def self(self):
        return self.python

    def reload(self):
        """A new Python widget in the same shell. It is set up, and not entered even where the module is open."""
        self.remake()


class ModuleLoader:
    def __init__(self, app):
        self._app, self._open, self._started = app, None, False
        slicer.qSlicerScriptedLoadableModule = qSlicerScriptedLoadableModule
        slicer.qSlicerScriptedLoadableModuleWidget = qSlicerScriptedLoadableModuleWidget

    def load(self, path: Path):
        name = path.stem
        if self._app.moduleManager().module(name) is not None:
            return sys.modules[name]
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        python = importlib.import_module(name)
        parent = qSlicerScriptedLoadableModule(name, path)
        # slicer.modules.<name> exists before the constructor runs: resourcePath needs it
        self._app.moduleManager().add(parent)
        parent.instance = getattr(python, name)(parent)
        setattr(slicer.modules, f"{name}Instance", parent.instance)
        if not self._started:  # Slicer says so once, when all modules are loaded
            self._started = True
            self._app.startupCompleted.emit()
        return python

    def open(self, name):
        module = self._app.moduleManager().module(name)
        if module is None:
            raise RuntimeError(f"There is no module named {name}; load it first.")
        if self._open is module:
            return module.widget
        self.leave()
        if not isinstance(module, qSlicerScriptedLoadableModule):
            return None
        if module.widget is None:
            self._makeWidget(module)
        self._open = module
        self._app.mainWindow().modulePanel().showModule(module.representation)
        module.representation.isEntered = True
        if hasattr(module.widget, "enter"):
            module.widget.enter()
        self._app.processEvents()
        return module.widget

    def _makeWidget(self, module):
        shell = slicer.qSlicerScriptedLoadableModuleWidget()
        shell.setObjectName(f"{module.name}ModuleWidget")
        box = qt.QVBoxLayout()
        shell.setLayout(box)
        shell.setMRMLScene(slicer.mrmlScene)
        shell.remake = lambda: self._makePython(module)
        module.representation = shell
        self._makePython(module)
        box.addStretch(0)

    @staticmethod
    def _makePython(module):
        shell = module.representation
        module.widget = shell.python = getattr(sys.modules[module.name], f"{module.name}Widget")(shell)
        setattr(slicer.modules, f"{module.name}Widget", module.widget)
        module.widget.setup()

    def leave(self):
        module, self._open = self._open, None
        if module is not None:
            module.representation.isEntered = False
            if hasattr(module.widget, "exit"):
                module.widget.exit()
            self._app.mainWindow().modulePanel().showModule(None)
            self._app.processEvents()

    def unload(self, name):
        module = self._app.moduleManager().module(name)
        if self._open is module:
            self.leave()
        if getattr(module, "widget", None) is not None:
            self._app.moduleManager().moduleAboutToBeUnloaded.emit(name)
            shell, module.widget, module.representation = module.representation, None, None
            delattr(slicer.modules, f"{name}Widget")
            shell.setMRMLScene(None)
            shell.setParent(None)
            shell.delete()  # at once: whatever is still connected to its widgets finds them destroyed

    def unloadAll(self):
        for name in self._app.moduleManager().modulesNames():
            self.unload(name)
