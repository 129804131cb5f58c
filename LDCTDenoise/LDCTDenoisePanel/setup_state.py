"""What is installed, without importing any of it: a PyTorch in Slicer's own process would cost seconds and memory."""

from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec

from slicer.i18n import tr as _


@dataclass(frozen=True)
class SetupState:
    """torch, scikitImage, matplotlib: their versions, None if missing.

    torchExtension: Slicer's PyTorch extension is loaded.
    devices: pairs (id, title), empty until a worker told. problems: sentences of the worker.
    """

    torch: str | None = None
    scikitImage: str | None = None
    matplotlib: str | None = None
    torchExtension: bool = False
    devices: tuple = ()
    problems: tuple = ()
    confirmed: bool = False  # by a worker, which really imported them

    def refined(self, answer):
        """This state corrected by a worker's answer to "state"."""
        versions = answer.get("versions") or {}
        return replace(
            self,
            torch=versions.get("torch"),
            scikitImage=versions.get("scikit-image"),
            matplotlib=versions.get("matplotlib", self.matplotlib),
            devices=tuple((device["id"], device["title"]) for device in answer.get("devices") or ()),
            problems=tuple(answer.get("problems") or ()),
            confirmed=True,
        )

    def bestDevice(self):
        """What "auto" most likely chooses: the first device that is not the processor."""
        return next((id for id, _title in self.devices if id != "cpu"), "cpu")

    def sentence(self, ready, total):
        """The state line of the panel; `ready` of `total` methods can be used."""
        methods = _("{ready} of {total} methods are ready.").format(ready=ready, total=total)
        if self.torch is None:
            return _("PyTorch is not installed: the networks need it.") + " " + methods
        parts = [_("PyTorch {version}").format(version=self.torch.split("+")[0])]
        best = self.bestDevice()
        parts += [title for id, title in self.devices if id == best]
        return ", ".join(parts) + ". " + methods


def look(*, find=find_spec, version=metadata.version, modules=None):
    """The state as far as it shows without importing anything.

    find, version: `find_spec` and `metadata.version`, or a test's own; modules: `slicer.modules`.
    """
    if modules is None:
        import slicer

        modules = slicer.modules
    return SetupState(
        torch=_installed("torch", "torch", find, version),
        scikitImage=_installed("skimage", "scikit-image", find, version),
        matplotlib=_installed("matplotlib", "matplotlib", find, version),
        torchExtension=hasattr(modules, "pytorchutils"),
    )


def _installed(module, distribution, find, version):
    try:
        if find(module) is None:
            return None
    except (ImportError, ValueError):
        return None
    try:
        return version(distribution)
    except metadata.PackageNotFoundError:
        return ""
