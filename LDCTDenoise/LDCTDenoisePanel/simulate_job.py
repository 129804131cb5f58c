"""A low-dose volume from a volume of higher dose: noise as a scanner adds it, for trying methods out."""

from __future__ import annotations

from slicer.i18n import tr as _

from . import results
from .jobs import Job
from .parts import VolumeRun
from .user_error import UserError
from .volumes import Voxels
from .worker import Worker


class SimulateJob(Job):
    """Result: a new volume node, what a scan at `dose` (between 0 and 1) of the dose would have shown."""

    def __init__(self, worker: Worker, inputVolume, dose: float, seed: int = 0):
        super().__init__(worker)
        self._input, self._dose, self._seed = inputVolume, dose, seed

    def _begin(self) -> None:
        if not 0 < self._dose < 1:
            raise UserError(_("The dose must lie between 0 and 1, not {value}.").format(value=self._dose))
        voxels = Voxels(self._input)
        self._watch.voxels(voxels)
        content = {"do": "simulate", "dose": self._dose, "seed": self._seed}
        run = VolumeRun(self._worker, voxels, content, self._folder, keepsResidual=False)
        run.progressed.connect(self.progressed.emit)
        self._run(run, self._finish)

    def _finish(self, image, residual, event: dict) -> None:
        self.record = {**(event.get("record") or {}), "dose": self._dose, "seed": self._seed}
        name = _("{name} at {percent} % dose").format(name=self._input.GetName(), percent=f"{100 * self._dose:g}")
        node = results.newVolume(self._input, image, name, self.record)
        node.SetAttribute("LDCTDenoise.simulated", f"{self._dose:g}")
        self._succeed(node)
