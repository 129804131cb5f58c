"""Things that many tests need: a folder of one's own for imported models, a small volume, a small network."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume


@pytest.fixture(autouse=True)
def a_home_of_its_own(tmp_path_factory, monkeypatch):
    """Tests neither see nor touch what the user has imported."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(home))
    return home


@pytest.fixture(autouse=True, scope="session")
def signals_as_in_a_terminal():
    """What tests start hears Ctrl+C and a closed terminal: from a job in the background it would inherit deaf ears."""
    for name, handler in (("SIGINT", signal.default_int_handler), ("SIGHUP", lambda *_: None)):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture
def a_small_ct() -> CTVolume:
    """Four noisy slices of a body in air, with the geometry of an oblique scan."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:64, :80]
    body = np.where(((x - 40) / 30) ** 2 + ((y - 32) / 24) ** 2 < 1, 50.0, -1000.0)
    hu = np.clip(body + 20 * rng.standard_normal((4, 64, 80)), -1024, 3071).round()
    c, s = np.cos(0.3), np.sin(0.3)
    return CTVolume(hu, (0.8, 0.8, 2.5), (-30.0, 10.0, 200.0), np.array([[1, 0, 0], [0, c, -s], [0, s, c]]))


@pytest.fixture
def a_small_network(a_home_of_its_own) -> str:
    """The id of an imported RDDM of little width with random weights."""
    torch = pytest.importorskip("torch")
    from LDCTDenoiseLib.networks import RDDMUNet
    from LDCTDenoiseLib.weights.cards import Card
    from LDCTDenoiseLib.weights.store import imported_folder, save_weights

    arguments = {"width": 32, "multipliers": [0.5] * 4, "blocks": 1}  # attention only where the picture is small
    torch.manual_seed(0)
    network = RDDMUNet(**arguments)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    card = Card(
        id="tiny", title="Tiny", version="1", family="rddm", description="For tests.", licence="none",
        training_data="none", intended_use="tests", network=arguments, hu_window=(-1024.0, 3072.0),
    )  # fmt: skip
    return save_weights(imported_folder(), card, network.state_dict()).id
