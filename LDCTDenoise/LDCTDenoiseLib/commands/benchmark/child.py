"""The process of one row: a method that stays loaded and is asked over a pipe, a JSON object a line.

Of the way "quick" it is started through the command (`ldct-denoise benchmark --one …`), with all that this sets up; of
the way "plain" as this module, with torch as it is by itself.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

import numpy as np

from ...errors import InputError
from .machine import about, peak_megabytes
from .rows import BM3D, PLAIN


def main(text: str) -> None:
    """`text`: what to measure, see `serve`. Standard output is for answers alone: what packages print goes aside."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        try:
            serve(json.loads(text), sys.stdin, answers)
        except InputError as error:
            _tell(answers, {"error": str(error)})


def serve(spec: dict, requests: Iterable[str], answers: TextIO) -> None:
    """One answer for {"kind": "about"} and {"kind": "peaks"}; {"kind": "row", …} does a slice, says so, and goes on.

    A row has model, card (path or null), way, precision, device, slices (path), spacing. Requests:
    round    `slices` of them through the method: seconds
    facts    where it computes, peak memory
    outputs  writes the first `slices` of the last round's result to `path`
    work     what the network's operations are (`networks.cost`), for one slice
    profile  seconds by kind of operation
    """
    if spec["kind"] == "about":
        return _tell(answers, about(spec["device"]))
    if spec["kind"] == "peaks":
        from .peaks import measured_peaks

        return _tell(answers, measured_peaks(spec["device"], spec["precisions"]))
    row = Measured(spec)
    _tell(answers, row.round(1))
    for line in requests:
        request = json.loads(line)
        what = request.pop("do")
        actions = {"round": row.round, "facts": row.facts, "outputs": row.outputs}
        if what in actions:
            _tell(answers, actions[what](**request) or {})
        else:
            from .profile import seconds_by_kind, work

            _tell(answers, {"work": work, "profile": seconds_by_kind}[what](row, **request))


class Measured:
    """A method that is loaded and knows its slices. `denoiser`, `spacing`; `device` and `batch` once it has run."""

    def __init__(self, spec: dict):
        self.hu = np.load(spec["slices"], allow_pickle=False)
        self.spacing = tuple(spec["spacing"])
        self.is_plain = spec["way"] == PLAIN
        self.denoiser = _denoiser(spec["model"], spec["card"])
        self._device, self._precision = spec["device"], spec["precision"]
        self._setup, self._outcome, self._output, self._said = None, None, None, []
        if self.is_plain:
            import torch

            from ...inference.devices import check_device, devices_to_try

            check_device(self._device)
            self._device = devices_to_try(self._device)[0]
            self.denoiser.place(self._device, getattr(torch, self._precision), plain=True)

    def round(self, slices: int) -> dict:
        """The first `slices` through the method; by the engine, or plainly one after the other."""
        begun = time.perf_counter()
        self._output = self.one_by_one(slices) if self.is_plain else self._by_engine(slices)
        return {"seconds": time.perf_counter() - begun}

    def facts(self) -> dict:
        setup, torch = self._setup, sys.modules.get("torch")
        on_gpu = torch is not None and self.device.startswith("cuda")
        return {
            "device": self.device,
            "precision": setup.precision if setup else self._precision,
            "way": PLAIN if self.is_plain or getattr(setup, "plain", False) else "quick",
            "batch": self.batch,
            "notices": list(dict.fromkeys(self._said)),
            "threads": torch.get_num_threads() if torch is not None else None,
            "peak_mb": peak_megabytes(),
            "gpu_mb": torch.cuda.max_memory_allocated(self.device) / 1e6 if on_gpu else None,
        }

    def outputs(self, path: str, slices: int) -> None:
        np.save(path, self._output[:slices])

    @property
    def device(self) -> str:
        return self._outcome.rung.device if self._outcome else self._device

    @property
    def batch(self) -> int:
        return self._outcome.rung.batch if self._outcome else 1

    def one_by_one(self, slices: int) -> np.ndarray:
        """Without the engine."""
        from ...inference.seeds import slice_seed  # as the engine has it: the same noise in every row

        seeds = [slice_seed(0, number) for number in range(slices)]
        parts = [
            self.denoiser.denoise(self.hu[i : i + 1], seeds=seeds[i : i + 1], spacing=self.spacing[:2])
            for i in range(slices)
        ]
        return np.concatenate(parts)

    def _by_engine(self, slices: int) -> np.ndarray:
        from ...inference.engine import Settings, denoise_volume
        from ...volume import CTVolume

        settings = Settings(device=self._device, precision=self._precision)
        volume = CTVolume(self.hu[:slices], self.spacing)
        outcome = denoise_volume(volume, self.denoiser, settings, setup=self._setup, notice=self._said.append)
        if outcome.stepped_down:
            raise InputError(f"{self.denoiser.id} ran out of memory, so it could not be measured: {self._said[-1]}")
        self._setup, self._outcome = outcome.setup, outcome
        return outcome.volume.hu


def _denoiser(model: str, card: str | None):
    from ...methods import load_denoiser
    from ...weights.cards import Card
    from ...weights.store import find_card

    if model == BM3D:
        from .bm3d import BM3D as BlockMatching

        return BlockMatching()
    return load_denoiser(Card.from_file(Path(card)) if card else find_card(model))


def _tell(answers: TextIO, facts: dict) -> None:
    print(json.dumps(facts), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
