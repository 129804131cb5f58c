"""Where the fan beams of a run are computed: on a device while it works, on the processor from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from .arrays import HOST
from .fan_beam import FanBeam

Result = TypeVar("Result")


class Place:
    """One for a run, which all its slices share. Without arguments: the processor.

    arrays  of the device, see `fan_beam_torch.torch_place`
    notice  hears a sentence when the device fails, as it does when another program takes its memory
    """

    def __init__(self, arrays=HOST, notice: Callable[[str], None] | None = None):
        self._arrays, self._notice = arrays, notice or (lambda text: None)
        self._kept: tuple[FanBeam, FanBeam] | None = None  # the last one, here and on the device

    @property
    def device(self) -> str:
        return self._arrays.device

    def compute(self, beam: FanBeam, task: Callable[[FanBeam], Result]) -> Result:
        """What `task` returns for the beam at this place."""
        if self._arrays is not HOST:
            try:
                return task(self._there(beam))
            except RuntimeError as error:
                self._notice(f"The simulation goes on with the processor: {self.device} failed ({reason(error)}).")
                self._arrays, self._kept = HOST, None
        return task(beam)

    def _there(self, beam: FanBeam) -> FanBeam:
        if self._kept is None or self._kept[0] is not beam:
            self._kept = None  # frees the device's memory before more is taken
            self._kept = beam, beam.on(self._arrays)
        return self._kept[1]


def reason(error: Exception) -> str:
    """The first sentence of an error, as a part of another sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].split(". ")[0].rstrip(".")
