"""A faster way is used only when it agrees with float32 on the processor."""

import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib import CTVolume, InputError, denoise  # noqa: E402
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

    def place(self, device, dtype, *, plain=False):
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
        def place(self, device, dtype, *, plain=False):
            self.errors = {"float32": 5.0 if device == "mps" else 0.0}

    monkeypatch.setattr(devices, "available_devices", lambda: ["mps", "cpu"])
    monkeypatch.setattr(devices, "fast_precisions", lambda device: ())
    setup = prepare(Skewed(), SHAPE)
    assert setup.device == "cpu" and "mps failed its self-check" in setup.notices[0]
    with pytest.raises(InputError, match="mps failed"):
        prepare(Skewed(), SHAPE, "mps")


class Hasty(Inexact):
    """A method whose quick way errs, by HU that the test says or with an error; the plain way never does."""

    def __init__(self, wrong: float | Exception, **errors: float):
        super().__init__(**errors)
        self.wrong, self.places = wrong, []

    def place(self, device, dtype, *, plain=False):
        super().place(device, dtype)
        self.plain = plain
        self.places.append((device, self.precision, plain))
        if isinstance(self.wrong, Exception) and not plain:
            raise self.wrong

    def denoise(self, slices_hu, *, seeds, spacing=None):
        return super().denoise(slices_hu, seeds=seeds) + (0 if self.plain else self.wrong)


@pytest.mark.parametrize("wrong", [3.0, float("nan"), AttributeError("no such function in torch.ops")])
def test_a_quick_way_that_disagrees_or_fails_is_not_used_and_said(fast_bfloat16, wrong):
    method = Hasty(wrong, bfloat16=0.1)
    setup = prepare(method, SHAPE, "cpu")
    assert setup.plain and method.plain and setup.precision == "bfloat16"
    assert "The quick way in bfloat16 on cpu failed its self-check and is not used" in setup.notices[0]
    assert setup.difference_hu == pytest.approx(0.1, abs=1e-3)


def test_a_precision_that_disagrees_both_ways_is_left_without_a_word(fast_bfloat16):
    setup = prepare(Inexact(bfloat16=0.7), SHAPE, "cpu")
    assert setup.precision == "float32" and not setup.plain and not setup.notices


def test_a_quick_way_that_agrees_is_used():
    method = Hasty(0.01)
    setup = prepare(method, SHAPE, "cpu", "float32")
    assert not setup.plain and not method.plain and setup.difference_hu == pytest.approx(0.01, abs=1e-3)


def test_the_reference_is_plain_float32_on_the_processor_and_reckoned_once_for_each_number_of_steps():
    method = Hasty(0.01)
    prepare(method, SHAPE, "cpu", "float32")
    assert method.places == [("cpu", "float32", True), ("cpu", "float32", False)]
    prepare(method, (32, 32), "cpu", "float32")
    assert method.places[2:] == [("cpu", "float32", False)]
    method.steps = 5
    prepare(method, SHAPE, "cpu", "float32")
    assert method.places[3:] == [("cpu", "float32", True), ("cpu", "float32", False)]


def test_the_last_step_of_the_memory_ladder_needs_no_check():
    method = Hasty(9.0)
    devices.move_to_processor(method)
    assert method.places == [("cpu", "float32", True)]


TORCH_SAYS = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory\nmany lines"


class Large(Hasty):
    """Memory runs out on the ways that the test names."""

    def __init__(self, *ways: bool):
        super().__init__(0.0)
        self.ways = ways

    def denoise(self, slices_hu, *, seeds, spacing=None):
        if self.plain in self.ways:
            raise RuntimeError(TORCH_SAYS)
        return super().denoise(slices_hu, seeds=seeds)


def test_too_little_memory_for_the_reference_is_one_plain_sentence():
    with pytest.raises(InputError, match=r"^There is too little memory [^\n]* smaller model\.$"):
        prepare(Large(True), SHAPE, "cpu", "float32")


def test_too_little_memory_for_the_quick_way_is_said_plainly_and_the_plain_way_used():
    setup = prepare(Large(False), SHAPE, "cpu", "float32")
    assert setup.plain and setup.notices[0].endswith("is not used: memory ran out.")


def test_another_error_of_the_reference_stays_what_it_is(monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TORCH_SAYS", "shapes do not fit")
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        prepare(Large(True), SHAPE, "cpu", "float32")


def test_what_the_self_check_has_freed_is_given_back_when_the_method_stands(monkeypatch):
    method, given = Hasty(0.01), []
    monkeypatch.setattr(devices, "give_back", lambda: given.append(len(method.places)))
    prepare(method, SHAPE, "cpu", "float32")
    assert given == [2]


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


def test_the_quick_way_of_a_real_network_is_the_plain_one_within_a_thousandth_of_a_hu():
    hu = np.random.default_rng(0).normal(0, 100, (2, 50, 64)).astype(np.float32)
    method = a_method()
    answers = {}
    for plain in (True, False, True):
        method.place("cpu", torch.float32, plain=plain)
        assert isinstance(method._network, RDDMUNet) is plain
        answers.setdefault(plain, []).append(method.denoise(hu, seeds=[0, 1]))
    np.testing.assert_array_equal(*answers[True])
    assert np.abs(answers[False][0] - answers[True][0]).max() <= 1e-3 < np.abs(answers[True][0] - hu).max()


def test_the_record_says_whether_the_plain_way_was_taken():
    volume = CTVolume(np.zeros((1, 32, 32), np.float32))
    assert denoise(volume, "rddm-fine", precision="float32").record["plain"] is False


def test_a_real_network_keeps_its_answer_in_every_precision_that_is_chosen():
    volume = CTVolume(np.random.default_rng(0).normal(0, 100, (2, 64, 64)).astype(np.float32))
    slow = denoise_volume(volume, a_method(), Settings(precision="float32")).volume.hu
    auto = denoise_volume(volume, a_method(), Settings())
    assert np.sqrt(np.mean((auto.volume.hu - slow) ** 2)) <= 0.5
