"""The fan beam on a torch device: the same formulas (`fan_beam`) and the same prepared matrices, in float32 there.

The noise of the rays is drawn by NumPy's generator on the processor and brought to the device, so that a seed gives
the same noise everywhere but for rounding (some 1e-5 of its size).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy import sparse

from ..errors import InputError
from .fan_beam import FanBeam, FanGeometry
from .place import Place, reason

AGREEMENT = 1e-4  # largest difference from the processor that a device may show, over the largest value
_PROBE = FanGeometry(views=24, channels=20, channel_width=40.0, offset=0.25)


class TorchArrays:
    """`HostArrays` on a torch device."""

    def __init__(self, device: str):
        import torch

        self._torch, self.device = torch, device
        self.roll, self.concatenate, self.join = torch.roll, torch.cat, torch.complex

    def put(self, values):
        torch = self._torch
        if not sparse.issparse(values):
            return torch.from_numpy(np.require(values, requirements=["C", "W"])).to(self.device)
        parts = [torch.from_numpy(part) for part in (values.indptr, values.indices, values.data)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Sparse")  # CSR is in beta, and not checked again
            return torch.sparse_csr_tensor(*parts, size=values.shape).to(self.device)

    def take(self, values) -> np.ndarray:
        return values.cpu().numpy()

    def zeros(self, shape: tuple[int, ...]):
        return self._torch.zeros(shape, device=self.device)

    def parts(self, values):
        return values.real, values.imag

    def image_to_spectrum(self, image):
        return self._torch.fft.fft2(image)

    def spectrum_to_image(self, spectrum):
        return self._torch.fft.ifft2(spectrum, norm="forward").real

    def turn_to_harmonics(self, sinogram):
        return self._torch.fft.rfft(sinogram, dim=-2)

    def harmonics_to_turn(self, harmonics, views: int):
        return self._torch.fft.irfft(harmonics, views, dim=-2)

    def times(self, matrix, values):
        pairs = self._torch.view_as_real(values.reshape(-1, values.shape[-1]))  # [images, n, 2]
        product = matrix @ pairs.movedim(0, 1).reshape(values.shape[-1], -1)
        product = product.reshape(len(product), -1, 2).movedim(1, 0).contiguous()
        return self._torch.view_as_complex(product).reshape(*values.shape[:-1], -1)


def torch_place(device: str, notice: Callable[[str], None] | None = None) -> Place:
    """A place on a torch device such as 'cuda:0'; InputError where the fan beam does not work or comes out wrong."""
    try:
        arrays = TorchArrays(device)
        difference = _difference(arrays)
    except (RuntimeError, TypeError, AssertionError) as error:  # torch says in all these ways that it lacks something
        raise InputError(f"Noise cannot be simulated on {device} with this torch ({reason(error)}).") from error
    if not difference <= AGREEMENT:
        raise InputError(f"Noise is not simulated on {device}: there it differs by {difference:.2g} of its size.")
    return Place(arrays, notice)


def _difference(arrays: TorchArrays) -> float:
    """Of a small projection and reconstruction there from the same on the processor, over the largest value."""
    host = FanBeam((18, 20), (20.0, 22.0), _PROBE, (5.0, -8.0))
    there = host.on(arrays)
    image = np.random.default_rng(0).random((2, *host.shape), np.float32)
    rays = host.project(image)
    pairs = (rays, there.project(image)), (host.reconstruct(rays), there.reconstruct(rays))
    # np.max keeps a NaN, which max would lose
    return float(np.max([np.abs(theirs - ours).max() / np.abs(ours).max() for ours, theirs in pairs]))
