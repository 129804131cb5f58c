"""CT volume nodes made of an ellipse of soft tissue with lungs, a bone and noise: small, in HU, with known geometry."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util
import vtk

AIR, LUNG, TISSUE, BONE = -1000, -850, 40, 700  # HU


def body(shape=(8, 96, 96), noise=25.0, seed=0) -> np.ndarray:
    """int16 HU [slices, rows, columns]; noise is the standard deviation in HU inside the body."""
    slices, rows, columns = shape
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    plane = np.full((rows, columns), AIR, float)
    plane[(x / 0.85) ** 2 + (y / 0.65) ** 2 < 1] = TISSUE
    for side in (-1, 1):
        plane[((x - side * 0.4) / 0.25) ** 2 + (y / 0.35) ** 2 < 1] = LUNG
    plane[(x / 0.1) ** 2 + ((y - 0.45) / 0.1) ** 2 < 1] = BONE
    plane[(x / 0.06) ** 2 + ((y + 0.4) / 0.06) ** 2 < 1] = TISSUE + 60  # something off the middle: up and down differ
    hu = np.repeat(plane[None], slices, axis=0)
    hu += np.arange(slices)[:, None, None] * 2.0 * (plane > LUNG)  # every slice is a little different
    hu += np.random.default_rng(seed).normal(0, noise, shape) * (plane > AIR)
    return np.clip(np.rint(hu), -1024, 3071).astype(np.int16)


def ijk_to_ras(spacing=(0.8, 0.8, 2.0), origin=(-38.0, -38.0, -300.0), angles=(0, 0, 0), flip=()) -> vtk.vtkMatrix4x4:
    """``spacing``, ``origin`` in mm; ``angles`` in degrees about R, A, S; ``flip`` names array axes "i", "j", "k"."""
    turn = vtk.vtkTransform()
    turn.RotateX(angles[0])
    turn.RotateY(angles[1])
    turn.RotateZ(angles[2])
    matrix = vtk.vtkMatrix4x4()
    for column, (axis, step) in enumerate(zip("ijk", spacing, strict=True)):
        direction = turn.TransformVector([(-1.0 if axis in ("i", "j") else 1.0) * (k == column) for k in range(3)])
        sign = -1.0 if axis in flip else 1.0
        for row in range(3):
            matrix.SetElement(row, column, sign * step * direction[row])
    for row in range(3):
        matrix.SetElement(row, 3, origin[row])
    return matrix


class SyntheticCT:
    """Every method returns nodes of the scene with a display node at window 400, level 40."""

    def __init__(self, scene):
        self.scene = scene

    def volume(self, name="CT", shape=(8, 96, 96), noise=25.0, seed=0, array=None, **geometry):
        node = slicer.util.addVolumeFromArray(
            body(shape, noise, seed) if array is None else array, ijkToRAS=ijk_to_ras(**geometry), name=name
        )
        node.CreateDefaultDisplayNodes()
        display = node.GetDisplayNode()
        display.AutoWindowLevelOff()
        display.SetWindowLevel(400, 40)
        return node

    def oblique(self, name="Oblique CT", **more):
        return self.volume(name, angles=(15, 0, 10), **more)

    def flipped(self, name="Flipped CT", **more):
        return self.volume(name, flip=("j", "k"), **more)

    def moved(self, name="Moved CT", **more):
        """A volume below a linear transform; returns the volume."""
        node = self.volume(name, **more)
        matrix = vtk.vtkMatrix4x4()
        matrix.SetElement(0, 3, 17.5)
        matrix.SetElement(2, 3, -4.25)
        transform = self.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "Moved")
        transform.SetMatrixTransformToParent(matrix)
        node.SetAndObserveTransformNodeID(transform.GetID())
        return node

    def shown(self, node):
        """Show the volume in every slice view as Slicer does after loading: in its own plane, fitted."""
        slicer.util.setSliceViewerLayers(background=node, fit=True, rotateToVolumePlane=True)
        slicer.app.processEvents()
        return node

    def sequence(self, name="4D CT", frames=3, shape=(4, 64, 64), **geometry):
        """(sequence node, browser node, proxy volume node)."""
        sequence = self.scene.AddNewNodeByClass("vtkMRMLSequenceNode", name)
        sequence.SetIndexName("time")
        sequence.SetIndexUnit("s")
        frame = None
        for index in range(frames):
            frame = self.volume(f"frame {index}", shape=shape, seed=index, **geometry)
            sequence.SetDataNodeAtValue(frame, str(index))
            self.scene.RemoveNode(frame.GetDisplayNode())
            self.scene.RemoveNode(frame)
        browser = self.scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode", f"{name} browser")
        browser.SetAndObserveMasterSequenceNodeID(sequence.GetID())
        slicer.modules.sequences.logic().UpdateAllProxyNodes()
        browser.SetSelectedItemNumber(0)
        slicer.modules.sequences.logic().UpdateProxyNodesFromSequences(browser)
        return sequence, browser, browser.GetProxyNode(sequence)
