"""Several methods on one volume, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from slicer.i18n import tr as _

from .denoise_job import Choice, DenoiseJob
from .jobs import Job
from .results import isRandom, modelTitle
from .user_error import UserError
from .volumes import Voxels
from .worker import Worker


class CompareJob(Job):
    """Result: the list of output volume nodes, in the order of `models`.

    A model that fails is told by `noticed`, kept in `problems`, and the others go on; the job fails only if all do.
    Volumes that are complete when the job is cancelled stay in the scene, in `volumes`.
    """

    def __init__(self, worker: Worker, inputVolume, models: Sequence[str], choice: Choice):
        """choice  for every model; its own model does not matter; methods that do not draw are asked once"""
        super().__init__(worker)
        self._input, self._models, self._choice = inputVolume, list(dict.fromkeys(models)), choice
        self.volumes: list = []
        self.records: list[dict] = []
        self.problems: dict[str, str] = {}  # model → sentence

    def _begin(self) -> None:
        if not self._models:
            raise UserError(_("No methods are chosen: choose two or more to compare."))
        self._choice.check()
        self._watch.voxels(Voxels(self._input))
        self._next(0)

    def _next(self, number: int) -> None:
        if number == len(self._models):
            self._finish()
            return
        model = self._models[number]
        title = modelTitle(model)
        draws = self._choice.draws if isRandom(model) else 1
        job = DenoiseJob(self._worker, self._input, replace(self._choice, model=model, draws=draws))

        def progress(fraction: float | None, text: str) -> None:
            self.progressed.emit((number + (fraction or 0)) / len(self._models), f"{title}: {text}")

        def done(volume) -> None:
            self.volumes.append(volume)
            self.records.append(job.record)
            self._next(number + 1)

        def failed(sentence: str) -> None:
            self.problems[model] = sentence
            self._notice(f"{title}: {sentence}")
            self._next(number + 1)

        job.progressed.connect(progress)
        self._run(job, done, failed)

    def _finish(self) -> None:
        if not self.volumes:
            self._fail(" ".join(dict.fromkeys(self.problems.values())))
            return
        self.record = {"records": self.records, "problems": self.problems}
        self._succeed([volume for volume in self.volumes if volume.GetScene() is not None])
