"""A faster way is used only when it agrees with float32 on the processor."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import CTVolume, InputError  # noqa: E402
from LDCTDenoiseLib.inference import devices  # noqa: E402
from LDCTDenoiseLib.inference.devices import available_devices, prepare  # noqa: E402
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume  # noqa: E402
from LDCTDenoiseLib.methods.rddm import RDDM  # noqa: E402
from LDCTDenoiseLib.networks import RDDMUNet  # noqa: E402


class Inexact:
    """A method whose answer depends on the precision, as the test says."""

    id, uses_device, is_random = "inexact", True, False

    def __init__(self, **errors: float):
        self.errors, self.precision = errors, "float32"

    def place(self, device, dtype):
        self.precision = str(dtype).removeprefix("torch.")

    def denoise(self, slices_hu, *, seeds, spacing=None):
        return slices_hu + self.errors.get(self.precision, 0.0)


SHAPE = (64, 64)


@pytest.fixture
def fast_bfloat16(monkeypatch):
    monkeypatch.setattr(devices, "fast_precisions", lambda device: ("bfloat16",))


def test_a_faster_precision_that_agrees_is_chosen(fast_bfloat16):
    setup = prepare(Inexact(bfloat16=0.1), SHAPE, "cpu")
    assert setup.precision == "bfloat16" and setup.difference_hu == pytest.approx(0.1, abs=1e-3)


def test_a_faster_precision_that_disagrees_is_not(fast_bfloat16):
    assert prepare(Inexact(bfloat16=0.7), SHAPE, "cpu").precision == "float32"


def test_a_precision_that_the_hardware_lacks_is_not_tried(monkeypatch):
    monkeypatch.setattr(devices, "fast_precisions", lambda device: ())
    assert prepare(Inexact(), SHAPE, "cpu").precision == "float32"


def test_a_wanted_precision_that_disagrees_is_replaced_and_said():
    setup = prepare(Inexact(bfloat16=3.0), SHAPE, "cpu", "bfloat16")
    assert setup.precision == "float32" and "bfloat16 on cpu failed" in setup.notices[0]


def test_a_device_that_computes_something_else_is_left_for_the_processor(monkeypatch):
    class Skewed(Inexact):
        def place(self, device, dtype):
            self.errors = {"float32": 5.0 if device == "mps" else 0.0}

    monkeypatch.setattr(devices, "available_devices", lambda: ["mps", "cpu"])
    monkeypatch.setattr(devices, "fast_precisions", lambda device: ())
    setup = prepare(Skewed(), SHAPE)
    assert setup.device == "cpu" and "mps failed its self-check" in setup.notices[0]
    with pytest.raises(InputError, match="mps failed"):
        prepare(Skewed(), SHAPE, "mps")


def test_an_unknown_device_or_precision_is_refused():
    assert "cpu" in available_devices()
    with pytest.raises(InputError, match="no device quantum"):
        prepare(Inexact(), SHAPE, "quantum")
    with pytest.raises(InputError, match="no precision int4"):
        prepare(Inexact(), SHAPE, "cpu", "int4")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_device_that_is_not_here_is_refused():
    with pytest.raises(InputError, match="no device cuda here"):
        prepare(Inexact(), SHAPE, "cuda")


def a_method() -> RDDM:
    torch.manual_seed(0)
    network = RDDMUNet(32, (0.5, 1, 2), 1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    return RDDM("small", network)


def test_values_outside_the_window_of_the_network_stay_as_they_are():
    hu = np.random.default_rng(0).normal(0, 300, (1, 40, 50)).astype(np.float32)
    hu[0, 5, 5:8] = (-1500, 5000, 30000)
    out = a_method().denoise(hu, seeds=[0])
    assert out[0, 5, 5:8].tolist() == [-1500, 5000, 30000]
    assert out.shape == hu.shape and np.abs(out - hu).max() > 1


class Formula(torch.nn.Module):
    """A network that is a formula of the low-dose slice."""

    body = torch.float32

    def __init__(self, formula, multiple: int = 1):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.formula, self.multiple = formula, multiple

    def fold_embedding(self):
        return self

    def forward(self, noise, low_dose):
        return self.formula(low_dose)


def test_the_hu_scaling_is_that_of_the_paper():
    """x = 2 (HU + 1024)/4096 − 1, y = clip(x + tanh f, −1, 1), back to HU; checked with a network that is a formula."""
    hu = np.array([[[-1024.0, 0.0, 40.0, 1024.0, 3072.0]]], np.float32)
    x = 2 * (hu + 1024) / 4096 - 1
    wanted = (np.clip(x + np.tanh(-0.5 * x), -1, 1) + 1) / 2 * 4096 - 1024
    found = RDDM("formula", Formula(lambda low_dose: -0.5 * low_dose)).denoise(hu, seeds=[0])
    np.testing.assert_allclose(found, wanted, atol=1e-3)


def test_padding_repeats_the_edge_so_that_no_border_appears():
    def edges(low_dose):
        around = torch.nn.functional.pad(low_dose, (1, 1, 1, 1), mode="replicate")
        return torch.nn.functional.avg_pool2d(around, 3, stride=1) - low_dose

    flat = np.full((1, 5, 6), 40, np.float32)
    found = RDDM("edges", Formula(edges, multiple=8)).denoise(flat, seeds=[0])
    np.testing.assert_allclose(found, flat, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (3, 17), (16, 16), (33, 20)])
def test_slices_of_any_size_are_padded_and_cropped(shape):
    assert a_method().denoise(np.zeros((2, *shape), np.float32), seeds=[0, 1]).shape == (2, *shape)


def test_the_network_answers_the_same_whatever_the_batch():
    hu = np.random.default_rng(0).normal(0, 100, (4, 32, 32)).astype(np.float32)
    whole = a_method().denoise(hu, seeds=[1, 2, 3, 4])
    single = np.concatenate([a_method().denoise(hu[i : i + 1], seeds=[i + 1]) for i in range(4)])
    np.testing.assert_allclose(whole, single, atol=0.02)
    again = a_method().denoise(hu, seeds=[1, 2, 3, 4])
    np.testing.assert_array_equal(whole, again)
    assert np.abs(whole - a_method().denoise(hu, seeds=[5, 6, 7, 8])).max() > 0.1, "the seed must matter"


def test_a_real_network_keeps_its_answer_in_every_precision_that_is_chosen():
    volume = CTVolume(np.random.default_rng(0).normal(0, 100, (2, 64, 64)).astype(np.float32))
    slow = denoise_volume(volume, a_method(), Settings(precision="float32")).volume.hu
    auto = denoise_volume(volume, a_method(), Settings())
    assert np.sqrt(np.mean((auto.volume.hu - slow) ** 2)) <= 0.5
