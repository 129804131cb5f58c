"""The one contract of every method, learned or classical: HU slices in, HU slices out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np


@runtime_checkable
class Denoiser(Protocol):
    """What the engine, the comparison, the batch and the panel know about a method, and nothing else.

    id           the model id, e.g. "nlm" or "rddm-balanced"
    uses_device  True if the method computes with torch on a device that the engine chooses
    is_random    True if another seed gives another answer (draws and spread make sense)

    A method that uses a device has `place(device: str, dtype: torch.dtype, *, plain: bool = False) -> None`: compute
    there in that precision from now on. plain: without anything that is there only for speed (shortcuts, fused
    operations, graphs); what the engine's self-check holds every other way against.
    It may show the three stages of `denoise`, so that the engine can overlap them (see `stages.NetworkMethod`):
    `begin(slices_hu, seeds=…, spacing=…)`, on the processor and perhaps in another thread; `compute(begun)`, which
    tells the device and need not wait; `finish(computed)`, the slices.

    It may have `rest() -> None`: it computes nothing for some time, or memory is short, and gives up what it holds
    between two batches only for speed (a CUDA graph has the memory of a whole batch). It still stands where it stood.

    A method that evaluates its network several times a slice has, beside these, `steps`, which may be set (InputError
    where it makes no sense), and `default_steps`.
    """

    id: str
    uses_device: bool
    is_random: bool

    def denoise(
        self, slices_hu: np.ndarray, *, seeds: Sequence[int], spacing: tuple[float, float] | None = None
    ) -> np.ndarray:
        """Denoise slices, each for itself: the answer for a slice does not depend on its neighbours in the batch.

        slices_hu  float32 [n, rows, columns], HU; padded voxels already set to −1024 by the engine
        seeds      one int per slice; a deterministic method ignores them
        spacing    pixel size in mm, (between columns, between rows); None if unknown
        Returns float32 [n, rows, columns], HU, a new array.
        Raises InputError for what the user can mend (a package or weights missing).
        """
        ...


def check_batch(slices_hu: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    """The slices as float32 [n, rows, columns]; ValueError (a defect of the caller) for any other shape or seeds."""
    slices = np.ascontiguousarray(slices_hu, dtype=np.float32)  # torch takes no view that runs backwards
    if slices.ndim != 3:
        raise ValueError(f"a method takes slices [n, rows, columns], this array has {slices.ndim} axes")
    if len(seeds) != len(slices):
        raise ValueError(f"{len(slices)} slices need {len(slices)} seeds, got {len(seeds)}")
    return slices
