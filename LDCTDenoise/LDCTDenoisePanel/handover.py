"""Voxels to a file and back, slice by slice: generators that `Ticks` runs, so that the GUI lives."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import vtk
from slicer.i18n import tr as _
from vtk.util.numpy_support import vtk_to_numpy

from .mixing import Residual, mix, newBuffers
from .user_error import UserError
from .volumes import Voxels


def write(voxels: Voxels, path: Path) -> Iterator[float]:
    """Steps that write the whole volume as .npy [slices, rows, columns], in its own type."""
    with path.open("wb") as file:
        _writeHeader(file, voxels.shape, voxels.dtype)
        for k in range(voxels.shape[0]):
            file.write(np.ascontiguousarray(voxels.view()[k]).data)
            yield (k + 1) / voxels.shape[0]


def writeSlice(voxels: Voxels, path: Path, axis: int, index: int) -> None:
    """One slice along array axis `axis` as .npy that keeps its three axes; at once."""
    writeSlices(voxels, path, axis, [index])


def writeSlices(voxels: Voxels, path: Path, axis: int, indices: list[int]) -> None:
    """A few slices along array axis `axis` as one .npy, in their order; at once."""
    few = np.take(voxels.view(), indices, axis=axis)
    with path.open("wb") as file:
        _writeHeader(file, few.shape, few.dtype)
        file.write(few.data)


def readSlice(path: Path, voxels: Voxels, axis: int, index: int, strength: float):
    """The worker's answer for that slice as vtkImageData, mixed with the original; at once."""
    before = np.take(voxels.view(), [index], axis=axis)
    result = loadResult(path, before.shape, before.dtype)
    image = newImage(before.shape, voxels.scalarType)
    mix(before, result, strength, arrayOf(image), newBuffers(before.shape))
    arrayModified(image)
    return image


class Plateau:
    """The value that stands for no measurement, found in the whole volume: its part alone does not tell.

    value  HU, None if there is no such value; known after the last step. The rule is that of
           `LDCTDenoiseLib.files.padding.plateau_value`, here in steps of one slice.
    """

    PART = 1e-3  # of all voxels

    def __init__(self, voxels: Voxels):
        self._voxels, self.value = voxels, None

    def steps(self) -> Iterator[float]:
        from LDCTDenoiseLib.files.padding import LOWEST_REAL

        shape, lowest, found = self._voxels.shape, np.inf, 0
        for k in range(shape[0]):
            image = self._voxels.view()[k]
            least = image.min()
            if least < lowest:
                lowest, found = least, 0
            if least == lowest and least < LOWEST_REAL:
                found += np.count_nonzero(image == lowest)
            yield (k + 1) / shape[0]
        if lowest < LOWEST_REAL and found >= max(2, self.PART * np.prod(shape, dtype=float)):
            self.value = float(lowest)


class TakeOver:
    """From the worker's file to an image that is not yet in any scene, mixed with the original by `strength`.

    image     vtkImageData with the result, complete after the last step
    residual  Residual, what remains to change the strength later
    """

    def __init__(self, path: Path, voxels: Voxels, strength: float = 1.0, keepsResidual: bool = True):
        self._path, self._voxels, self._strength = path, voxels, strength
        self.image = newImage(voxels.shape, voxels.scalarType)
        self.residual = Residual(voxels.shape, voxels.dtype) if keepsResidual else None

    def steps(self) -> Iterator[float]:
        """Steps that fill image and residual; they raise UserError if the file is not what was asked for."""
        result, shape = loadResult(self._path, self._voxels.shape, self._voxels.dtype), self._voxels.shape
        out, checksum = arrayOf(self.image), 0
        buffers = newBuffers(shape[1:])
        try:
            for k in range(shape[0]):
                before = self._voxels.view()[k]
                if self.residual is not None:
                    self.residual.keep(k, before, result[k])
                    checksum = zlib.crc32(np.ascontiguousarray(before), checksum)
                mix(before, result[k], self._strength, out[k], buffers)
                yield (k + 1) / shape[0]
        finally:
            del result  # Windows keeps a mapped file
        if self.residual is not None:
            self.residual.sourceChecksum = checksum
        arrayModified(self.image)


def loadResult(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The worker's file as a memory-mapped array; UserError if it is not of that shape and type."""
    try:
        result = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise UserError(_("The worker's result could not be read: try again.")) from error
    if result.shape != shape or result.dtype != dtype:
        raise UserError(_("The worker's result has another size or type than the volume: please report this."))
    return result


def newImage(shape: tuple[int, ...], scalarType: int):
    """A vtkImageData for an array [slices, rows, columns]; its memory is not touched yet."""
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(shape))
    image.AllocateScalars(scalarType, 1)
    return image


def arrayOf(image) -> np.ndarray:
    """The voxels of an image that only we hold, [slices, rows, columns], not copied."""
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(tuple(reversed(image.GetDimensions())))


def arrayModified(image) -> None:
    """Say that the voxels of `arrayOf` were written."""
    image.GetPointData().GetScalars().Modified()
    image.Modified()


def _writeHeader(file, shape: tuple[int, ...], dtype: np.dtype) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
