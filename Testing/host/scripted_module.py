"""slicer.ScriptedLoadableModule: the four base classes of a scripted module."""

from __future__ import annotations

import logging
import unittest
from pathlib import Path

import qt
import slicer

__all__ = [
    "ScriptedLoadableModule",
    "ScriptedLoadableModuleLogic",
    "ScriptedLoadableModuleTest",
    "ScriptedLoadableModuleWidget",
]


def _resource(moduleFile, name) -> str:
    return str(Path(moduleFile).parent / "Resources" / name)


class ScriptedLoadableModule:
    """What the module is: fills in its parent's title, categories and texts. Registers its self-test."""

    def __init__(self, parent):
        super().__init__()
        self.parent, self.moduleName = parent, type(self).__name__
        for name, value in (("title", ""), ("categories", []), ("dependencies", []), ("contributors", []),
                            ("helpText", ""), ("acknowledgementText", "")):  # fmt: skip
            setattr(parent, name, value)
        for ending in (".svg", ".png"):
            icon = Path(self.resourcePath(f"Icons/{self.moduleName}{ending}"))
            if icon.is_file():
                parent.icon = qt.QIcon(str(icon))
                break
        if not hasattr(slicer, "selfTests"):
            slicer.selfTests = {}
        slicer.selfTests[self.moduleName] = self.runTest

    def resourcePath(self, filename):
        return _resource(self.parent.path, filename)

    def getDefaultModuleDocumentationLink(self, docPage=None):
        return f'<p><a href="{slicer.app.moduleDocumentationUrl(self.moduleName)}">Documentation</a></p>'

    def runTest(self, msec=100, **kwargs):
        import importlib

        test = getattr(importlib.import_module(type(self).__module__), f"{self.moduleName}Test")()
        test.messageDelay = msec
        test.runTest(**kwargs)


class ScriptedLoadableModuleWidget:
    """``parent`` is the qMRMLWidget in the module panel, ``layout`` its layout; setup() is called once, after that."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        if parent is None:
            parent = slicer.qMRMLWidget()
            parent.setLayout(qt.QVBoxLayout())
            parent.setMRMLScene(slicer.mrmlScene)
        self.parent, self.layout = parent, parent.layout()
        slicer.app.moduleManager().connect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)

    def resourcePath(self, filename):
        return _resource(slicer.util.modulePath(self.moduleName), filename)

    def setup(self):
        pass

    def cleanup(self):
        pass

    def onReload(self):
        slicer.util.reloadScriptedModule(self.moduleName)

    def _onModuleAboutToBeUnloaded(self, moduleName):
        if moduleName == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect("moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded)


class ScriptedLoadableModuleLogic:
    """Owns the module's parameter node, a singleton unless ``isSingletonParameterNode`` is False."""

    def __init__(self, parent=None):
        super().__init__()
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self):
        """The node of this module in the scene; made when there is none."""
        found = self.getAllParameterNodes()
        if self.isSingletonParameterNode:
            single = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
            if single is not None and single.GetAttribute("ModuleName") != self.moduleName:
                single.SetAttribute("ModuleName", self.moduleName)  # closing a scene may drop it
            found = [single] if single is not None else []
        return found[0] if found else slicer.mrmlScene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self):
        nodes = slicer.util.getNodesByClass("vtkMRMLScriptedModuleNode")
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self):
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)  # Python owns it now
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """runTest calls setUp, each test* method and tearDown, unless the module overrides it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.messageDelay = 100

    def delayDisplay(self, message, requestedDelay=None, msec=None):
        logging.getLogger("host").info("%s", message)
        slicer.app.processEvents()

    def runTest(self):
        self.setUpClass()
        for name in sorted(name for name in dir(self) if name.startswith("test") and callable(getattr(self, name))):
            self.setUp()
            getattr(self, name)()
            self.tearDown()
        self.tearDownClass()
