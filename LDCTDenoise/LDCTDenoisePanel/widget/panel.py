"""The panel as a whole: makes its sections, and keeps them with the scene and the module's coming and going."""

import qt
import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from ..installation import DECLINED, INSTALLED, LATER, Installation
from ..scene_guard import SceneGuard
from ..settings import MachineSettings
from .advanced import Advanced
from .batch import BatchSection
from .compare import Compare
from .dialogs import Dialogs
from .export import Export
from .export_dicom import ExportDICOM
from .inputs import Inputs
from .measure import Measure
from .method import Method
from .perception import Perception
from .plot_choice import PlotChoice
from .regions import Regions
from .run_bar import RunBar
from .session import Session
from .variants import Variants
from .warming import Warming


class Panel(VTKObservationMixin):
    """`uiWidget`, `ui`: the loaded .ui file and its widgets by name; `logic`: an LDCTDenoiseLogic.

    settings, dialogs, installation, session: tests give their own.
    """

    def __init__(self, uiWidget, ui, logic, *, settings=None, dialogs=None, installation=None, session=None):
        VTKObservationMixin.__init__(self)
        self._uiWidget, self.ui, self.logic = uiWidget, ui, logic
        settings = settings or MachineSettings()
        dialogs = dialogs or Dialogs(uiWidget)
        self._installation = installation or Installation(settings, dialogs.confirm)
        self.session = session or Session(logic, settings, dialogs)
        self._gui = None  # the connection between the parameter node and the widgets
        self._observed = None
        logic.comparison.registerLayouts()  # scenes saved with one of our layouts must load
        self.inputs = Inputs(ui, self.session)
        self.compare = Compare(ui, self.session)
        self.runBar = RunBar(ui, self.session, self.inputs, self.compare)
        self.variants = Variants(ui, self.session, self.inputs.whyNot)
        self.plots = PlotChoice(ui, self.session, lambda: self.compare.show("three"))
        self.regions = Regions(ui, self.session, self.plots)
        self.measure = Measure(ui, self.session, self.plots, self.install, self.regions.toMeasure)
        self.export = Export(ui, self.session)
        self.exportDICOM = ExportDICOM(ui, self.session)
        self.batch = BatchSection(ui, self.session)
        self.advanced = Advanced(ui, self.session, self.renewSetup)
        self.method = Method(
            ui,
            self.session,
            slices=self.inputs.slices,
            installPackage=self.install,
            importWeights=self.advanced.importWeights,
            strengthChanged=self._onStrength,
        )
        self.perception = Perception(ui, self.session, self.inputs.whyNot)
        self.warming = Warming(self.session, self.inputs.whyNot)
        self._guard = SceneGuard(
            self.setParameters,
            self.logic.getParameterNode,
            (*self.inputs.selectors, *self.compare.selectors, *self.regions.selectors),
            lambda: self.session.isEntered,
        )
        self._later = qt.QTimer()  # many changes of the parameter node, one refresh
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.connect("timeout()", self.session.changed.emit)
        self.session.readSetup()

    # coming and going

    def enter(self):
        """The module is opened."""
        self.session.isEntered = True
        self.setParameters(self.logic.getParameterNode())
        self.session.readSetup()
        if not self.session.setup.confirmed:
            self._askWorker()

    def exit(self):
        """Another module is opened: the user's layout comes back; a run goes on."""
        self.session.isEntered = False
        self._disconnectGui()
        self.logic.comparison.leave()
        self.regions.stop()

    def cleanup(self):
        """The widget ends: the application closes, or the module is reloaded."""
        self.session.isEntered = False
        self.perception.stop()
        self.warming.stop()
        self.regions.stop()
        self.batch.stop()
        self.session.cancel()
        self.setParameters(None)
        self._later.stop()
        self._guard.release()
        self.logic.comparison.leave()
        for section in (self.compare, self.variants, self.export):  # the comparison outlives the widgets
            self.logic.comparison.modeChanged.disconnect(section.refresh)
        self.session.close()
        self.logic.shutdown()

    def setParameters(self, parameters):
        """Another parameter node, or None while the scene changes."""
        self._disconnectGui()
        self.session.parameters = parameters
        if parameters is not None:
            self.inputs.propose()
            self._gui = parameters.connectGui(self.ui)
            self._observed = parameters.parameterNode
            self.addObserver(self._observed, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
        self.session.changed.emit()

    def _disconnectGui(self):
        if self._gui is not None:
            self.session.parameters.disconnectGui(self._gui)
            self._gui = None
        if self._observed is not None:
            self.removeObserver(self._observed, vtk.vtkCommand.ModifiedEvent, self._onParametersModified)
            self._observed = None

    def _onParametersModified(self, caller, event):
        self._later.start()

    def _onStrength(self, strength):
        output = self.session.output
        if output is None or self.session.job is not None:
            return
        if self.session.attempt(lambda: self.logic.setStrength(output, strength)) is False:
            self.session.say(_("This result cannot be mixed again; the strength takes effect with the next run."))

    # set-up

    def renewSetup(self):
        """Looks again at what is installed, and asks a new worker."""
        self.session.readSetup()
        self._askWorker()

    def _askWorker(self):
        """The worker has really tried; it starts in the background and is then warm for the first run."""
        if not slicer.app.testingEnabled():
            self.logic.state(callback=self.session.refineSetup).failed.connect(self.session.log)

    def install(self, package):
        """Installs "torch", "skimage" or "matplotlib" with the user's consent."""
        if self.session.job is not None:
            return
        self.session.complain("")
        names = {"torch": "installTorch", "skimage": "installScikitImage", "matplotlib": "installMatplotlib"}
        self._installed(self.session.attempt(getattr(self._installation, names[package])))

    def resumeInstallation(self):
        """Goes on after a restart of Slicer."""
        self._installed(self.session.attempt(self._installation.resumeAfterRestart))

    def _installed(self, outcome):
        if outcome == INSTALLED:
            self.logic.shutdown()  # it looked before the package was there
            self.renewSetup()
        texts = {
            INSTALLED: _("Installed. What needed it is ready."),
            DECLINED: _("Nothing was installed. The classical methods work without it."),
            LATER: _("The installation goes on when Slicer is started again."),
        }
        if outcome in texts:
            self.session.say(texts[outcome])
