"""Fan-beam projection and filtered back-projection of a curved detector, by way of the Fourier slice theorem.

A fan ray (view β, fan angle γ) is a line of direction θ = β + γ at the distance s = R·sin γ from the isocentre. With
h the apodised ramp, filtered back-projection over all lines of a turn, p in any order of rays, is

    f(x) = ½ Σ_β Σ_γ p(β, γ) · h(x·θ − R sin γ) · R cos γ Δγ Δβ          (Kak & Slaney 1988, ch. 3, before the usual
                                                                      step that pulls the distance out of h)

Every ray enters it once with its own weight: no ray is interpolated from others, so independent noise of known
variance on the rays stays what it is. The sum is computed in three steps, none of which smooths:
  θ   each channel's column is shifted by γ along the views, as a phase in the FFT over the turn. This is unitary, and
      equal to the sum as far as h turned around x has fewer than views/2 angular harmonics (2π·|ρ|·|x| < views/2;
      beyond that a turn of so few views is undersampled anyway);
  s   the Fourier integral along s over the unevenly placed channels, as a product with a matrix;
  x   the radial lines are spread on the Cartesian Fourier grid (`gridding`) and one FFT makes the image.
As scanners that rebin to parallel beams, and unlike the 1/L² formula, the kernel is the same everywhere in the image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft

from .gridding import gridding_matrix, kernel_transform

_MARGIN = 1.25  # of the period of the lines over the longest distance, for the tails of the ramp


@dataclass(frozen=True)
class FanGeometry:
    """One turn of a third-generation scanner with a curved detector; lengths in mm. The default is that of the Mayo
    scans of the Low Dose CT Grand Challenge.

    offset  of the detector in channels; ¼ interleaves the rays of opposite views.
    """

    views: int = 1152
    channels: int = 736
    channel_width: float = 1.2858  # along the arc, at the detector
    source_isocentre: float = 595.0
    source_detector: float = 1085.6
    offset: float = 0.0

    @property
    def fan_angles(self) -> np.ndarray:
        """γ of the channels, float64 [channels], rad."""
        number = np.arange(self.channels) - (self.channels - 1) / 2 + self.offset
        return number * self.channel_width / self.source_detector

    @property
    def distances(self) -> np.ndarray:
        """R·sin γ, float64 [channels]: how far a channel's rays pass from the isocentre, mm."""
        return self.source_isocentre * np.sin(self.fan_angles)

    @property
    def spacing(self) -> float:
        """Distance of neighbouring rays at the isocentre, mm."""
        return self.channel_width * self.source_isocentre / self.source_detector


class FanBeam:
    """Projector and filtered back-projector of images [rows, columns] for one turn.

    spacing     mm, (between columns, between rows)
    isocentre   mm, (x, y) of the rotation axis from the middle of the image, along columns and rows
    A sinogram is float32 [views, channels]; the views must be even in number.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        spacing: tuple[float, float],
        geometry: FanGeometry,
        isocentre: tuple[float, float] = (0.0, 0.0),
    ):
        if geometry.views % 2:
            raise ValueError("a turn needs an even number of views")
        self.shape, self.spacing, self.geometry, self.isocentre = shape, spacing, geometry, isocentre
        self.grid = tuple(fft.next_fast_len(2 * n) for n in shape)  # oversampled: copies stay clear of the image
        sizes = np.array([shape[1] * spacing[0], shape[0] * spacing[1]])
        reach = np.hypot(*(sizes / 2 + np.abs(isocentre))) + np.abs(geometry.distances).max()
        self._step = 1 / (_MARGIN * reach)  # 1/mm between the samples of a radial line
        # the detector's own band limit: beyond it, white noise of the channels would only repeat itself
        self.frequency = np.arange(0, 0.5 / geometry.spacing, self._step)  # 1/mm

        half = geometry.views // 2
        angle = np.arange(half) * 2 * np.pi / geometry.views
        along_x, along_y = (np.multiply.outer(w, self.frequency) for w in (np.cos(angle), np.sin(angle)))
        u, v = along_x * spacing[0] * self.grid[1], along_y * spacing[1] * self.grid[0]
        self._polar = gridding_matrix(u.ravel(), v.ravel(), self.grid[1], self.grid[0])
        self._spread = self._polar.T.tocsr()
        # the gridding has its origin at a pixel, the scanner at its isocentre
        x, y = (positions[n // 2] for positions, n in zip(self.pixel_positions, shape[::-1], strict=True))
        turn = np.exp(-2j * np.pi * (along_x * x + along_y * y))
        self._origin = turn.astype(np.complex64)
        self._waves = np.exp(2j * np.pi * np.outer(geometry.distances, self.frequency)).astype(np.complex64)
        profile = [kernel_transform((np.arange(n) - n // 2) / g) for n, g in zip(shape, self.grid, strict=True)]
        self._apodisation = np.outer(*profile).astype(np.float32)

    def project(self, image: np.ndarray, response: np.ndarray | float = 1.0) -> np.ndarray:
        """Line integrals, float32 [views, channels], of an image in 1/mm; `response` at `self.frequency` smooths it."""
        spectrum = fft.fft2(self._to_grid(image / self._apodisation), workers=-1)
        lines = _times(self._polar, spectrum).reshape(self._origin.shape) * self._origin
        area = self.spacing[0] * self.spacing[1]
        both_signs = np.where(self.frequency > 0, 2, 1) * self._step * area
        lines *= (both_signs * response).astype(np.float32)
        # the lines of the second half turn are those of the first, seen from the other side: s → −s
        first, second = (lines @ waves.T for waves in (self._waves, self._waves.conj()))
        return self._shifted(np.concatenate([first.real, second.real]), +1)

    def reconstruct(self, sinogram: np.ndarray, apodisation: np.ndarray | float = 1.0) -> np.ndarray:
        """Filtered back-projection, float32 [rows, columns] in 1/mm; `apodisation` of the ramp at `self.frequency`."""
        geometry, half = self.geometry, self.geometry.views // 2
        rays = self.parallel(sinogram)
        rays *= (geometry.source_isocentre * np.cos(geometry.fan_angles) * self._angle_step).astype(np.float32)
        first, second = (rays[part] @ self._waves.real for part in (slice(half), slice(half, None)))
        lines = (first + second).astype(np.complex64)
        first, second = (rays[part] @ self._waves.imag for part in (slice(half), slice(half, None)))
        lines.imag = second - first
        ramp = 2 * self.frequency  # of both signs
        ramp[0] = self._step / 4  # the mean of the ramp over the central cell, so that no DC is lost
        lines *= (ramp * apodisation * self._step * np.pi / geometry.views).astype(np.float32)
        lines *= self._origin.conj()
        spectrum = _times(self._spread, lines).reshape(self.grid)
        image = fft.ifft2(spectrum, workers=-1, norm="forward").real
        return self._from_grid(image) / self._apodisation

    def parallel(self, sinogram: np.ndarray) -> np.ndarray:
        """The same rays in order of their direction θ = 2π·i/views instead of their view; R·sin γ stays uneven."""
        return self._shifted(sinogram, -1)

    @property
    def pixel_positions(self) -> tuple[np.ndarray, np.ndarray]:
        """x of the columns and y of the rows from the isocentre, mm."""
        return tuple(
            (np.arange(n) - (n - 1) / 2) * d - shift
            for n, d, shift in zip(self.shape[::-1], self.spacing, self.isocentre, strict=True)
        )

    @property
    def _angle_step(self) -> float:
        return self.geometry.channel_width / self.geometry.source_detector

    def _shifted(self, sinogram: np.ndarray, sign: int) -> np.ndarray:
        """Every channel moved by its fan angle along the turn: from directions θ to views β (+1), or back (−1)."""
        views = self.geometry.views
        harmonics = fft.rfft(np.asarray(sinogram, np.float32), axis=0, workers=-1)
        phase = np.multiply.outer(np.arange(len(harmonics)), self.geometry.fan_angles)
        harmonics *= np.exp(1j * sign * phase).astype(np.complex64)
        return fft.irfft(harmonics, views, axis=0, workers=-1)

    def _to_grid(self, image: np.ndarray) -> np.ndarray:
        """On the oversampled grid with the middle pixel at the corner, where the FFT has its origin."""
        padded = np.zeros(self.grid, np.float32)
        padded[: self.shape[0], : self.shape[1]] = image
        return np.roll(padded, (-(self.shape[0] // 2), -(self.shape[1] // 2)), (0, 1))

    def _from_grid(self, image: np.ndarray) -> np.ndarray:
        rolled = np.roll(image, (self.shape[0] // 2, self.shape[1] // 2), (0, 1))
        return rolled[: self.shape[0], : self.shape[1]].astype(np.float32)


@lru_cache(maxsize=2)
def fan_beam(shape, spacing, geometry: FanGeometry, isocentre=(0.0, 0.0)) -> FanBeam:
    """The projector of these images, kept: its matrices take a second and some 200 MB to build."""
    return FanBeam(shape, spacing, geometry, isocentre)


def _times(matrix, values: np.ndarray) -> np.ndarray:
    """Real sparse matrix times complex64 values, without a complex copy of the matrix."""
    pairs = np.ascontiguousarray(values, np.complex64).reshape(-1, 1).view(np.float32)
    return (matrix @ pairs).view(np.complex64).ravel()
