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

from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import fft

from .arrays import HOST
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
    A sinogram is float32 [views, channels]; the views must be even in number. Both may have axes in front: several
    images or draws at once. What goes in and comes out is NumPy's; `on` says where it is computed.
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
        # the gridding has its origin at a pixel, the scanner at its isocentre
        x, y = (positions[n // 2] for positions, n in zip(self.pixel_positions, shape[::-1], strict=True))
        wave = 2 * np.pi * np.outer(geometry.distances, self.frequency)
        turn = np.outer(np.arange(geometry.views // 2 + 1), geometry.fan_angles)
        profile = [kernel_transform((np.arange(n) - n // 2) / g) for n, g in zip(shape, self.grid, strict=True)]
        polar = gridding_matrix(u.ravel(), v.ravel(), self.grid[1], self.grid[0])
        self._arrays = HOST
        self._prepared = _Prepared(
            polar=polar,
            spread=polar.T.tocsr(),
            origin=np.exp(-2j * np.pi * (along_x * x + along_y * y)).astype(np.complex64),
            cosines=np.cos(wave).astype(np.float32),
            sines=np.sin(wave).astype(np.float32),
            turn=np.exp(1j * turn).astype(np.complex64),
            apodisation=np.outer(*profile).astype(np.float32),
        )

    def on(self, arrays) -> FanBeam:
        """The same projector, computing with other `arrays`, such as a torch device's."""
        other = copy(self)
        other._arrays = arrays
        other._prepared = _Prepared(*(arrays.put(values) for values in self._prepared))
        return other

    def project(self, image: np.ndarray, response: np.ndarray | float = 1.0) -> np.ndarray:
        """Line integrals, float32 [views, channels], of an image in 1/mm; `response` at `self.frequency` smooths it."""
        arrays, ready = self._arrays, self._prepared
        image = arrays.put(np.asarray(image, np.float32)) / ready.apodisation
        spectrum = arrays.image_to_spectrum(self._to_grid(image))
        lines = arrays.times(ready.polar, spectrum.reshape(*image.shape[:-2], -1))
        lines = lines.reshape(*image.shape[:-2], *ready.origin.shape) * ready.origin
        area = self.spacing[0] * self.spacing[1]
        both_signs = np.where(self.frequency > 0, 2, 1) * self._step * area
        lines *= arrays.put((both_signs * response).astype(np.float32))
        real, imaginary = arrays.parts(lines)
        even, odd = real @ ready.cosines.T, imaginary @ ready.sines.T
        # the lines of the second half turn are those of the first, seen from the other side: s → −s
        return arrays.take(self._shifted(arrays.concatenate([even - odd, even + odd], -2), +1))

    def reconstruct(self, sinogram: np.ndarray, apodisation: np.ndarray | float = 1.0) -> np.ndarray:
        """Filtered back-projection, float32 [rows, columns] in 1/mm; `apodisation` of the ramp at `self.frequency`."""
        arrays, ready, geometry = self._arrays, self._prepared, self.geometry
        rays = self._shifted(arrays.put(np.asarray(sinogram, np.float32)), -1)
        step = geometry.channel_width / geometry.source_detector
        rays *= arrays.put((geometry.source_isocentre * np.cos(geometry.fan_angles) * step).astype(np.float32))
        first, second = rays[..., : geometry.views // 2, :], rays[..., geometry.views // 2 :, :]
        lines = arrays.join((first + second) @ ready.cosines, (second - first) @ ready.sines)
        ramp = 2 * self.frequency  # of both signs
        ramp[0] = self._step / 4  # the mean of the ramp over the central cell, so that no DC is lost
        lines *= arrays.put((ramp * apodisation * self._step * np.pi / geometry.views).astype(np.float32))
        lines *= ready.origin.conj()
        spectrum = arrays.times(ready.spread, lines.reshape(*lines.shape[:-2], -1))
        image = arrays.spectrum_to_image(spectrum.reshape(*lines.shape[:-2], *self.grid))
        return arrays.take(self._from_grid(image) / ready.apodisation)

    def parallel(self, sinogram: np.ndarray) -> np.ndarray:
        """The same rays in order of their direction θ = 2π·i/views instead of their view; R·sin γ stays uneven."""
        return self._arrays.take(self._shifted(self._arrays.put(np.asarray(sinogram, np.float32)), -1))

    @property
    def pixel_positions(self) -> tuple[np.ndarray, np.ndarray]:
        """x of the columns and y of the rows from the isocentre, mm."""
        return tuple(
            (np.arange(n) - (n - 1) / 2) * d - shift
            for n, d, shift in zip(self.shape[::-1], self.spacing, self.isocentre, strict=True)
        )

    def _shifted(self, sinogram, sign: int):
        """Every channel moved by its fan angle along the turn: from directions θ to views β (+1), or back (−1)."""
        harmonics = self._arrays.turn_to_harmonics(sinogram)
        harmonics *= self._prepared.turn if sign > 0 else self._prepared.turn.conj()
        return self._arrays.harmonics_to_turn(harmonics, self.geometry.views)

    def _to_grid(self, image):
        """On the oversampled grid with the middle pixel at the corner, where the FFT has its origin."""
        padded = self._arrays.zeros((*image.shape[:-2], *self.grid))
        padded[..., : self.shape[0], : self.shape[1]] = image
        return self._arrays.roll(padded, (-(self.shape[0] // 2), -(self.shape[1] // 2)), (-2, -1))

    def _from_grid(self, image):
        rolled = self._arrays.roll(image, (self.shape[0] // 2, self.shape[1] // 2), (-2, -1))
        return rolled[..., : self.shape[0], : self.shape[1]]


class _Prepared(NamedTuple):
    """What the geometry decides, on the device that computes with it. Samples are those of all radial lines."""

    polar: object  # sparse float32 [samples, grid rows · columns]
    spread: object  # its transpose
    origin: object  # complex64 [views / 2, frequencies]: from the middle pixel to the isocentre
    cosines: object  # float32 [channels, frequencies], of 2π · distance · frequency
    sines: object
    turn: object  # complex64 [views / 2 + 1, channels]: harmonics of a turn by the channel's fan angle
    apodisation: object  # float32 [rows, columns]: what the gridding multiplies an image by


@lru_cache(maxsize=2)
def fan_beam(shape, spacing, geometry: FanGeometry, isocentre=(0.0, 0.0)) -> FanBeam:
    """The projector of these images, kept: its matrices take a second and some 200 MB to build."""
    return FanBeam(shape, spacing, geometry, isocentre)
