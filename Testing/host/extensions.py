"""slicer.app.extensionsManagerModel(): which extensions are installed; an installation is only recorded."""

from __future__ import annotations

from PySide6.QtCore import QObject


class ExtensionsManagerModel(QObject):
    """``installed`` is set by tests, ``requested`` lists what a module wanted; ``works``: does installing succeed."""

    def __init__(self):
        super().__init__()
        self.reset()

    def reset(self):
        self.installed, self.requested, self.works = set(), [], True
        self.interactive = True

    def isExtensionInstalled(self, name):
        return name in self.installed

    def isExtensionScheduledForUninstall(self, name):
        return False

    def installExtensionFromServer(self, name, restart=True, installDependencies=True):
        self.requested.append(name)
        if self.works:
            self.installed.add(name)
        return self.works

    def installedExtensionsNames(self):
        return tuple(sorted(self.installed))

    installedExtensions = property(installedExtensionsNames)

    def updateExtensionsMetadataFromServer(self, force=False, wait=False):
        return self.works
