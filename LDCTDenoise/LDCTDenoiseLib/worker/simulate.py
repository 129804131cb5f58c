"""do: simulate. What a scan at a fraction of the dose would have shown."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..inference.progress import JsonLines
from ..simulation.calibration import calibrated_scanner
from ..simulation.low_dose import Scanner, simulate_low_dose
from ..volume import CTVolume
from .arrays import read_volume, write_array
from .kept import Kept
from .protocol import Request


def run(request: Request, talk: JsonLines, kept: Kept) -> dict:
    output, dose, seed = request.path("output"), request.number("dose"), request.whole("seed", 0)
    if not 0 < dose < 1:
        raise InputError(f"The dose fraction must lie between 0 and 1, not {dose:g}.")
    if seed < 0:
        raise InputError(f"The seed must be zero or a positive whole number, not {seed}.")
    talk.progress(0, 1, "load")
    volume = read_volume(request, talk.notice)
    scanner = _scanner(volume, talk)
    low = simulate_low_dose(volume, dose, seed=seed, scanner=scanner, progress=talk.progress)
    write_array(output, low.hu, np.dtype(volume.source.dtype))
    facts = {"dose": dose, "seed": seed, "photons": scanner.photons, "kernel": scanner.kernel}
    return {"output": str(output), "record": facts}


def _scanner(volume: CTVolume, talk: JsonLines) -> Scanner:
    try:
        return calibrated_scanner(volume)
    except InputError:
        talk.notice(
            "The noise of this volume cannot be measured (no soft tissue, or no noise), so the simulation assumes "
            "an average scanner."
        )
        return Scanner()
