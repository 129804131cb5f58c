"""The scan without gradients is the same recurrence, whole blocks at a time, in any number of threads."""

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.networks import scan_bulk, side_by_side  # noqa: E402
from LDCTDenoiseLib.networks.scan_bulk import scan_without_gradients  # noqa: E402
from LDCTDenoiseLib.networks.scan_choice import example  # noqa: E402
from LDCTDenoiseLib.networks.selective_scan import reference_scan  # noqa: E402


@pytest.fixture(autouse=True)
def without_gradients():
    with torch.no_grad():
        yield


@pytest.fixture(params=[1, 2, 5])
def threads(request) -> int:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def apart(problem, got=None) -> float:
    expected = reference_scan(*(x.double() for x in problem))
    got = scan_without_gradients(*problem) if got is None else got
    return float((got - expected).abs().max() / expected.abs().max().clamp_min(1e-30))


def cut(monkeypatch, **sizes) -> None:
    for name, value in sizes.items():
        monkeypatch.setattr(scan_bulk, name, value)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 3, 2, 7), (2, 5, 4, 33), (1, 2, 16, 101), (1, 7, 3, 300)])
@pytest.mark.parametrize(
    "cuts",
    [
        {},
        {"BLOCK": 256, "SEGMENT": 64},  # many blocks and segments, the last one shorter
        {"BLOCK": 1, "SEGMENT": 1},  # step by step
        {"LANES": 5, "BLOCK": 300},  # every channel for itself
        {"UNSPLIT": 100, "BLOCK": 512},  # a block in several sweeps
        {"MATMUL": 1},
        {"MATMUL": 100},
    ],
)
def test_it_is_the_definition_however_it_is_cut(cuts, sizes, threads, monkeypatch):
    cut(monkeypatch, **cuts)
    assert apart(example(*sizes)) < 2e-6


def test_a_long_memory_is_kept():
    problem = example(1, 1, 4, 16000)
    problem[6] -= 6  # steps so small that the first values are still seen thousands of steps later
    problem[5].zero_()
    assert apart(problem) < 2e-6


@pytest.mark.parametrize("size", [-200.0, 30.0, 5e4])
def test_very_small_and_large_steps_give_finite_numbers(size):
    problem = example(1, 3, 4, 500)
    problem[1].fill_(size)
    assert apart(problem) < 1e-5


def test_what_comes_back_lies_in_memory_with_its_channels_innermost_and_the_arguments_stay():
    problem = example(2, 6, 4, 50)
    before = [x.clone() for x in problem]
    assert scan_without_gradients(*problem).transpose(1, 2).is_contiguous()
    assert all(torch.equal(x, y) for x, y in zip(problem, before, strict=True))


def test_the_result_may_be_written_over_what_is_scanned(threads, monkeypatch):
    cut(monkeypatch, BLOCK=256, SEGMENT=64)
    u, delta, A, B, C, D, bias = example(2, 5, 4, 90)
    expected = reference_scan(u, delta, A, B, C, D, bias)
    u, delta = (x.unflatten(1, (4, -1)).permute(0, 3, 1, 2) for x in (u, delta))
    B, C, A, D, bias = B.permute(0, 3, 1, 2), C.permute(0, 3, 1, 2), A.view(4, 5, 4), D.view(4, 5), bias.view(4, 5)
    scan_bulk.bulk_scan(u, delta, A, B, C, D, bias, out=u)
    torch.testing.assert_close(u.permute(0, 2, 3, 1).flatten(1, 2), expected, rtol=1e-5, atol=1e-5)


def test_inference_tensors_are_taken_and_given():
    with torch.inference_mode():
        problem = example(1, 3, 4, 60)
        assert apart(problem) < 2e-6 and scan_without_gradients(*problem).is_inference()


@pytest.mark.parametrize("stride", [40, 48])
def test_a_sweep_is_one_step_after_the_other(stride, monkeypatch):
    path, decays = torch.randn(9, stride)[:, :32], torch.rand(8, 32)
    expected = path.clone()
    for t in range(8):
        expected[t + 1] += decays[t] * expected[t]
    scan_bulk.Sweep(path, decays)(8)
    torch.testing.assert_close(path, expected)


def test_where_torch_does_not_go_in_order_the_steps_go_one_by_one(monkeypatch):
    monkeypatch.setattr(scan_bulk, "_runs_in_order", lambda *shape: False)
    problem = example(1, 3, 4, 60)
    path = torch.zeros(9, 48)[:, :32]
    assert len(scan_bulk.Sweep(path, torch.rand(8, 32)).views) == 8 and apart(problem) < 2e-6


def test_an_order_that_does_not_hold_is_seen(monkeypatch):
    scan_bulk._runs_in_order.cache_clear()
    assert scan_bulk._runs_in_order(8, 32, 48, torch.float32)
    assert not scan_bulk._runs_in_order(8, 32, 32, torch.float32)  # no gap: torch refuses
    honest = torch.Tensor.addcmul_

    def all_at_once(self, decays, before):
        return honest(self, decays, before.clone())

    monkeypatch.setattr(torch.Tensor, "addcmul_", all_at_once)
    scan_bulk._runs_in_order.cache_clear()
    assert not scan_bulk._runs_in_order(8, 32, 48, torch.float32)
    scan_bulk._runs_in_order.cache_clear()


def test_what_a_piece_raises_is_raised(threads):
    def fails():
        raise MemoryError("too small")

    with pytest.raises(MemoryError, match="too small"):
        side_by_side.side_by_side([lambda: None, fails, lambda: None])


def test_pieces_keep_no_gradients_whatever_their_thread(threads):
    seen = []
    with torch.enable_grad():
        side_by_side.side_by_side([lambda: seen.append(torch.is_grad_enabled())] * 7)
    assert seen == [False] * 7


def test_pieces_compute_with_one_thread_each_and_the_caller_keeps_its_own(threads):
    seen = []
    side_by_side.side_by_side([lambda: seen.append(torch.get_num_threads())] * 5)
    assert seen == [1] * 5 and torch.get_num_threads() == threads
