"""LDCT Denoise as 3D Slicer meets it. The work is done in LDCTDenoisePanel (Slicer) and LDCTDenoiseLib (science)."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import qt
import slicer
from LDCTDenoisePanel.logic import ConsoleLogic
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

HOMEPAGE = "https://github.com/LDCTDenoise/SlicerLDCTDenoise"


class LDCTDenoise(ScriptedLoadableModule):
    """What Slicer shows of the module before it is opened."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        parent.title = _("LDCT Denoise")
        parent.categories = [translate("qSlicerAbstractCoreModule", "Filtering.Denoising")]
        parent.dependencies = ["Markups"]  # regions and lines are drawn with it
        parent.contributors = ["LDCTDenoise developers"]
        parent.helpText = _("""
<p>Reduces the noise of low-dose CT and shows original, denoised and difference side by side. For research use only,
not for diagnosis. See the <a href="{homepage}#readme">tutorial and documentation</a>.</p>
<ul>
<li><b>RDDM</b>: one-step residual network; the default. Needs PyTorch.</li>
<li><b>Non-local means</b>: averages pixels whose surroundings look alike. Needs scikit-image.</li>
<li><b>Total variation</b>: smooth areas with sharp borders. Needs scikit-image.</li>
<li><b>Bilateral</b>: averages near pixels of similar HU.</li>
<li><b>Anisotropic diffusion</b>: smooths along edges, not across them.</li>
<li><b>Gaussian</b>, <b>Median</b>: plain smoothing, for comparison.</li>
</ul>
<p><b>Export</b> writes a result as a derived DICOM series that overlays its source and tells how it was made.
<b>Batch</b> denoises every CT series below a folder, keeps a log, and goes on after an interruption where it was.</p>
""").format(homepage=HOMEPAGE)
        parent.acknowledgementText = _("""
<p>RDDM: Wang, Lyu, Wang: Residual-Driven Drifting Model. arXiv 2605.17188 (2026).</p>
<p>FoundDiff: Chen, Gao, Li, Zhang, Zhang, Zhao, Shan: Foundational Diffusion Model for generalizable low-dose CT
denoising. arXiv 2508.17299 (2025); IEEE Transactions on Medical Imaging 45(8), 4366-4379 (2026),
doi 10.1109/TMI.2026.3698474.</p>
<p>Please cite the paper of the method that you use. The weights that come with this module were trained for it on
public data; each method says on which.</p>
""")
        slicer.app.connect("startupCompleted()", onStartupCompleted)


def onStartupCompleted():
    """Makes layouts and sample data known, and goes on with a set-up that a restart of Slicer interrupted."""
    from LDCTDenoisePanel.sample_data import register
    from LDCTDenoisePanel.settings import MachineSettings
    from LDCTDenoisePanel.views.layouts import registerLayouts

    registerLayouts()  # a scene saved with one of them may be loaded before the module is ever opened
    thumbnail = Path(__file__).parent / "Resources" / "Icons" / "LDCTDenoiseSample.png"
    register(str(thumbnail), _sharedLogic)
    if MachineSettings().resumeInstall and slicer.util.mainWindow() is not None:
        # after the main window is up; the module's panel then says how it went
        qt.QTimer.singleShot(0, resumeInstallation)


def resumeInstallation():
    """Opens the module and lets its panel finish the installation."""
    slicer.util.selectModule("LDCTDenoise")
    slicer.modules.LDCTDenoiseWidget.panel.resumeInstallation()


def _sharedLogic():
    """The open panel's logic, or one for the sample data if the module was never opened."""
    widget = getattr(slicer.modules, "LDCTDenoiseWidget", None)
    return widget.logic if widget is not None and widget.logic is not None else LDCTDenoiseLogic()


class LDCTDenoiseWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """Makes the panel, and tells it when the module is opened and left."""

    def __init__(self, parent=None):
        self.logic = None  # before the base class, which without a parent already calls setup()
        self.panel = None
        VTKObservationMixin.__init__(self)
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        from LDCTDenoisePanel.jobs import sweepTemporaryFolder
        from LDCTDenoisePanel.widget.panel import Panel

        sweepTemporaryFolder()
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/LDCTDenoise.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = LDCTDenoiseLogic()
        self.panel = Panel(uiWidget, self.ui, self.logic)
        if getattr(self.parent, "isEntered", False):  # after a reload Slicer calls enter() only at the next visit
            self.enter()

    def enter(self):
        self.panel.enter()

    def exit(self):
        self.panel.exit()

    def cleanup(self):
        self.removeObservers()
        if self.panel is not None:
            self.panel.cleanup()

    def onReload(self):
        """For developers: Slicer itself reloads only this file."""
        if self.logic is not None:  # None: the set-up failed, and this is how its mended file is tried
            self.logic.comparison.shutdown()  # the former one must not watch the scene any longer
        for name in list(sys.modules):
            if name.split(".")[0] in ("LDCTDenoisePanel", "LDCTDenoiseLib"):
                del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class LDCTDenoiseLogic(ConsoleLogic, ScriptedLoadableModuleLogic):
    """Denoise, compare and measure from Python: see `LDCTDenoisePanel.logic.ConsoleLogic`."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        ConsoleLogic.__init__(self)
        from LDCTDenoisePanel.settings import MachineSettings

        MachineSettings().applyModelFolder()

    def getParameterNode(self):
        """The scene's parameter node, in its wrapper."""
        from LDCTDenoisePanel.parameters import LDCTDenoiseParameterNode

        return LDCTDenoiseParameterNode(ScriptedLoadableModuleLogic.getParameterNode(self))


class LDCTDenoiseTest(ScriptedLoadableModuleTest):
    """Runs inside Slicer, from Reload and Test and from the build's tests."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_GaussianKeepsGeometryAndLowersNoise()
        self.setUp()
        self.test_NetworkLowersNoise()
        self.setUp()
        self.test_FolderIsDenoised()
        self.setUp()
        self.test_PanelShowsTheComparison()
        self.delayDisplay(_("LDCT Denoise: test passed"))

    def test_GaussianKeepsGeometryAndLowersNoise(self):
        volume, after = self.denoisedCT("gaussian")
        self.assertIs(after.GetNodeReference("LDCTDenoise.source"), volume)
        for i in range(4):
            for j in range(4):
                self.assertAlmostEqual(ijkToRAS(after).GetElement(i, j), ijkToRAS(volume).GetElement(i, j))
        before, result = slicer.util.arrayFromVolume(volume), slicer.util.arrayFromVolume(after)
        self.assertEqual(before.dtype, result.dtype)
        self.assertLess(result[:, 60:68, 60:68].std(), 0.7 * before[:, 60:68, 60:68].std())
        difference = LDCTDenoiseLogic().difference(volume, after)
        expected = result.astype(float) - before
        self.assertTrue(np.allclose(slicer.util.arrayFromVolume(difference), expected))

    def test_NetworkLowersNoise(self):
        from LDCTDenoisePanel.setup_state import look

        if look().torch is None:
            self.delayDisplay(_("PyTorch is not installed: the network is not tested"))
            return
        volume, after = self.denoisedCT("rddm-balanced")
        before, result = slicer.util.arrayFromVolume(volume), slicer.util.arrayFromVolume(after)
        self.assertLess(result[:, 60:68, 60:68].std(), before[:, 60:68, 60:68].std())
        self.assertLess(abs(float(result.mean() - before.mean())), 5.0)

    def test_FolderIsDenoised(self):
        self.delayDisplay(_("Denoising the files of a folder"))
        with tempfile.TemporaryDirectory() as folder:
            self.assertTrue(slicer.util.saveNode(makeCT(), str(Path(folder) / "ct.nrrd")))
            rows = LDCTDenoiseLogic().denoiseFolder(folder, Path(folder) / "out", ["gaussian"])
            self.assertEqual([row["error"] for row in rows], [None])
            self.assertTrue(Path(rows[0]["output"]).is_file())

    def test_PanelShowsTheComparison(self):
        if slicer.app.layoutManager() is None:
            self.delayDisplay(_("Slicer runs without a window: the comparison is not tested"))
            return
        volume, after = self.denoisedCT("gaussian")
        logic = LDCTDenoiseLogic()
        layout = slicer.app.layoutManager().layout
        logic.showComparison(volume, after)
        self.assertEqual(logic.comparison.mode, "three")
        logic.comparison.leave()
        self.assertEqual(slicer.app.layoutManager().layout, layout)

    def denoisedCT(self, model):
        """(a made low-dose CT, what the method made of it)."""
        self.delayDisplay(_("Denoising a made-up CT with {model}").format(model=model))
        volume = makeCT()
        return volume, LDCTDenoiseLogic().denoise(volume, model=model, device="cpu")


def makeCT():
    """A noisy disc of soft tissue in air: 4 slices of 128 × 128, int16 in HU, slightly tilted."""
    rows, columns = np.mgrid[:128, :128] - 64
    slices = np.where(np.hypot(rows, columns) < 50, 40.0, -1000.0) + np.random.default_rng(0).normal(
        0, 25, (4, 128, 128)
    )
    volume = slicer.util.addVolumeFromArray(np.rint(slices).astype(np.int16), name="Made-up CT")
    volume.SetSpacing(0.8, 0.8, 2.0)
    volume.SetIJKToRASDirections(-0.8, 0.6, 0, -0.6, -0.8, 0, 0, 0, 1)
    volume.CreateDefaultDisplayNodes()
    return volume


def ijkToRAS(volume):
    import vtk

    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix
