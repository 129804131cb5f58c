"""What the fan beam computes with, on the processor: NumPy and SciPy. `TorchArrays` is the same on another device.

Arrays are float32 and complex64; views are their axis −2, and the axes before the last two are independent images.
"""

from __future__ import annotations

import numpy as np
from scipy import fft


class HostArrays:
    """Besides these, the fan beam uses only what NumPy's arrays and torch's tensors share: + − * / @, slices, shape."""

    device = "cpu"
    roll = staticmethod(np.roll)
    concatenate = staticmethod(np.concatenate)

    @staticmethod
    def put(values):
        """A NumPy array or a sparse SciPy matrix to where it is computed with."""
        return values

    @staticmethod
    def take(values) -> np.ndarray:
        """And back: a NumPy array."""
        return values

    @staticmethod
    def zeros(shape: tuple[int, ...]):
        return np.zeros(shape, np.float32)

    @staticmethod
    def parts(values):
        """Real and imaginary part, as matrix products like them: without gaps."""
        return np.ascontiguousarray(values.real), np.ascontiguousarray(values.imag)

    @staticmethod
    def join(real, imaginary):
        values = np.empty(real.shape, np.complex64)
        values.real, values.imag = real, imaginary
        return values

    @staticmethod
    def image_to_spectrum(image):
        return fft.fft2(image, workers=-1)

    @staticmethod
    def spectrum_to_image(spectrum):
        """Real part of the inverse of `image_to_spectrum`, times the number of pixels."""
        return fft.ifft2(spectrum, workers=-1, norm="forward").real

    @staticmethod
    def turn_to_harmonics(sinogram):
        return fft.rfft(sinogram, axis=-2, workers=-1)

    @staticmethod
    def harmonics_to_turn(harmonics, views: int):
        return fft.irfft(harmonics, views, axis=-2, workers=-1)

    @staticmethod
    def times(matrix, values):
        """Real sparse matrix [m, n] times complex64 [..., n], as pairs of reals: no complex copy of the matrix."""
        columns = np.ascontiguousarray(values.reshape(-1, values.shape[-1]).T)
        product = (matrix @ columns.view(np.float32)).view(np.complex64)
        return product.T.reshape(*values.shape[:-1], -1)


HOST = HostArrays()
