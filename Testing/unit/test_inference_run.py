"""A model that stays loaded is checked once, and again only where it stands elsewhere or computes something else."""

import numpy as np
import pytest

pytest.importorskip("torch")

from LDCTDenoiseLib import Cancelled, CTVolume, InputError
from LDCTDenoiseLib.inference import devices
from LDCTDenoiseLib.inference.devices import PROBE_SIDE
from LDCTDenoiseLib.inference.engine import Settings
from LDCTDenoiseLib.inference.run import WarmModel
from LDCTDenoiseLib.weights.store import find_card

SIDE = 16


class Checked:
    """A network with steps, which counts its probes and rests. `hasty`: what the quick way adds, in HU."""

    id, uses_device, is_random, default_steps = "checked", True, False, 2

    def __init__(self, hasty: float = 0.0):
        self.hasty, self.probes, self.rests, self.error, self.plain = hasty, 0, 0, None, True
        self.steps, self.room = self.default_steps, 1 << 40

    def place(self, device, dtype, *, plain=False):
        self.plain = plain

    def rest(self):
        self.rests += 1

    def denoise(self, slices_hu, *, seeds, spacing=None):
        self.probes += slices_hu.shape[-1] == PROBE_SIDE
        if self.error is not None:
            raise self.error
        if slices_hu.size > self.room:
            raise MemoryError
        return slices_hu + (0 if self.plain else self.hasty)


def a_volume(slices: int = 2, side: int = SIDE) -> CTVolume:
    return CTVolume(np.zeros((slices, side, side), np.float32))


def a_model(method) -> WarmModel:
    return WarmModel(find_card("gaussian"), method)


@pytest.fixture(autouse=True)
def float32_only(monkeypatch):
    monkeypatch.setattr(devices, "fast_precisions", lambda device: ())


def test_a_quick_way_that_failed_is_tried_once_and_told_in_every_record():
    method, said = Checked(hasty=50.0), []
    model = a_model(method)
    records = [model.denoise(a_volume(), Settings(device="cpu"), notice=said.append).record for _ in range(3)]
    assert method.probes == 3  # the reference, the quick way, the plain way
    assert all("quick way" in record["notices"][0] for record in records) and len(said) == 3
    assert all(record["plain"] is True for record in records)


def test_a_setup_outlives_a_run_that_is_cancelled_or_refused():
    method = Checked()
    model, settings = a_model(method), Settings(device="cpu")
    with pytest.raises(Cancelled):
        model.denoise(a_volume(), settings, cancel=lambda: True)
    assert method.probes == 2
    broken = a_volume()
    broken.hu[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="not numbers"):
        model.denoise(broken, settings)
    model.denoise(a_volume(), settings)
    assert method.probes == 2


def test_after_an_unexpected_error_everything_is_checked_anew():
    method = Checked()
    model, settings = a_model(method), Settings(device="cpu")
    model.denoise(a_volume(), settings)
    method.error = RuntimeError("an illegal instruction")
    with pytest.raises(RuntimeError):
        model.denoise(a_volume(), settings)
    method.error = None
    model.denoise(a_volume(), settings)
    assert method.probes == 3  # the reference of the first time holds


def test_another_number_of_steps_or_size_is_checked_for_itself():
    method = Checked()
    model = a_model(method)
    counts = []
    for steps, side in ((None, SIDE), (2, SIDE), (5, SIDE), (5, SIDE), (5, 24)):
        model.denoise(a_volume(side=side), Settings(device="cpu", steps=steps))
        counts.append(method.probes)
    assert counts == [2, 2, 4, 4, 5]  # of the last, the reference is known


def test_where_memory_was_short_the_method_rests_the_result_says_so_and_the_next_run_begins_anew():
    method = Checked()
    model, settings = a_model(method), Settings(device="cpu")
    assert model.denoise(a_volume(), settings).stepped_down is False
    method.room = 256**2
    assert model.denoise(a_volume(1, 300), settings).stepped_down is True
    assert method.rests == 1 and model._setups == {}


def test_a_model_rests_if_its_method_can():
    method = Checked()
    a_model(method).rest()
    assert method.rests == 1
    WarmModel(find_card("gaussian")).rest()
