"""As many slices at once as gain something, by measurement and only on a GPU."""

import numpy as np
import pytest
from LDCTDenoiseLib.inference import batch_size
from LDCTDenoiseLib.inference.batch_size import best_batch, quickest_batch


def a_card(launch: float, slice_seconds: float, lanes: int = 1):
    """Seconds of a batch on a card that needs `launch` for any batch and computes `lanes` slices side by side."""
    return lambda count: launch + slice_seconds * -(-count // lanes)


def test_a_batch_grows_as_long_as_that_gains_five_percent():
    assert quickest_batch(a_card(0.0, 0.01), 16) == 1
    assert quickest_batch(a_card(0.0, 0.01, lanes=4), 16) == 4
    assert quickest_batch(a_card(1.0, 0.001), 16) == 16
    assert quickest_batch(a_card(0.002, 0.01), 16) == 2  # 12, 11, 10.5 ms a slice


def test_a_batch_is_never_larger_than_what_fits():
    assert quickest_batch(a_card(1.0, 0.001), 5) == 4
    assert quickest_batch(a_card(1.0, 0.001), 1) == 1


def test_the_largest_batch_that_did_not_fail_is_kept():
    def seconds(count: int) -> float:
        if count > 4:
            raise RuntimeError("CUDA out of memory")
        return 1.0

    assert quickest_batch(seconds, 16) == 4


def test_measuring_ends_when_it_takes_long():
    tried, clock = [], iter(np.arange(0, 100, 1.5))

    def seconds(count: int) -> float:
        tried.append(count)
        return 1.0

    assert quickest_batch(seconds, 16, lambda: next(clock)) == 2
    assert tried == [1, 2]


def test_a_processor_computes_one_slice_at_a_time_without_being_measured():
    class Untouched:
        def denoise(self, *args, **kwargs):
            raise AssertionError("measured")

    assert best_batch(Untouched(), (64, 64), "cpu") == best_batch(Untouched(), (64, 64), "mps") == 1


def test_the_drawing_of_noise_is_not_measured_and_slices_are_not_empty():
    calls = []

    class Staged:
        def begin(self, slices_hu, *, seeds, spacing=None):
            assert slices_hu.shape == (4, 8, 9) and slices_hu.std() > 50 and len(seeds) == 4
            calls.append("begin")
            return slices_hu

        def compute(self, begun):
            calls.append("compute")
            return begun

        def finish(self, computed):
            return computed

    assert batch_size._seconds(Staged(), (8, 9), 4) >= 0
    assert calls == ["begin"] + ["compute"] * (batch_size.WARM_UPS + batch_size.ROUNDS)


class Any:
    def denoise(self, slices_hu, *, seeds, spacing=None):
        return slices_hu


class WithGraph(Any):
    def rest(self):
        pass


@pytest.mark.parametrize("method, sizes", [(Any, [1, 2, 4]), (WithGraph, [1, 2])])
def test_memory_decides_how_many_are_tried_and_a_graph_takes_that_of_a_batch_beside_it(monkeypatch, method, sizes):
    torch = pytest.importorskip("torch")
    tried = []
    numbers = {"max_memory_allocated": 3000, "memory_allocated": 1000, "memory_reserved": 1000}
    for name, value in numbers.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda device: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (16000, 80000))
    monkeypatch.setattr(batch_size, "_seconds", lambda denoiser, shape, count: tried.append(count) or 1.0)
    # three quarters of 16000 are six slices of 2000, or three of 4000
    assert best_batch(method(), (64, 64), "cuda:0") == sizes[-1]
    assert tried == sizes
