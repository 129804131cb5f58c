"""A comparison and the volumes for it, for the tests of the views."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import slicer
import slicer.util
from view_pixels import sharp


def denoised_of(before, name="CT RDDM Balanced", model="rddm-balanced", strength="0.8", seed=1):
    """A volume as a finished run leaves it: calmer, another window, with its record."""
    node = slicer.modules.volumes.logic().CloneVolume(slicer.mrmlScene, before, name)
    noise = np.random.default_rng(seed).normal(0, 5, slicer.util.arrayFromVolume(before).shape)
    slicer.util.updateVolumeFromArray(node, (slicer.util.arrayFromVolume(before) * 0.8 + noise).astype(np.int16))
    node.SetNodeReferenceID("LDCTDenoise.source", before.GetID())
    node.SetAttribute("LDCTDenoise.model", model)
    node.SetAttribute("LDCTDenoise.strength", strength)
    node.GetDisplayNode().SetWindowLevel(1500, 300)
    return node


def case(ct, before=None):
    """before, after and difference, shown sharp; the user looks at slice 5 of `before`."""
    from LDCTDenoisePanel.views.acquisition_plane import sliceCentre
    from LDCTDenoisePanel.views.difference import makeDifference

    before = ct.shown(before if before is not None else ct.oblique())
    red = slicer.app.layoutManager().sliceWidget("Red")
    red.mrmlSliceNode().JumpSliceByOffsetting(*sliceCentre(before, 5))
    red.sliceLogic().SnapSliceOffsetToIJK()
    after = denoised_of(before)
    difference = makeDifference(before, after, halfWindow=60)
    sharp(before, after, difference)
    slicer.app.processEvents()
    return SimpleNamespace(before=before, after=after, difference=difference)


def state_of_users_views():
    """Everything of the user's own views that must be the same afterwards."""
    manager = slicer.app.layoutManager()
    found = {"layout": manager.layout}
    for name in ("Red", "Green", "Yellow"):
        logic = manager.sliceWidget(name).sliceLogic()
        node, composite = logic.GetSliceNode(), logic.GetSliceCompositeNode()
        found[name] = (
            slicer.util.arrayFromVTKMatrix(node.GetSliceToRAS()).round(6).tolist(),
            np.round(node.GetFieldOfView(), 4).tolist(),
            np.round(node.GetXYZOrigin(), 6).tolist(),
            node.GetDimensions(),
            composite.GetBackgroundVolumeID(),
            composite.GetForegroundVolumeID(),
            composite.GetForegroundOpacity(),
            composite.GetLinkedControl(),
            composite.GetDoPropagateVolumeSelection(),
        )
    return found


def our_nodes():
    """Nodes that only our views make."""
    scene = slicer.mrmlScene
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    marks = (
        "LDCTBefore",
        "LDCTAfter",
        "LDCTDifference",
        "LDCTSingle",
        "LDCTVariant",
        "Variant ",
        "LDCTDenoise overlay",
    )
    found = [n.GetID() for n in nodes if any(m in (n.GetName() or "") or m in n.GetID() for m in marks)]
    return found + [n.GetID() for n in nodes if n.IsA("vtkMRMLColorLegendDisplayNode")]
