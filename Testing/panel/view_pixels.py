"""What a slice view must show, computed from the voxels; and small helpers for the tests of the views."""

from __future__ import annotations

import numpy as np
import slicer
import slicer.util
import vtk


def sharp(*volumes):
    """No interpolation between voxels: pictures can be compared with voxels exactly."""
    for volume in volumes:
        volume.GetDisplayNode().SetInterpolate(0)


def widget(tag):
    return slicer.app.layoutManager().sliceWidget(tag)


def composite(tag):
    return widget(tag).sliceLogic().GetSliceCompositeNode()


def matrix(vtkMatrix):
    return slicer.util.arrayFromVTKMatrix(vtkMatrix)


def index_of_pixels(tag, volume):
    """(float IJK [3, height, width] of every pixel, top row first) by the view's own matrix."""
    node = widget(tag).mrmlSliceNode()
    width, height, _ = node.GetDimensions()
    x, y = np.meshgrid(np.arange(width), np.arange(height)[::-1])
    xy = np.stack([x.ravel(), y.ravel(), np.zeros(x.size), np.ones(x.size)])
    toWorld = np.eye(4)
    if volume.GetParentTransformNode() is not None:
        world = vtk.vtkMatrix4x4()
        volume.GetParentTransformNode().GetMatrixTransformToWorld(world)
        toWorld = matrix(world)
    toRAS = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(toRAS)
    ijk = np.linalg.inv(toWorld @ matrix(toRAS)) @ matrix(node.GetXYToRAS()) @ xy
    return ijk[:3].reshape(3, height, width)


def expected(tag, volume, window=None):
    """(grey [height, width], certain bool): the nearest voxel through window and level; not certain between two."""
    ijk = index_of_pixels(tag, volume)
    voxels = slicer.util.arrayFromVolume(volume)
    sizes = np.array(voxels.shape[::-1])[:, None, None]
    nearest = np.rint(ijk).astype(int)
    inside = np.all((nearest >= 0) & (nearest < sizes), axis=0)
    i, j, k = np.clip(nearest, 0, sizes - 1)
    display = volume.GetDisplayNode()
    width, level = window or (display.GetWindow(), display.GetLevel())
    grey = np.clip((voxels[k, j, i] - (level - width / 2)) / width, 0, 1) * 255
    between = np.abs(np.abs(ijk - nearest) - 0.5).min(axis=0) < 0.05
    return np.where(inside, grey, 0), ~between


def free_of_texts(picture):
    """Leaves out the strips in which names and legends stand."""
    height, width = picture.shape[:2]
    return (slice(height // 12, height - height // 12), slice(0, int(width * 0.98)))


def difference_from_voxels(host, tag, volume, columns=slice(None)):
    """Largest grey difference between the view and the voxels, over at least a tenth of the view."""
    grey, certain = expected(tag, volume)
    seen = host.grab(tag).astype(float)
    area = free_of_texts(seen)
    seen, grey, certain = seen[area][:, columns], grey[area][:, columns], certain[area][:, columns]
    assert certain.mean() > 0.1
    assert np.ptp(grey[certain]) > 100, "nothing to compare: the view is all one grey"
    return float(np.abs(seen - grey[..., None])[certain].max())
