"""Installs what methods and reports need, with the user's consent: PyTorch by Slicer's extension, the rest by pip.

Everything here runs on the main thread: pip inside Slicer crashes elsewhere.
"""

import importlib
import inspect
import threading
from importlib import metadata

from slicer.i18n import tr as _

from .user_error import UserError

TORCH_REQUIREMENT = ">=2.2"  # the newest there is for Slicer on a Mac
SCIKIT_IMAGE_REQUIREMENT = "scikit-image>=0.22"
MATPLOTLIB_REQUIREMENT = "matplotlib>=3.8"
KEPT = ("numpy", "scipy", "SimpleITK")  # Slicer's own copies, which pip must leave as they are
INSTALLED, DECLINED, RESTARTING, LATER = "installed", "declined", "restarting", "later"


class Installation:
    """What can be installed, and the way there across a restart of Slicer.

    settings  keeps `resumeInstall`
    confirm   confirm(text) -> bool asks the user
    Tests give their own of the rest: app, restart(), importModule(name), pipEnsure(requirement, constraints).
    """

    def __init__(self, settings, confirm, *, app=None, restart=None, importModule=None, pipEnsure=None):
        import slicer

        self._settings, self._confirm = settings, confirm
        self._app = app or slicer.app
        self._restart = restart or slicer.util.restart
        self._import = importModule or importlib.import_module
        self._pipEnsure = pipEnsure or self._pip

    def installTorch(self):
        """PyTorch through the PyTorch extension; the extension itself first if it is missing.

        Returns INSTALLED, DECLINED, RESTARTING, or LATER (the rest follows after the user restarts Slicer).
        Raises UserError.
        """
        _onlyOnMainThread()
        try:
            utils = self._import("PyTorchUtils")
        except ImportError:
            return self._installExtension()
        self._settings.resumeInstall = ""
        install = utils.PyTorchUtilsLogic().installTorch
        known = inspect.signature(install).parameters  # older ones know fewer
        wanted = {"askConfirmation": True, "torchVersionRequirement": TORCH_REQUIREMENT}
        try:
            torch = install(**{name: value for name, value in wanted.items() if name in known})
        except Exception as error:
            text = _("PyTorch could not be installed ({reason}). The module PyTorch Util shows the details.")
            raise UserError(text.format(reason=_lastLine(error))) from error
        return INSTALLED if torch is not None else DECLINED

    def _installExtension(self):
        manager = self._extensionsManager()
        if not manager.isExtensionInstalled("PyTorch"):
            question = _(
                "The networks need PyTorch, which comes with Slicer's PyTorch extension. Install the extension now? "
                "Slicer has to restart afterwards; the installation of PyTorch then goes on by itself."
            )
            if not self._confirm(question):
                return DECLINED
            if not self._download(manager):
                raise UserError(
                    _(
                        "The PyTorch extension could not be installed: check the network connection, or install it in "
                        "the Extensions Manager."
                    )
                )
        self._settings.resumeInstall = "torch"
        question = _(
            "The PyTorch extension is installed. Restart Slicer now? What is not saved is lost: "
            "choose Cancel to save the scene first."
        )
        if not self._confirm(question):
            return LATER
        self._restart()
        return RESTARTING

    def _extensionsManager(self):
        manager = getattr(self._app, "extensionsManagerModel", None)
        manager = manager() if callable(manager) else None
        if manager is None:
            raise UserError(
                _("This Slicer has no Extensions Manager: install PyTorch into its Python, or use a classical method.")
            )
        return manager

    def _download(self, manager):
        """True if the extension came. The user has consented, so Slicer need not ask again."""
        asked = manager.interactive
        manager.interactive = False
        try:
            if hasattr(manager, "installExtensionFromServer"):
                return manager.installExtensionFromServer("PyTorch", False)  # restart: our own question
            return manager.downloadAndInstallExtensionByName("PyTorch", True, True)
        finally:
            manager.interactive = asked

    def resumeAfterRestart(self):
        """Goes on with what a restart interrupted. Returns what `installTorch` does, or None if there is nothing."""
        if self._settings.resumeInstall != "torch":
            return None
        self._settings.resumeInstall = ""  # once: an installation that fails must not come back at every start
        try:
            self._import("PyTorchUtils")
        except ImportError as error:
            raise UserError(
                _("The PyTorch extension did not load after the restart: look for it in the Extensions Manager.")
            ) from error
        return self.installTorch()

    def installScikitImage(self):
        """scikit-image by pip, asking first, Slicer's own packages kept. Returns INSTALLED or DECLINED; UserError."""
        return self._installByPip(SCIKIT_IMAGE_REQUIREMENT, "scikit-image")

    def installMatplotlib(self):
        """matplotlib, which draws reports, in the same way."""
        return self._installByPip(MATPLOTLIB_REQUIREMENT, "matplotlib")

    def _installByPip(self, requirement, name):
        from LDCTDenoiseLib.workplace import workplace

        _onlyOnMainThread()
        with workplace() as folder:
            constraints = folder / "constraints.txt"
            lines = [f"{name}=={version}\n" for name, version in _versions(KEPT)]
            constraints.write_text("".join(lines), encoding="utf-8")
            try:
                return self._pipEnsure(requirement, str(constraints))
            except UserError:
                raise
            except Exception as error:
                text = _("{package} could not be installed: check the network connection; the log has the details.")
                raise UserError(text.format(package=name)) from error

    def _pip(self, requirement, constraints):
        question = _("This method needs scikit-image (about 15 MB). Install it into Slicer's Python now?")
        if requirement == MATPLOTLIB_REQUIREMENT:
            question = _("A report needs matplotlib (about 30 MB). Install it into Slicer's Python now?")
        if not self._confirm(question):
            return DECLINED
        try:
            packaging = self._import("slicer.packaging")
            ensure = packaging.pip_ensure
        except (ImportError, AttributeError):
            import slicer

            slicer.util.pip_install([requirement, "-c", constraints])
        else:
            ensure(requirement, constraints=constraints, prompt_install=False, requester="LDCT Denoise")
        importlib.invalidate_caches()
        return INSTALLED


def _lastLine(error):
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


def _versions(names):
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def _onlyOnMainThread():
    if threading.current_thread() is not threading.main_thread():
        raise UserError(_("Packages can only be installed from Slicer's main thread."))
