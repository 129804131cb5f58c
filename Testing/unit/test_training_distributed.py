"""Two processes train as one: gradients are averaged, each has patches of its own, one of them writes."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import InputError  # noqa: E402
from LDCTDenoiseLib.training.distributed import Alone, start_engine  # noqa: E402

HERE = Path(__file__).resolve().parent
SCRIPT = """
import sys
from pathlib import Path
import torch
from LDCTDenoiseLib.training.config import Phase
from LDCTDenoiseLib.training.distributed import start_engine
from LDCTDenoiseLib.training.loop import train
from training_factory import a_config, a_series

torch.set_num_threads(1)
folder = Path(sys.argv[1])
engine = start_engine("cpu", 2)
phases = (Phase("a", 2, 32, 2, 1e-3, l1_weight=1.0), Phase("b", 2, 32, 2, 1e-3, temperatures=(1.0,)))
config = a_config(folder, phases=phases, validate_every=2)
said = []
state = train(config, [a_series("one"), a_series("held-out")], engine=engine, report=said.append)
torch.save({"network": state.network.state_dict(), "average": state.average}, folder / f"rank{engine.rank}.pt")
assert engine.size == 2 and bool(said) == engine.leads, (engine.rank, said)
engine.wait()
"""


def test_one_device_needs_no_other_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    assert type(start_engine("cpu")) is type(start_engine("cpu", 1)) is Alone
    with pytest.raises(InputError, match="pip install lightning-fabric"):
        start_engine("cpu", 2)


@pytest.mark.parametrize(("device", "devices"), [("cpu", 0), ("mps", 2), ("cuda:1", 2)])
def test_impossible_devices_are_refused(device, devices):
    with pytest.raises(InputError, match=r"at least one|Several devices are"):
        start_engine(device, devices)


def test_two_processes_have_the_same_weights(tmp_path):
    if find_spec("lightning_fabric") is None:
        pytest.skip("Lightning Fabric is not installed")
    (tmp_path / "script.py").write_text(SCRIPT)
    paths = os.pathsep.join([str(HERE), str(HERE.parents[1] / "LDCTDenoise"), *sys.path])
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py"), str(tmp_path / "run")],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    ranks = [torch.load(tmp_path / "run" / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    for kind in ("network", "average"):
        assert all(torch.equal(value, ranks[1][kind][name]) for name, value in ranks[0][kind].items())
    stored = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)
    assert (stored["step"], stored["recipe"]["devices"]) == (4, 2)
