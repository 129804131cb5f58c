"""A volume node as the library needs it: checked, with its place in space, its voxels as an array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from .user_error import UserError

_LPS = np.diag([-1.0, -1.0, 1.0])  # from RAS to LPS and back
_NOT_IMAGES = ("vtkMRMLLabelMapVolumeNode", "vtkMRMLStreamingVolumeNode")


@dataclass(frozen=True)
class Geometry:
    """Where the voxels lie, in the library's terms; a parent transform is not part of it.

    spacing    mm (columns, rows, slices)
    origin     mm, LPS, centre of the first voxel
    direction  nine numbers, row-major; the columns are the LPS unit vectors along columns, rows and slices
    """

    spacing: tuple[float, ...]
    origin: tuple[float, ...]
    direction: tuple[float, ...]

    def message(self) -> dict:
        """As a request of the worker carries it."""
        return {"spacing": list(self.spacing), "origin": list(self.origin), "direction": list(self.direction)}


def checkVolume(volume) -> None:
    """Raises UserError if `volume` is not a node of one CT image: None, a label map, colours, no voxels, …"""
    if volume is None:
        raise UserError(_("No volume is chosen: choose a CT volume first."))
    name = volume.GetName() or _("the volume")
    if not volume.IsA("vtkMRMLScalarVolumeNode") or volume.IsA("vtkMRMLTensorVolumeNode"):
        raise UserError(_("{name} is not a scalar volume: choose a CT volume.").format(name=name))
    if any(volume.IsA(kind) for kind in _NOT_IMAGES):
        raise UserError(_("{name} holds labels or a video, not CT values: choose a CT volume.").format(name=name))
    image = volume.GetImageData()
    scalars = image.GetPointData().GetScalars() if image else None
    if scalars is None or min(image.GetDimensions()) < 1:
        raise UserError(_("{name} holds no image: load it again, or choose another volume.").format(name=name))
    if scalars.GetNumberOfComponents() != 1:
        text = _("{name} has {count} values at each point, a CT has one: choose a CT volume.")
        raise UserError(text.format(name=name, count=scalars.GetNumberOfComponents()))
    if scalars.GetDataType() == vtk.VTK_BIT or not scalars.IsNumeric():
        raise UserError(_("The voxels of {name} are no numbers: choose a CT volume.").format(name=name))
    if not np.all(np.isfinite(_matrix(volume))) or abs(np.linalg.det(_matrix(volume)[:3, :3])) < 1e-12:
        text = _("The voxels of {name} have no proper size: correct its spacing in the Volumes module.")
        raise UserError(text.format(name=name))


def geometryOf(volume, axis: int | None = None, index: int = 0) -> Geometry:
    """The place of the voxels of `volume` by its IJK-to-RAS matrix alone; or of its slice `index` along `axis`."""
    matrix = _matrix(volume) if axis is None else _sliceMatrix(volume, axis, index)
    axes = _LPS @ matrix[:3, :3]
    spacing = np.linalg.norm(axes, axis=0)
    direction, origin = axes / spacing, _LPS @ matrix[:3, 3]
    return Geometry(tuple(spacing.tolist()), tuple(origin.tolist()), tuple(direction.ravel().tolist()))


def acquisitionAxis(volume) -> int:
    """The axis (0, 1, 2) of the array [slices, rows, columns] along which CT is acquired: the nearest to head–feet."""
    from LDCTDenoiseLib.orientation import acquisition_axis

    return int(acquisition_axis(np.reshape(geometryOf(volume).direction, (3, 3))))


def sliceCount(volume) -> int:
    """How many slices `volume` has along its acquisition axis."""
    return volume.GetImageData().GetDimensions()[2 - acquisitionAxis(volume)]


def axialSize(volume) -> tuple[int, int]:
    """(rows, columns) of the axial slices of `volume`, as methods see them. Raises UserError for what is no CT."""
    from LDCTDenoiseLib.orientation import standard_orientation

    checkVolume(volume)
    shape = volume.GetImageData().GetDimensions()[::-1]
    _slices, rows, columns = standard_orientation(np.reshape(geometryOf(volume).direction, (3, 3))).order
    return shape[rows], shape[columns]


def sliceToRAS(volume, axis: int, index: int):
    """The IJK-to-RAS matrix (vtkMatrix4x4) of a volume that holds only slice `index` along array axis `axis`."""
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(_sliceMatrix(volume, axis, index).ravel())
    return matrix


def checkSameGrid(first, second) -> None:
    """Raises UserError if two volumes differ in size: they cannot be compared voxel by voxel."""
    if first.GetImageData().GetDimensions() != second.GetImageData().GetDimensions():
        text = _("{one} and {other} have different sizes and cannot be compared: choose two of the same scan.")
        raise UserError(text.format(one=first.GetName(), other=second.GetName()))


class Voxels:
    """The voxels of a volume over a time in which others may change them.

    VTK may move or free the memory of an array at any time, and a numpy view would then point nowhere: so no view is
    kept from one turn of the event loop to the next, and each is given out only if nothing has changed.
    """

    def __init__(self, volume):
        """Raises UserError for what is not a CT volume."""
        checkVolume(volume)
        self.volume, self.name = volume, volume.GetName()
        self.state = stateOf(volume)
        view = slicer.util.arrayFromVolume(volume)
        self.shape, self.dtype = view.shape, view.dtype
        self.scalarType = volume.GetImageData().GetScalarType()  # VTK has more names for a type than numpy

    @property
    def areUnchanged(self) -> bool:
        return stateOf(self.volume) == self.state

    def view(self) -> np.ndarray:
        """The voxels [slices, rows, columns], not copied, for this turn of the event loop; UserError if changed."""
        self.check()
        return slicer.util.arrayFromVolume(self.volume)

    def check(self) -> None:
        """Raises UserError if the voxels are not those of the beginning."""
        if not self.areUnchanged:
            text = _("The voxels of {name} were changed meanwhile, so the work was stopped: start it again.")
            raise UserError(text.format(name=self.name))


def stateOf(volume) -> tuple | None:
    """Equal as long as the voxels of `volume` are the same array, said to be unmodified; None without voxels."""
    image = volume.GetImageData() if volume is not None else None
    scalars = image.GetPointData().GetScalars() if image else None
    if scalars is None:
        return None
    return scalars.GetAddressAsString(""), scalars.GetMTime(), image.GetDimensions()


def _matrix(volume) -> np.ndarray:
    """IJK to RAS, [4, 4]."""
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return np.array([[matrix.GetElement(row, column) for column in range(4)] for row in range(4)])


def _sliceMatrix(volume, axis: int, index: int) -> np.ndarray:
    matrix, first = _matrix(volume), np.zeros(4)
    first[2 - axis], first[3] = index, 1  # the array's axes are slices, rows, columns; IJK is the other way round
    matrix[:, 3] = matrix @ first
    return matrix
