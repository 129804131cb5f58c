"""The one engine for every method: a volume in, slices through the method in batches that fit, a volume out.

However the volume is stored, methods see its axial slices in the standard orientation (see `orientation`), and the
seeds go by the slice's number from the feet: the same slice gives the same HU in every storage.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import Cancelled, InputError
from ..methods.contract import Denoiser
from ..volume import CTVolume
from .devices import Setup, move_to_processor, prepare
from .ladder import Rung, is_out_of_memory
from .parts import Part, Plan, Task
from .pipeline import Shown, pipeline
from .seeds import slice_seed

AIR = -1024.0  # what a method is shown where the scanner measured nothing
SlicesMaker = Callable[[tuple[int, int, int]], Any]
MOST_OBLONG = 2.0  # ratio of pixel sides; scanners reconstruct square pixels


@dataclass(frozen=True)
class Settings:
    """What a user chooses, and where the volume lies in a larger one.

    slices        half-open range of axial slices, counted along their axis as stored; None for all
    steps         evaluations a slice, for methods that take several; None for the method's own number
    first_slice   where the volume at hand is only a part: the number of its first axial slice in the whole, as stored,
    total_slices  and how many the whole has; a part then gives the very HU that it has in the whole
    """

    seed: int = 0
    strength: float = 1.0
    draws: int = 1
    device: str = "auto"
    precision: str = "auto"
    slices: tuple[int, int] | None = None
    first_slice: int = 0
    total_slices: int | None = None
    steps: int | None = None

    def check(self, count: int) -> None:
        """InputError for values that make no sense for a volume of `count` axial slices."""
        if count < 1:
            raise InputError("The volume has no slices.")
        if not 0 <= self.strength <= 1:
            raise InputError(f"The strength must lie between 0 and 1, not {self.strength:g}.")
        if self.draws < 1:
            raise InputError(f"The number of draws must be at least 1, not {self.draws}.")
        if self.slices and not 0 <= self.slices[0] < self.slices[1] <= count:
            raise InputError(f"The volume has {count} slices: choose a range A:B with 0 ≤ A < B ≤ {count}.")
        whole = self.whole(count)
        if not 0 <= self.first_slice <= whole - count:
            raise InputError(f"{count} slices from number {self.first_slice} on do not lie in a volume of {whole}.")

    def whole(self, count: int) -> int:
        """The number of slices of the whole of which the volume's `count` slices are a part, or all."""
        return self.first_slice + count if self.total_slices is None else self.total_slices


@dataclass(frozen=True)
class Outcome:
    """`volume` and `spread` (standard deviation between draws in HU, None for one draw or where it is not wanted) cover
    the chosen slices.

    They are stored like the input. `stepped_down`: whether the run ended lower on the memory ladder than it began.
    """

    volume: CTVolume
    spread: CTVolume | None
    setup: Setup
    rung: Rung
    notices: tuple[str, ...]
    seconds: float
    stepped_down: bool


def denoise_volume(
    volume: CTVolume,
    denoiser: Denoiser,
    settings: Settings,
    *,
    setup: Setup | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    notice: Callable[[str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
    standing: Callable[[Setup | None], None] | None = None,
    in_place: bool = False,
    spread: bool | SlicesMaker = True,
) -> Outcome:
    """Denoise axial slice by axial slice; `setup` from an earlier run with the same method saves the self-check.

    The seconds of the outcome are those of the slices, without the self-check.
    progress(done, total, stage) counts evaluated slices; notice(text) hears each step down the memory ladder;
    cancel() is asked before every batch; standing(setup) hears where the method stands as soon as that is checked,
    which the next run may be given as `setup` even if this one is cancelled, and None once that is no longer so.
    in_place  the caller gives its volume away: the result takes the place of `volume.hu`, batch by batch, and after an
              error a part of it. False: the input is never changed
    spread    False: the standard deviation between draws is not wanted, and no memory is taken for it. A function makes
              from a shape [slices, rows, columns] where it is put, slice by slice (see `files.on_disk`)
    Raises InputError or Cancelled.
    """
    orientation, count = volume.orientation, volume.axial_count
    settings.check(count)
    choose_steps(denoiser, settings.steps)
    if settings.draws > 1 and not denoiser.is_random:
        raise InputError(f"{denoiser.id} gives the same answer at every draw: leave the number of draws at 1.")
    first, last = settings.slices or (0, count)
    part = volume.slices(first, last, orientation.slice_axis)
    run = _Run(denoiser, part.reoriented(orientation), notice or (lambda text: None), standing or (lambda setup: None))
    run.prepare(setup, settings)
    begun = time.perf_counter()
    before = settings.first_slice
    offset = orientation.first_standard(before + first, before + last, settings.whole(count))
    run.reserve(in_place, settings.draws > 1 and spread)
    run.all_slices(settings, offset, progress, cancel or (lambda: False))
    back = orientation.inverse
    return Outcome(
        volume=replace(part, hu=back.apply(run.out)),
        spread=None if run.spread is None else _spread_volume(part, back.apply(np.asarray(run.spread))),
        setup=run.setup,
        rung=run.rung,
        notices=tuple(run.said),
        seconds=time.perf_counter() - begun,
        stepped_down=run.rung != run.first_rung,
    )


def choose_steps(denoiser: Denoiser, steps: int | None) -> None:
    """Set the evaluations a slice; None is the method's own number, whatever was chosen before."""
    if hasattr(denoiser, "steps"):
        denoiser.steps = denoiser.default_steps if steps is None else steps
    elif steps is not None:
        raise InputError(no_steps(denoiser.id))


def no_steps(id: str) -> str:
    return f"{id} evaluates each slice once: leave out --steps."


class _Run:
    """One pass over one volume in standard orientation: what it has said, and its rung of the memory ladder."""

    def __init__(
        self,
        denoiser: Denoiser,
        volume: CTVolume,
        notice: Callable[[str], None],
        standing: Callable[[Setup | None], None],
    ):
        self.denoiser, self.volume, self._notice, self._standing = denoiser, volume, notice, standing
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)
        self._notice(text)

    def prepare(self, setup: Setup | None, settings: Settings) -> None:
        shape = self.volume.hu.shape[1:]
        for text in _not_as_acquired(self.volume):
            self.say(text)
        self.setup = setup or prepare(self.denoiser, shape, settings.device, settings.precision)
        self._standing(self.setup)
        for text in self.setup.notices:
            self.say(text)
        self.rung = self.first_rung = Rung(self.setup.device, self.setup.batch)

    def reserve(self, in_place: bool, spread: bool | SlicesMaker) -> None:
        """Memory for the result, float32 like the volume: beside input and output only some batches are held."""
        hu = self.volume.hu
        self.out = hu if in_place and hu.flags.writeable else np.empty_like(hu)
        self.spread = spread(hu.shape) if callable(spread) else np.empty_like(hu) if spread else None

    def all_slices(
        self,
        settings: Settings,
        offset: int,
        progress: Callable[[int, int, str], None] | None,
        cancel: Callable[[], bool],
    ) -> None:
        """Every slice through every draw, one rung of the memory ladder after the other.

        `out` becomes the mean over the draws mixed with the input, and `spread` their standard deviation.
        """
        plan = Plan(len(self.volume.hu), settings.draws)
        while not plan.is_done:
            try:
                self._on_this_rung(plan, settings, offset, progress, cancel)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            else:
                break
            self._step_down()  # here, where the error no longer holds the memory of what failed
            plan.again(self.rung.batch)

    def _on_this_rung(self, plan: Plan, settings: Settings, offset: int, progress, cancel) -> None:
        done = sum(len(part) * part.taken for part in plan.open) + plan.finished * plan.draws
        with pipeline(self.denoiser, self.rung, self.volume.spacing[:2]) as way:
            while not plan.is_done:
                if cancel():
                    raise Cancelled
                while way.under_way < way.room and (task := plan.next(self.rung.batch)):
                    way.put(task, self._shown(task, settings.seed, offset))
                task, output = way.take()
                if not np.isfinite(output).all():
                    raise InputError(f"{self.denoiser.id} gave values that are not numbers: its weights are damaged.")
                if plan.take(task.part, output):
                    self._write(task.part, np.float32(settings.strength))
                done += len(task.part)
                if progress:
                    progress(done, plan.count * plan.draws, "denoise")

    def _shown(self, task: Task, seed: int, offset: int) -> Shown:
        """What makes the slices of a task as the method sees them, once for all draws, and their seeds."""

        def shown() -> tuple[np.ndarray, list[int]]:
            part = task.part
            if part.shown is None:
                part.shown = self.shown(part.start, part.stop)
            return part.shown, [slice_seed(seed, offset + i, task.draw) for i in range(part.start, part.stop)]

        return shown

    def shown(self, start: int, stop: int) -> np.ndarray:
        """The slices as the method sees them: air where there is padding."""
        slices = self.volume.hu[start:stop]
        if not np.isfinite(slices).all():
            raise InputError("The volume holds values that are not numbers (NaN or infinite): repair it first.")
        if self.volume.padding is not None:
            slices = np.where(self.volume.padding[start:stop], np.float32(AIR), slices)
        # Every storage gives a method the same memory. Always a copy: for numpy one slice of a volume stored from head
        # to feet is contiguous, for torch its negative stride is an error.
        return np.array(slices, order="C")

    def _write(self, part: Part, strength: np.float32) -> None:
        """A part whose draws are done. Padded voxels keep the values of the input: nothing was drawn there."""
        here = slice(part.start, part.stop)
        given, hu = self.volume.hu[here], part.mean
        if strength != 1:
            hu = (1 - strength) * given + strength * hu
        padding = None if self.volume.padding is None else self.volume.padding[here]
        self.out[here] = hu if padding is None else np.where(padding, given, hu)
        if self.spread is not None:
            spread = strength * part.spread()
            self.spread[here] = spread if padding is None else np.where(padding, np.float32(0), spread)

    def _step_down(self) -> None:
        self._standing(None)
        device = self.rung.device
        self.rung, text = self.rung.below(self.denoiser.uses_device)
        self.say(text)
        if self.rung.device != device:
            move_to_processor(self.denoiser)
            self.setup = replace(self.setup, device="cpu", precision="float32", plain=True)
        release_memory(self.denoiser)


def _not_as_acquired(volume: CTVolume) -> list[str]:
    """A notice where the axial slices (of a volume in standard orientation) are no picture that a scanner makes."""
    x, y, _ = volume.spacing
    rows, columns = volume.shape[1:]
    if max(x, y) <= MOST_OBLONG * min(x, y) and min(rows, columns) > 1:
        return []
    return [
        f"The axial slices of this volume have {columns}×{rows} pixels of {x:.3g}×{y:.3g} mm, so it was probably "
        "reformatted to another plane; the axial series that it was made from gives a better result."
    ]


def release_memory(denoiser: Denoiser | None = None) -> None:
    """Give back what torch and the method keep for later, so that the next, smaller try starts with all there is."""
    import gc
    import sys

    if hasattr(denoiser, "rest"):
        denoiser.rest()
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()


def _spread_volume(volume: CTVolume, spread: np.ndarray) -> CTVolume:
    """Spread, the array that becomes the volume, has no padding and no HU of its own."""
    source = replace(volume.source, dtype="float32", slope=1.0, intercept=0.0)
    return replace(volume, hu=spread, padding=None, source=source)
