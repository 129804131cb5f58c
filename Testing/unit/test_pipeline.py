"""Batches overlap where a method computes on a card, and nobody can tell from the result."""

import threading
import time

import numpy as np
import pytest
from fakes import Noisy
from LDCTDenoiseLib import Cancelled, CTVolume, InputError
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume
from LDCTDenoiseLib.inference.ladder import Rung
from LDCTDenoiseLib.inference.pipeline import InTurn, Overlapped, pipeline

CARD = Setup("cuda:0", "float16", batch=2)


class Staged(Noisy):
    """The same as `Noisy` in three stages, with a diary; it has room for so many pixels at once."""

    uses_device = True

    def __init__(self, pixels_at_once: int = 1 << 40, slow: str = ""):
        self.pixels_at_once, self.slow = pixels_at_once, slow
        self.diary: list[tuple[str, int]] = []
        self.threads: dict[str, set[int]] = {}
        self.lock = threading.Lock()

    def note(self, stage: str, number: int) -> None:
        if stage == self.slow:
            time.sleep(0.002)
        with self.lock:
            self.diary.append((stage, number))
            self.threads.setdefault(stage, set()).add(threading.get_ident())

    def begin(self, slices_hu, *, seeds, spacing=None):
        self.note("begin", seeds[0])
        return slices_hu, seeds

    def compute(self, begun):
        self.note("compute", begun[1][0])
        if begun[0].size > self.pixels_at_once:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return begun

    def finish(self, computed):
        self.note("finish", computed[1][0])
        return super().denoise(computed[0], seeds=computed[1])

    def place(self, device, dtype, *, plain=False):
        self.note(f"place on {device}", 0)

    def denoise(self, slices_hu, *, seeds, spacing=None):
        return self.finish(self.compute(self.begin(slices_hu, seeds=seeds)))

    def order(self, stage: str) -> list[int]:
        return [number for name, number in self.diary if name == stage]


def a_volume(slices: int = 9, **kwargs) -> CTVolume:
    return CTVolume(np.random.default_rng(0).normal(0, 50, (slices, 8, 8)).astype(np.float32), **kwargs)


@pytest.mark.parametrize("slow", ["", "begin", "compute", "finish"])
@pytest.mark.parametrize("settings", [Settings(seed=2), Settings(seed=2, draws=3, strength=0.5)])
def test_overlapped_batches_give_what_they_give_one_by_one(settings, slow):
    padding = np.zeros((9, 8, 8), bool)
    padding[:, :2] = True
    volume = a_volume(padding=padding)
    expected = denoise_volume(volume, Noisy(), settings, setup=Setup(batch=1))
    found = denoise_volume(volume, Staged(slow=slow), settings, setup=CARD)
    np.testing.assert_array_equal(found.volume.hu, expected.volume.hu)
    if settings.draws > 1:
        np.testing.assert_array_equal(found.spread.hu, expected.spread.hu)


def test_batches_are_begun_in_a_thread_and_computed_and_finished_in_the_callers():
    method = Staged()
    denoise_volume(a_volume(), method, Settings(), setup=CARD)
    own = {threading.get_ident()}
    assert method.threads["compute"] == method.threads["finish"] == own
    assert len(method.threads["begin"]) == 1 and method.threads["begin"] != own
    for stage in ("compute", "finish"):
        assert method.order(stage) == method.order("begin")


def test_the_device_has_the_next_batch_before_the_last_one_is_finished():
    method = Staged(slow="finish")
    denoise_volume(a_volume(), method, Settings(), setup=CARD)
    work = [stage for stage, _ in method.diary if stage != "begin"]
    assert work[:3] == ["compute", "compute", "finish"] or work[:4] == ["compute", "finish", "compute", "compute"]
    under_way = np.cumsum([1 if stage == "compute" else -1 for stage in work])
    assert under_way.max() == 2


def test_few_batches_are_begun_ahead_so_that_memory_stays_small():
    method = Staged()
    with Overlapped(method, (1.0, 1.0)) as way:
        numbers = iter(range(100))
        for _ in range(20):
            while way.under_way < way.room:
                number = next(numbers)
                way.put(number, lambda n=number: (np.zeros((1, 4, 4), np.float32), [n]))
            way.take()
            assert len(method.order("begin")) - len(method.order("finish")) <= way.room


def test_on_the_processor_and_in_tiles_one_batch_follows_the_other():
    for rung in (Rung("cpu", 1), Rung("cuda:0", 1, tile=128), Rung("mps", 1)):
        assert type(pipeline(Staged(), rung, (1.0, 1.0))) is InTurn
    assert type(pipeline(Noisy(), Rung("cuda:0", 1), (1.0, 1.0))) is InTurn
    assert type(pipeline(Staged(), Rung("cuda:0", 1), (1.0, 1.0))) is Overlapped


def test_progress_counts_as_ever():
    heard = []
    denoise_volume(a_volume(5), Staged(), Settings(draws=2), setup=CARD, progress=lambda *event: heard.append(event))
    assert heard == [(done, 10, "denoise") for done in (2, 4, 6, 8, 9, 10)]


def test_memory_that_runs_out_under_way_costs_no_slice():
    pytest.importorskip("torch")
    method, said, heard = Staged(pixels_at_once=2 * 64), [], []
    settings, volume = Settings(draws=2), a_volume()
    expected = denoise_volume(volume, Noisy(), settings, setup=Setup(batch=1))
    found = denoise_volume(
        volume, method, settings, setup=Setup("cuda:0", batch=8), notice=said.append,
        progress=lambda *event: heard.append(event[0]),
    )  # fmt: skip
    np.testing.assert_array_equal(found.volume.hu, expected.volume.hu)
    np.testing.assert_array_equal(found.spread.hu, expected.spread.hu)
    assert found.rung.batch == 2 and len(said) == 2
    assert heard == sorted(heard) and heard[-1] == 18


def test_memory_that_runs_out_later_keeps_what_was_done():
    pytest.importorskip("torch")

    class Filling(Staged):
        """Another program takes the card's memory in the middle of the second batch's draws."""

        def compute(self, begun):
            if len(self.order("finish")) >= 5:
                self.pixels_at_once = 64
            return super().compute(begun)

    settings, volume, heard = Settings(draws=4), a_volume(), []
    expected = denoise_volume(volume, Noisy(), settings, setup=Setup(batch=1))
    found = denoise_volume(
        volume, Filling(), settings, setup=Setup("cuda:0", batch=4), progress=lambda *event: heard.append(event[0])
    )
    np.testing.assert_array_equal(found.volume.hu, expected.volume.hu)
    np.testing.assert_array_equal(found.spread.hu, expected.spread.hu)
    assert found.rung.batch == 1 and heard == sorted(set(heard)) and heard[-1] == 36


def test_a_finished_batch_is_not_kept_waiting_for_the_noise_of_the_next():
    class Slow(Staged):
        finished = threading.Event()

        def begin(self, slices_hu, *, seeds, spacing=None):
            if self.order("begin"):
                assert self.finished.wait(10), "the first batch waits for the second"
            return super().begin(slices_hu, seeds=seeds)

        def finish(self, computed):
            self.finished.set()
            return super().finish(computed)

    denoise_volume(a_volume(6), Slow(), Settings(), setup=CARD)


def test_the_processor_is_the_last_resort_here_too():
    pytest.importorskip("torch")

    class Small(Staged):
        def place(self, device, dtype, *, plain=False):
            super().place(device, dtype)
            self.pixels_at_once = 1 << 40

    method = Small(pixels_at_once=10)
    found = denoise_volume(a_volume(3), method, Settings(), setup=CARD)
    assert ("place on cpu", 0) in method.diary
    assert (found.rung.device, found.setup.device, found.setup.precision) == ("cpu", "cpu", "float32")
    expected = denoise_volume(a_volume(3), Noisy(), Settings()).volume.hu
    np.testing.assert_array_equal(found.volume.hu, expected)


@pytest.mark.parametrize("stage", ["begin", "compute", "finish"])
def test_other_errors_come_out_of_every_stage(stage):
    class Wrong(Staged):
        def note(self, now, number):
            super().note(now, number)
            if now == stage and len(self.order(stage)) == 3:
                raise RuntimeError("shapes do not match")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="shapes"):
        denoise_volume(a_volume(), Wrong(), Settings(), setup=CARD)
    assert threading.active_count() == before


def test_values_that_are_not_numbers_are_found_in_the_thread():
    volume = a_volume()
    volume.hu[6, 2, 2] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        denoise_volume(volume, Staged(), Settings(), setup=CARD)


def test_cancelling_stops_with_what_is_under_way_left_undone():
    method, asked = Staged(), []

    def cancel() -> bool:
        asked.append(True)
        return len(asked) > 2

    before = threading.active_count()
    with pytest.raises(Cancelled):
        denoise_volume(a_volume(40), method, Settings(), setup=CARD, cancel=cancel)
    assert len(method.order("finish")) == 2 and len(method.order("begin")) < 20
    assert threading.active_count() == before
