"""Inside a measured process: `python -m Testing.speed.child TASK BEGUN WORDS…` does a task and tells its figures.

BEGUN is the parent's time.monotonic() when it started this process: all processes of a machine share that clock.
Answers with one line of JSON. Seconds of the clock on the wall, and under names that end in _cpu those of all threads
and ended children of this process; `peak`: largest resident memory of this process, MB. Uses nothing of a library but
its public faces, which another checkout has too.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from pathlib import Path

MODEL_OF_RANDOM_WEIGHTS = "authors-size"
RESIDUAL = 30 / 2048  # 30 HU, as a trained network takes away: half of RDDM's window of 4096 HU is 1


class Stamps:
    """Stands in for standard output: notes when the command told which progress."""

    def __init__(self, begun: float):
        self._begun, self._rest = begun, ""
        self.first: tuple[int, float, float] | None = None  # slices done, wall, cpu
        self.last: tuple[int, float, float] | None = None
        self.record: dict = {}

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.startswith("{"):
                self._event(json.loads(line))
        return len(text)

    def flush(self) -> None:
        """Nothing waits."""

    def _event(self, event: dict) -> None:
        if event["event"] == "result":
            self.record = event["record"]
        elif event["event"] == "progress" and event["stage"] == "denoise" and event["done"] > 0:
            self.last = (event["done"], time.monotonic() - self._begun, cpu_seconds())
            self.first = self.first or self.last

    def facts(self) -> dict:
        """start: until the first slice is there; slice: of each one after it (None where there is none)."""
        if self.first is None:
            return {}
        (done, *begun), (count, *ended) = self.first, self.last
        wall, cpu = (
            (None, None) if count == done else [(b - a) / (count - done) for a, b in zip(begun, ended, strict=True)]
        )
        chosen = {key: self.record.get(key) for key in ("device", "precision", "batch")}
        return {"start": begun[0], "start_cpu": begun[1], "slice": wall, "slice_cpu": cpu, **chosen}


def command(begun: float, *words: str) -> dict:
    """`python -m LDCTDenoiseLib WORDS…`, in this process."""
    said, out = Stamps(begun), sys.stdout
    sys.argv[1:], sys.stdout = words, said
    try:
        runpy.run_module("LDCTDenoiseLib", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code or 0
    finally:
        sys.stdout = out
    if status:
        sys.exit(status)
    return said.facts()


def files(begun: float, series: str, folder: str) -> dict:
    """Reading and writing of every kind: seconds."""
    from LDCTDenoiseLib import read_volume, write_volume

    folder, took = Path(folder), {}

    def timed(what: str, function, *words):
        wall, cpu = time.monotonic(), cpu_seconds()
        answer = function(*words)
        took[what], took[f"{what}_cpu"] = time.monotonic() - wall, cpu_seconds() - cpu
        return answer

    volume = timed("read DICOM", read_volume, series)
    timed("write DICOM", write_volume, volume, folder / "series")
    for ending in ("nrrd", "nii.gz"):
        timed(f"write .{ending}", write_volume, volume, folder / f"volume.{ending}")
        timed(f"read .{ending}", read_volume, folder / f"volume.{ending}")
    return took


def python(begun: float, file: str, model: str) -> dict:
    """The library in somebody's own program: import, then a model on a volume, first one slice and then all."""
    wall, cpu = time.monotonic(), cpu_seconds()
    import LDCTDenoiseLib

    denoise, read_volume = LDCTDenoiseLib.denoise, LDCTDenoiseLib.read_volume
    imported = {"import": time.monotonic() - wall, "import_cpu": cpu_seconds() - cpu}
    from LDCTDenoiseLib.inference.engine import Settings
    from LDCTDenoiseLib.inference.run import WarmModel
    from LDCTDenoiseLib.weights.store import find_card

    volume, warm = read_volume(file), WarmModel(find_card(model))
    assert callable(denoise)
    warm.denoise(volume, Settings(slices=(0, 1)))
    wall, cpu = time.monotonic(), cpu_seconds()
    warm.denoise(volume, Settings())
    count = volume.axial_count
    return {**imported, "slice": (time.monotonic() - wall) / count, "slice_cpu": (cpu_seconds() - cpu) / count}


def differ(begun: float, one: str, other: str) -> dict:
    """How far two volumes are from each other, HU."""
    import numpy as np
    from LDCTDenoiseLib import read_volume

    difference = read_volume(one).hu.astype(np.float64) - read_volume(other).hu
    return {"rms": float(np.sqrt(np.mean(difference**2))), "worst": float(np.abs(difference).max())}


def random_models(begun: float) -> dict:
    """Ids of the methods that take several draws."""
    from LDCTDenoiseLib import list_models

    return {"ids": [card.id for card in list_models() if card.family != "classical"]}


def random_weights(begun: float, file: str) -> dict:
    """A checkpoint of the authors' RDDM network with random weights and a residual of some 30 HU."""
    import torch
    from LDCTDenoiseLib.networks import RDDMUNet

    torch.manual_seed(0)
    network = RDDMUNet()
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():  # layers that start as zero would make the network trivial
                torch.nn.init.normal_(parameter, std=0.01)
        low_dose = torch.rand(1, 1, 128, 128) - 0.5
        last = network.out[-1]
        last.weight *= RESIDUAL / network(torch.randn_like(low_dose), low_dose).std()
        last.bias.zero_()
    torch.save({"model": network.state_dict()}, file)
    return {}


def cpu_seconds() -> float:
    """Of this process, all its threads, and of children that have ended; os.times alone is too coarse."""
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system


def peak_megabytes() -> float | None:
    """None where the system does not tell (Windows)."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent held when it started us
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1e3
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


TASKS = {
    "command": command,
    "files": files,
    "python": python,
    "differ": differ,
    "random_models": random_models,
    "random_weights": random_weights,
}

if __name__ == "__main__":
    _, task, begun, *words = sys.argv
    facts = TASKS[task](float(begun), *words)
    facts |= {"whole_cpu": cpu_seconds(), "peak": peak_megabytes()}
    import LDCTDenoiseLib

    print(json.dumps({**facts, "library": str(Path(LDCTDenoiseLib.__file__).resolve().parents[1])}))
