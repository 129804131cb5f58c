"""A network is replayed as a graph where that gives the same; tried here with graphs that are lists of calls."""

import logging

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.methods.founddiff import FoundDiff  # noqa: E402
from LDCTDenoiseLib.methods.rddm import RDDM  # noqa: E402
from LDCTDenoiseLib.networks import DACLIP, DADiffUNet, RDDMUNet, captured  # noqa: E402
from LDCTDenoiseLib.networks.captured import Captured  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

needs_a_card = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")


class Recorder:
    """Captures as CUDA does: a replay computes anew from the captured tensors. `spoil` is what a bad graph does."""

    def __init__(self, spoil=lambda output: output):
        self.captured, self.replayed, self.spoil = 0, 0, spoil

    def __call__(self, function, device):
        self.captured += 1
        output = function().clone()

        def replay() -> None:
            self.replayed += 1
            output.copy_(self.spoil(function()))

        return replay, output


class Network:
    """Counts its evaluations; sums two maps with a factor that may be chosen."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, y, *, factor=2):
        self.calls += 1
        return factor * x + y


def maps(entries: int = 2, seed: int = 0) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(entries, 1, 6, 5, generator=random) for _ in range(2)]


def test_the_third_call_of_a_shape_is_a_replay_and_every_call_gives_the_functions_value():
    recorder, network = Recorder(), Network()
    fast = Captured(network, recorder)
    for seed in range(6):
        x, y = maps(seed=seed)
        torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert recorder.captured == 1 and recorder.replayed == 6  # one to check it, and calls 2 to 6


def test_the_odd_batch_at_the_end_is_computed_and_the_graph_kept():
    recorder = Recorder()
    fast = Captured(Network(), recorder)
    for _ in range(3):  # volumes
        for entries in (2, 2, 2, 1):
            x, y = maps(entries)
            torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert recorder.captured == 1


def test_another_shape_that_stays_gets_the_one_graph():
    recorder = Recorder()
    fast = Captured(Network(), recorder)
    for entries in (2, 2, 2, 3, 3, 3, 3):
        x, y = maps(entries)
        torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert recorder.captured == 2


def test_a_choice_is_part_of_the_graph():
    recorder = Recorder()
    fast = Captured(Network(), recorder)
    for factor in (2, 2, 2, 5, 2, 5, 5, 5):
        x, y = maps()
        torch.testing.assert_close(fast(x, y, factor=factor), factor * x + y, rtol=0, atol=0)
    assert recorder.captured == 2


@pytest.mark.parametrize(
    "spoil",
    [lambda output: output * 1.01, lambda output: output * float("nan"), lambda output: torch.zeros_like(output)],
)
def test_a_graph_that_gives_other_values_is_not_used_and_the_log_says_so(spoil, caplog):
    recorder = Recorder(spoil)
    fast = Captured(Network(), recorder)
    with caplog.at_level(logging.WARNING):
        for seed in range(6):
            x, y = maps(seed=seed)
            torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert recorder.captured == 1, "refused once and for all"
    assert "goes on without a CUDA graph: its replay differs" in caplog.text


def test_a_graph_that_holds_the_values_it_was_captured_with_is_found_out():
    class Frozen(Network):
        """Reads its input once and never again, as a copy through the host would in a graph."""

        kept = None

        def __call__(self, x, y, *, factor=2):
            if self.freezing:
                self.kept = x.clone() if self.kept is None else self.kept
                return 2 * self.kept + y
            return 2 * x + y

    network = Frozen()
    network.freezing = False

    def capture(function, device):
        network.freezing = True
        output = function().clone()
        network.freezing = False

        def replay() -> None:
            network.freezing = True
            output.copy_(function())
            network.freezing = False

        return replay, output

    fast = Captured(network, capture)
    for seed in range(4):
        x, y = maps(seed=seed)
        torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert fast._graph is None


def test_what_cannot_be_captured_is_computed_without():
    def impossible(function, device):
        raise RuntimeError("operation not permitted when stream is capturing")

    fast, network = None, Network()
    fast = Captured(network, impossible)
    for _ in range(4):
        x, y = maps()
        torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert network.calls == 4


def test_a_graph_gives_its_memory_back_before_another_batch_fails():
    class Tight(Network):
        """No room for three entries while a graph is held."""

        def __call__(self, x, y, *, factor=2):
            if len(x) == 3 and fast._graph is not None:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
            return super().__call__(x, y, factor=factor)

    fast = Captured(Tight(), Recorder())
    for entries in (2, 2, 2, 3):
        x, y = maps(entries)
        torch.testing.assert_close(fast(x, y), 2 * x + y, rtol=0, atol=0)
    assert fast._graph is None


def test_errors_of_the_network_come_out():
    def broken(x):
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        Captured(broken, Recorder())(torch.zeros(2))


class NothingFromTheHost(TorchDispatchMode):
    """Fails where an array of the host meets one of the device, which no graph can hold; numbers may."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        places = {x.device.type for x in tree_leaves((args, kwargs, out)) if isinstance(x, torch.Tensor) and x.ndim}
        assert len(places) < 2, f"{func} is given arrays of {places}"
        return out


def a_founddiff(start: str) -> FoundDiff:
    perception = DACLIP(embed=16, layers=(1, 1, 1, 1), width=4, anatomy_features=8)
    unet = DADiffUNet(dim=8, multipliers=(1, 2), dose_features=16, anatomy_features=8)
    return FoundDiff("f", unet, perception, start)


@pytest.mark.parametrize("method", ["rddm", "published", "consistent"])
def test_an_evaluation_never_goes_through_the_host_so_that_it_can_be_captured(method):
    """On the device "meta", where nothing is computed and every value asked for is an error."""
    if method == "rddm":
        denoiser, choices = RDDM("r", RDDMUNet(32, (0.5, 1, 2), 1)), {}
    else:
        denoiser, choices = a_founddiff(method), {"steps": 3}
    denoiser.place("meta", torch.float16)
    x = torch.empty(2, 1, 64, 64, device="meta")
    with torch.inference_mode(), NothingFromTheHost():
        assert denoiser._evaluate(x, x, size=(60, 63), **choices).shape == x.shape


@needs_a_card
def test_on_a_card_a_network_is_captured_and_agrees():
    torch.manual_seed(0)
    network = RDDMUNet(32, (0.5, 1, 2), 1).eval().requires_grad_(False).cuda()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.05)
    network = network.to(memory_format=torch.channels_last)
    fast = Captured(lambda x, y: network(x, y))
    with torch.inference_mode():
        for seed in range(5):
            x, y = (torch.randn(2, 1, 64, 64, device="cuda") for _ in range(2))
            expected = network(x, y)
            torch.testing.assert_close(fast(x, y), expected, rtol=1e-4, atol=1e-4)
            assert (fast._graph is not None) == (seed >= 1)


@needs_a_card
def test_on_a_card_what_copies_from_the_host_goes_on_without_a_graph():
    table = torch.arange(4.0)
    fast = Captured(lambda x: x + table.to(x.device))
    for _ in range(4):
        x = torch.randn(4, device="cuda")
        torch.testing.assert_close(fast(x), x + table.cuda())
    assert captured.torch.cuda.current_stream() == torch.cuda.default_stream()
