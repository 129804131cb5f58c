"""Perception of a volume: its axial slices, in the standard orientation like every method's, to one `Perceived`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import Cancelled, InputError
from ..methods.perceived import Perceived
from ..methods.perception import Perception
from ..volume import CTVolume
from .engine import AIR

SLICES_AT_ONCE = 8  # on a device; a processor takes one
AGREEMENT = 0.02  # largest difference from the processor of the logarithm of a dose, and of a probability


def evenly(count: int, most: int) -> np.ndarray:
    """Numbers of at most `most` slices spread over `count`, rising; each the middle of its share."""
    if count <= most:
        return np.arange(count)
    return ((np.arange(most) + 0.5) * count / most).astype(int)


def perceive_volume(
    volume: CTVolume,
    perception: Perception,
    *,
    slices: tuple[int, int] | None = None,
    numbers: Sequence[int] | None = None,
    total: int | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    cancel: Callable[[], bool] | None = None,
    at_once: int = 1,
) -> Perceived:
    """Look at the slices of `volume`, one by one.

    slices   half-open range of axial slices as stored; None for all
    numbers  where the volume holds only some slices of a larger one: which, as stored, rising; `total` of how many.
             Its spacing is then that of the larger one
    progress(done, total, stage) and cancel() as in the engine. Raises InputError or Cancelled.
    """
    count = volume.axial_count
    first, last = slices or (0, count)
    if not 0 <= first < last <= count:
        raise InputError(f"The volume has {count} slices: choose a range A:B with 0 ≤ A < B ≤ {count}.")
    seen = volume.slices(first, last, volume.orientation.slice_axis).standard()
    doses, chances = [], []
    for start in range(0, len(seen.hu), at_once):
        if cancel and cancel():
            raise Cancelled
        dose, probabilities = perception.perceive(_shown(seen, start, start + at_once))
        doses.append(dose)
        chances.append(probabilities)
        if progress:
            progress(min(len(seen.hu), start + at_once), len(seen.hu), "perceive")
    way = slice(None, None, -1 if volume.orientation.flipped[0] else 1)  # back to the order of the file
    stored = np.arange(first, last) if numbers is None else np.asarray(numbers)
    extent = (first, last) if numbers is None else (0, total or int(stored[-1]) + 1)
    return Perceived(
        perception.id,
        stored,
        extent,
        np.concatenate(doses)[way],
        perception.anatomies,
        np.concatenate(chances)[way],
        float(seen.spacing[2]),
    )


def place_perception(perception: Perception, device: str = "auto") -> tuple[str, str | None]:
    """Put it on the best device that perceives the same there: (its name, a notice or None).

    Raises InputError for a device that is not here or, where it was named, perceives something else.
    """
    from .devices import probe_slice
    from .hardware import available_devices

    available = available_devices()
    wanted = {"auto": available[0], "cuda": "cuda:0"}.get(device, device)
    if wanted not in available:
        raise InputError(f"There is no device {device} here: choose auto or one of {', '.join(available)}.")
    perception.place("cpu")
    if wanted == "cpu":
        return "cpu", None
    expected = perception.perceive(probe_slice())
    try:
        perception.place(wanted)
        found = perception.perceive(probe_slice())
    except (InputError, RuntimeError):  # no numbers, or an operation that the device lacks
        agrees = False
    else:
        dose = float(np.abs(np.log(found[0] / expected[0])).max())
        agrees = max(dose, float(np.abs(found[1] - expected[1]).max())) <= AGREEMENT
    if agrees:
        return wanted, None
    if device != "auto":
        raise InputError(f"{wanted} does not perceive what the processor does and is not used.")
    perception.place("cpu")
    return "cpu", f"{wanted} does not perceive what the processor does, which is used instead."


def _shown(volume: CTVolume, start: int, stop: int) -> np.ndarray:
    """The slices as the model sees them: air where there is padding; always a copy in C order."""
    hu = volume.hu[start:stop]
    if not np.isfinite(hu).all():
        raise InputError("The volume holds values that are not numbers (NaN or infinite): repair it first.")
    if volume.padding is not None:
        hu = np.where(volume.padding[start:stop], np.float32(AIR), hu)
    return np.array(hu, np.float32, order="C")
