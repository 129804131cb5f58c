"""Installing what networks need: consent, extension, restart, and going on afterwards. Nothing is really installed."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from LDCTDenoisePanel.installation import DECLINED, INSTALLED, LATER, RESTARTING, Installation
from LDCTDenoisePanel.settings import MachineSettings
from LDCTDenoisePanel.user_error import UserError
from widget_fakes import FakeStore


class Manager:
    """The extensions manager; `comes`: whether the download succeeds."""

    def __init__(self, comes=True, installed=False):
        self.comes, self.installed, self.interactive = comes, installed, True
        self.requests = []

    def isExtensionInstalled(self, name):
        return self.installed

    def installExtensionFromServer(self, name, restart=True, update=False):
        self.requests.append((name, restart, self.interactive))
        self.installed = self.comes
        return self.comes


class OldManager(Manager):
    """A Slicer before 5.4."""

    installExtensionFromServer = property()  # hasattr says no

    def downloadAndInstallExtensionByName(self, name, dependencies, wait):
        self.requests.append((name, dependencies, wait))
        return self.comes


class Utils:
    """The PyTorch extension's module."""

    def __init__(self, torch="torch", error=None):
        self.asked, self._torch, self._error = [], torch, error

    def PyTorchUtilsLogic(self):
        def installTorch(askConfirmation=False, torchVersionRequirement=None):
            self.asked.append((askConfirmation, torchVersionRequirement))
            if self._error:
                raise self._error
            return self._torch

        return SimpleNamespace(installTorch=installTorch)


class Stage:
    """An Installation with made-up collaborators."""

    def __init__(self, manager=None, utils=None, answers=(), pipEnsure=None):
        self.manager, self.utils, self.answers = manager or Manager(), utils, list(answers)
        self.settings, self.asked, self.restarts, self.packages = MachineSettings(FakeStore()), [], 0, []
        app = SimpleNamespace(extensionsManagerModel=lambda: self.manager)
        self.installation = Installation(
            self.settings,
            self.confirm,
            app=app,
            restart=self.restart,
            importModule=self.importModule,
            pipEnsure=pipEnsure or self.pipEnsure,
        )

    def confirm(self, text):
        self.asked.append(text)
        return self.answers.pop(0) if self.answers else True

    def restart(self):
        self.restarts += 1

    def importModule(self, name):
        if name == "PyTorchUtils" and self.utils is not None:
            return self.utils
        raise ImportError(name)

    def pipEnsure(self, requirement, constraints):
        self.packages.append((requirement, Path(constraints).read_text(encoding="utf-8")))
        return INSTALLED


def test_with_the_extension_there_torch_is_installed_by_it_after_its_own_question():
    stage = Stage(utils=Utils())
    assert stage.installation.installTorch() == INSTALLED
    assert stage.utils.asked == [(True, ">=2.2")]
    assert stage.manager.requests == []


def test_an_older_extension_is_asked_only_what_it_knows():
    utils = SimpleNamespace(PyTorchUtilsLogic=lambda: SimpleNamespace(installTorch=lambda askConfirmation: "torch"))
    assert Stage(utils=utils).installation.installTorch() == INSTALLED


def test_a_user_who_says_no_to_torch_gets_nothing():
    assert Stage(utils=Utils(torch=None)).installation.installTorch() == DECLINED


def test_an_installation_that_fails_says_so_in_one_sentence_with_its_last_line():
    stage = Stage(utils=Utils(error=RuntimeError("Traceback …\n\nno space left on device")))
    with pytest.raises(UserError, match="no space left on device") as raised:
        stage.installation.installTorch()
    assert "\n" not in str(raised.value)


def test_without_the_extension_the_user_is_asked_and_may_decline():
    stage = Stage(answers=[False])
    assert stage.installation.installTorch() == DECLINED
    assert stage.manager.requests == [] and stage.restarts == 0
    assert stage.settings.resumeInstall == ""
    assert "restart" in stage.asked[0]


def test_the_extension_comes_then_slicer_restarts_and_knows_what_to_go_on_with():
    stage = Stage()
    assert stage.installation.installTorch() == RESTARTING
    assert stage.manager.requests == [("PyTorch", False, False)]  # we asked already, and restart ourselves
    assert stage.manager.interactive, "the manager's own setting is given back"
    assert stage.restarts == 1
    assert stage.settings.resumeInstall == "torch"


def test_a_user_may_restart_later_and_the_installation_goes_on_then():
    stage = Stage(answers=[True, False])
    assert stage.installation.installTorch() == LATER
    assert stage.restarts == 0
    assert stage.settings.resumeInstall == "torch"
    assert "lost" in stage.asked[1]


def test_an_extension_that_only_waits_for_a_restart_is_not_downloaded_again():
    stage = Stage(Manager(installed=True))
    assert stage.installation.installTorch() == RESTARTING
    assert stage.manager.requests == []


def test_a_download_that_fails_leaves_nothing_to_resume():
    stage = Stage(Manager(comes=False))
    with pytest.raises(UserError, match="network"):
        stage.installation.installTorch()
    assert stage.settings.resumeInstall == "" and stage.restarts == 0
    assert stage.manager.interactive


def test_an_older_extensions_manager_is_asked_by_its_own_name():
    stage = Stage(OldManager())
    assert stage.installation.installTorch() == RESTARTING
    assert stage.manager.requests == [("PyTorch", True, True)]


def test_a_slicer_without_extensions_manager_is_told_what_to_do():
    stage = Stage()
    stage.installation._app = SimpleNamespace()
    with pytest.raises(UserError, match="classical"):
        stage.installation.installTorch()


def test_after_the_restart_the_installation_goes_on_once():
    stage = Stage(utils=Utils())
    stage.settings.resumeInstall = "torch"
    assert stage.installation.resumeAfterRestart() == INSTALLED
    assert stage.utils.asked == [(True, ">=2.2")]
    assert stage.installation.resumeAfterRestart() is None


def test_an_installation_that_fails_after_the_restart_does_not_come_back_at_every_start():
    stage = Stage(utils=Utils(error=RuntimeError("no")))
    stage.settings.resumeInstall = "torch"
    with pytest.raises(UserError):
        stage.installation.resumeAfterRestart()
    assert stage.settings.resumeInstall == ""


def test_an_extension_that_did_not_load_after_the_restart_is_named():
    stage = Stage()
    stage.settings.resumeInstall = "torch"
    with pytest.raises(UserError, match="did not load"):
        stage.installation.resumeAfterRestart()
    assert stage.settings.resumeInstall == ""


def test_nothing_to_resume_does_nothing():
    assert Stage().installation.resumeAfterRestart() is None


def test_scikit_image_comes_with_slicers_own_packages_held_fast():
    stage = Stage()
    assert stage.installation.installScikitImage() == INSTALLED
    requirement, constraints = stage.packages[0]
    assert requirement.startswith("scikit-image>=")
    assert "numpy==" in constraints and "SimpleITK==" in constraints


def test_pip_that_fails_becomes_a_sentence():
    def fails(requirement, constraints):
        raise RuntimeError("exit status 1")

    with pytest.raises(UserError, match="network"):
        Stage(pipEnsure=fails).installation.installScikitImage()


def test_scikit_image_needs_consent(host):
    asked = []
    installation = Installation(MachineSettings(FakeStore()), lambda text: asked.append(text))
    assert installation.installScikitImage() == DECLINED
    assert "scikit-image" in asked[0]


def test_nothing_is_installed_from_another_thread():
    stage, caught = Stage(utils=Utils()), []

    def work():
        for install in (stage.installation.installTorch, stage.installation.installScikitImage):
            try:
                install()
            except UserError as error:
                caught.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(caught) == 2 and all("main thread" in text for text in caught)
    assert stage.utils.asked == [] and stage.packages == []
