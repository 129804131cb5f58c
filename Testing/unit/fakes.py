"""Methods made for tests: cheap, and with memory that runs out where the test says."""

from __future__ import annotations

import numpy as np


class Halving:
    """Halves every value; keeps a diary of the batches it was given."""

    id = "halving"
    uses_device = False
    is_random = False

    def __init__(self, pixels_at_once: int | None = None):
        self.pixels_at_once = pixels_at_once
        self.shapes: list[tuple[int, ...]] = []

    def denoise(self, slices_hu, *, seeds, spacing=None):
        if self.pixels_at_once is not None and slices_hu.size > self.pixels_at_once:
            raise MemoryError
        self.shapes.append(slices_hu.shape)
        return slices_hu / 2


class OnDevice(Halving):
    """The same as a network on a device that has little memory; on the processor there is enough."""

    uses_device = True

    def __init__(self, pixels_at_once: int, pixels_on_processor: int = 1 << 40):
        super().__init__(pixels_at_once)
        self.pixels_on_processor = pixels_on_processor
        self.places: list[str] = []

    def place(self, device, dtype, *, plain=False):
        self.places.append(device)
        if device == "cpu":
            self.pixels_at_once = self.pixels_on_processor

    def denoise(self, slices_hu, *, seeds, spacing=None):
        if self.pixels_at_once is not None and slices_hu.size > self.pixels_at_once:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return super().denoise(slices_hu, seeds=seeds, spacing=spacing)


class Noisy:
    """Adds Gaussian noise of 10 HU from the seed."""

    id = "noisy"
    uses_device = False
    is_random = True

    def denoise(self, slices_hu, *, seeds, spacing=None):
        noise = [np.random.default_rng(seed).standard_normal(slices_hu.shape[1:], np.float32) for seed in seeds]
        return slices_hu + 10 * np.stack(noise)
