"""The three stages of a network method, what they carry to a device and back, and the noise that is drawn for them."""

import gc
import os
import threading
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.methods import noise as noise_module  # noqa: E402
from LDCTDenoiseLib.methods import stages  # noqa: E402
from LDCTDenoiseLib.methods.noise import gaussian_noise  # noqa: E402
from LDCTDenoiseLib.methods.stages import NetworkMethod  # noqa: E402
from LDCTDenoiseLib.methods.transfers import Streamed, transfers  # noqa: E402
from LDCTDenoiseLib.methods.window import Window  # noqa: E402
from LDCTDenoiseLib.networks import captured  # noqa: E402

needs_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")


class Adding(NetworkMethod):
    """Adds a little of the noise and keeps what it was shown."""

    id = "adding"
    window = Window(-1000.0, 1000.0)

    def __init__(self, device: str = "cpu", multiple: int = 8):
        self.seen = []
        self._settle(device, multiple, plain=True)

    def _evaluate(self, low_dose, noise, size):
        self.seen.append((low_dose, noise, size))
        return (low_dose + 0.01 * noise).clamp(-1, 1)


def slices(n: int = 3, shape: tuple[int, int] = (13, 18)) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 300, (n, *shape)).astype(np.float32)


def test_denoise_is_the_three_stages_one_after_the_other():
    hu, method = slices(), Adding()
    hu[1, 2, 3], hu[0, 5, 6] = 4000, -4000
    begun = method.begin(hu, seeds=[4, 5, 6])
    found = method.finish(method.compute(begun))
    np.testing.assert_array_equal(found, method.denoise(hu, seeds=[4, 5, 6]))
    wanted = np.clip(hu / 1000 + 0.01 * gaussian_noise([4, 5, 6], (16, 24))[:, 0, :13, :18], -1, 1) * 1000
    wanted[1, 2, 3], wanted[0, 5, 6] = 4000, -4000
    outside = np.abs(hu) > 1000
    np.testing.assert_allclose(found, np.where(outside, hu, wanted), atol=1e-3)


def test_the_network_sees_whole_multiples_with_the_edge_repeated():
    hu, method = slices(), Adding()
    method.denoise(hu, seeds=[1, 2, 3])
    low_dose, noise, size = method.seen[0]
    assert low_dose.shape == noise.shape == (3, 1, 16, 24) and size == (13, 18)
    assert (low_dose[:, :, 13:] == low_dose[:, :, 12:13]).all()
    assert (low_dose[..., 18:] == low_dose[..., 17:18]).all()


def test_batches_may_be_begun_before_others_are_finished():
    hu, method = slices(4), Adding()
    begun = [method.begin(hu[i : i + 1], seeds=[i]) for i in range(4)]
    computed = [method.compute(one) for one in begun]
    found = np.concatenate([method.finish(one) for one in computed])
    np.testing.assert_array_equal(found, method.denoise(hu, seeds=range(4)))


def test_what_is_given_is_never_written_on():
    hu, method = slices(), Adding()
    before = hu.copy()
    found = method.denoise(hu, seeds=[1, 2, 3])
    np.testing.assert_array_equal(hu, before)
    assert not np.shares_memory(found, hu)


def test_a_window_becomes_minus_one_to_one_and_back():
    window = Window(-1024.0, 3072.0)
    hu = torch.tensor([-2000.0, -1024, 1024, 3072, 5000])
    torch.testing.assert_close(window.to_network(hu), torch.tensor([-1.0, -1, 0, 1, 1]))
    torch.testing.assert_close(window.from_network(window.to_network(hu)), hu.clamp(-1024, 3072))


@pytest.mark.parametrize("cores", [1, 3])
def test_noise_is_that_of_its_slices_seed_whatever_the_batch_the_threads_and_the_place(monkeypatch, cores):
    monkeypatch.setattr(noise_module, "_cores", lambda: cores)
    seeds = [7, 0, 123456789012345678, 7]
    expected = np.stack([np.random.default_rng(seed).standard_normal((6, 5), np.float32)[None] for seed in seeds])
    np.testing.assert_array_equal(gaussian_noise(seeds, (6, 5)), expected)
    out = np.full((4, 1, 6, 5), np.nan, np.float32)
    assert gaussian_noise(seeds, (6, 5), out=out) is out
    np.testing.assert_array_equal(out, expected)
    assert gaussian_noise([], (6, 5)).shape == (0, 1, 6, 5)


def test_drawing_leaves_no_thread_behind():
    before = threading.active_count()
    gaussian_noise(range(5), (4, 4))
    assert threading.active_count() == before and noise_module._cores() <= (os.cpu_count() or 1)


class FakeStream:
    """A stream that writes down what is asked of it; everything happens at once."""

    def __init__(self, log, name):
        self.log, self.name = log, name

    def wait_stream(self, other):
        self.log.append(f"{self.name} waits for {other.name}")


@pytest.fixture
def fake_cuda(monkeypatch):
    """CUDA's streams and events on the processor: returns the log."""
    log, names = [], iter(("up", "down"))
    main = FakeStream(log, "main")

    @contextmanager
    def stream(one):
        log.append(f"on {one.name}")
        yield

    class Event:
        def __init__(self, blocking=False):
            assert blocking

        def record(self, one):
            log.append(f"event on {one.name}")

        def synchronize(self):
            log.append("waited")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: FakeStream(log, next(names)))
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: main)
    monkeypatch.setattr(torch.cuda, "stream", stream)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(
        torch.Tensor, "record_stream", lambda self, one: log.append(f"kept for {one.name}"), raising=False
    )
    real = torch.empty

    def empty(*shape, pin_memory=False, **how):
        if pin_memory:
            log.append("pinned")
        return real(*shape, **how)

    monkeypatch.setattr(torch, "empty", empty)
    return log


def test_each_way_has_a_stream_and_the_computing_one_waits_only_for_what_it_needs(fake_cuda):
    way, values = Streamed("cpu"), slices(2)
    there = way.up(way.host(values))
    assert fake_cuda == ["pinned", "on up", "main waits for up", "kept for main"]
    fake_cuda.clear()
    arriving = way.down(there)
    assert fake_cuda == ["down waits for main", "on down", "pinned", "kept for down", "event on down"]
    fake_cuda.clear()
    found = arriving.numpy()
    assert fake_cuda == ["waited"]
    np.testing.assert_array_equal(found, values)
    assert not np.shares_memory(found, arriving._tensor.numpy()), "pinned memory goes back for the next batch"


def test_a_method_gives_the_same_through_streams(fake_cuda, monkeypatch):
    hu, method = slices(), Adding()
    expected = method.denoise(hu, seeds=[1, 2, 3])
    method._transfers = Streamed("cpu")
    monkeypatch.setattr(torch.cuda, "device", lambda device: torch.inference_mode())
    np.testing.assert_array_equal(method.denoise(hu, seeds=[1, 2, 3]), expected)
    assert fake_cuda.count("pinned") == 3 and fake_cuda.count("waited") == 1


@pytest.fixture
def graphs(monkeypatch):
    """The outputs of graphs as CUDA makes them, on the processor: they hold a batch as long as they live."""
    made = []

    def capture(function, device):
        output = function().clone()
        made.append(weakref.ref(output))
        return lambda: output.copy_(function()), output

    real = captured.Captured
    monkeypatch.setattr(captured, "Captured", lambda function: real(function, capture))
    monkeypatch.setattr(stages, "transfers", lambda device: transfers("cpu"))
    return made


def placed_on_a_card(plain: bool = False) -> Adding:
    method = Adding()
    method._settle("cuda:0", 8, plain=plain)
    return method


def alive(graphs) -> int:
    gc.collect()  # the graph of these tests is a circle of its own
    return sum(one() is not None for one in graphs)


def test_a_method_that_rests_gives_up_its_graph_and_goes_on_with_another(graphs):
    hu, method = slices(), placed_on_a_card()
    expected = Adding().denoise(hu, seeds=[1, 2, 3])
    for made in (1, 2):
        for _ in range(3):
            np.testing.assert_array_equal(method.denoise(hu, seeds=[1, 2, 3]), expected)
        assert len(graphs) == made and alive(graphs) == 1
        method.rest()
        assert alive(graphs) == 0


def test_the_plain_way_has_no_graph_and_may_rest_all_the_same(graphs):
    method = placed_on_a_card(plain=True)
    method.rest()
    for _ in range(3):
        method.denoise(slices(), seeds=[1, 2, 3])
    assert not graphs


@pytest.mark.parametrize("plain", [True, False])
def test_a_method_that_is_dropped_is_gone_at_once(graphs, plain):
    method = placed_on_a_card(plain)
    method.denoise(slices(), seeds=[1, 2, 3])
    watched = weakref.ref(method)
    gc.disable()
    try:
        del method
        assert watched() is None
    finally:
        gc.enable()


def test_only_cuda_has_streams():
    assert type(transfers("cpu")) is not Streamed and type(transfers("mps")) is not Streamed


@needs_a_card
def test_on_a_card_a_method_gives_what_it_gives_on_the_processor_also_when_batches_overlap():
    hu = slices(8, (37, 50))
    expected = Adding().denoise(hu, seeds=range(8))
    method = Adding("cuda:0")
    computed = [method.compute(method.begin(hu[i : i + 2], seeds=range(i, i + 2))) for i in range(0, 8, 2)]
    found = np.concatenate([method.finish(one) for one in computed])
    np.testing.assert_allclose(found, expected, atol=1e-2)
