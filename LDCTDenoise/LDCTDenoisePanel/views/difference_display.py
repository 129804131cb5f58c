"""How a difference is shown: colours, a window from the noise, a legend, and a form that lets the original through."""

import numpy as np
import slicer
from slicer.i18n import tr as _

from . import acquisition_plane
from .window_level import setWindowLevel

NOISE_LEVELS = 2  # the full colour is reached at twice the noise level: at three times the map is too pale to read
LEAST_HU, MOST_HU, STEP_HU = 20, 500, 10  # whole tens: the legend tells halves of them
_LEGEND_PIXELS = 50  # how wide the legend is


def halfWindowFromNoise(before):
    """HU at which the difference of a denoised volume gets its full colour: twice the noise level of `before`."""
    level = _noiseLevel(before)
    if not np.isfinite(level):
        return 100.0
    return float(min(max(STEP_HU * round(NOISE_LEVELS * level / STEP_HU), LEAST_HU), MOST_HU))


def setHalfWindow(difference, halfWindow):
    """Full blue at −halfWindow HU, full red at +halfWindow, white at 0."""
    setWindowLevel(difference.GetDisplayNode(), 2.0 * halfWindow, 0.0)


def halfWindowOf(difference):
    """HU at which the colour is full now; the user may have changed it by the mouse."""
    return difference.GetDisplayNode().GetWindow() / 2.0


def showLegend(difference, viewNode):
    """A colour legend in HU in that view only. Call it when the difference is shown there."""
    legend = slicer.modules.colors.logic().AddDefaultColorLegendDisplayNode(difference)
    if legend is None:
        return None
    legend.SetSaveWithScene(False)  # it belongs to a view which is not kept either
    legend.SetTitleText(_("HU"))
    legend.SetLabelFormat("%.0f")
    legend.SetNumberOfLabels(5)
    width = max(viewNode.GetDimensions()[0], 1)
    legend.SetSize(min(0.15, _LEGEND_PIXELS / width), 0.4)  # its letters grow with it: too big in a wide view
    legend.SetPosition(0.95, 0.5)
    for text in (legend.GetTitleTextProperty(), legend.GetLabelTextProperty()):
        text.SetColor(0.0, 0.0, 0.0)  # the map is white around zero,
        text.SetBackgroundColor(1.0, 1.0, 1.0)  # but a narrow view's margin above and below it is black
        text.SetBackgroundOpacity(0.8)
        text.ShadowOff()
    legend.SetViewNodeIDs([viewNode.GetID()])
    legend.Modified()  # without it a legend made before its volume is shown stays invisible
    return legend


def _noiseLevel(before):
    """Noise level in HU of the slice looked at and of the middle one; NaN only where there is no voxel at all."""
    axis = acquisition_plane.acquisitionAxis(before)
    voxels = np.moveaxis(slicer.util.arrayFromVolume(before), axis, 0)
    spacing = before.GetSpacing()  # along i, j, k: axes 2, 1, 0 of the array
    inPlane = [spacing[2 - other] for other in range(3) if other != axis]  # (rows', columns') of the moved array
    chosen = sorted({acquisition_plane.visibleSlice(before), len(voxels) // 2})
    slices = np.asarray(voxels[chosen], dtype=np.float32)
    try:
        from LDCTDenoiseLib.quality.texture.noise import global_noise_level

        level = float(global_noise_level(slices, (inPlane[1], inPlane[0])))
    except ImportError:  # scipy is part of Slicer, but a colour window is no reason to fail
        level = float("nan")
    return level if np.isfinite(level) else _roughNoise(slices)


def _roughNoise(slices):
    """Standard deviation of the fine structure, HU: from the median of second differences along the rows."""
    fine = np.abs(slices[..., 2:] - 2 * slices[..., 1:-1] + slices[..., :-2])
    fine = fine[np.isfinite(fine) & (fine > 0)]
    return 1.4826 * float(np.median(fine)) / np.sqrt(6.0) if fine.size else float("nan")
