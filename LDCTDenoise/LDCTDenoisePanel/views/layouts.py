"""Our view layouts: three side by side, with or without a plot, a single one, and grids of two to six variants."""

from dataclasses import dataclass

import qt
import slicer

THREE = 5707  # numbers are stored in scenes: never give one another meaning
SINGLE = 5708
THREE_AND_PLOT = 5709
FIRST_VARIANTS = 5720  # 5722 … 5726: two to six variants
MOST_VARIANTS = 6
VIEW_GROUP = 57
LETTERS = "ABCDEF"


@dataclass(frozen=True)
class View:
    """One slice view: its tag, the one or two letters that fit into its bar, and its colour."""

    tag: str
    letters: str
    colour: str


BEFORE = View("LDCTBefore", "B", "#F34A33")
AFTER = View("LDCTAfter", "A", "#6EB04B")
DIFFERENCE = View("LDCTDifference", "D", "#EDD54C")
SINGLE_VIEW = View("LDCTSingle", "S", "#5B9BD5")
# Okabe and Ito's colours, which colour-blind eyes tell apart too
_VARIANT_COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#0072B2", "#D55E00")
VARIANTS = tuple(
    View(f"LDCTVariant{number + 1}", LETTERS[number], _VARIANT_COLOURS[number]) for number in range(MOST_VARIANTS)
)
PLOT_TAG = "LDCTPlot"
_SHARES = 640, 360  # of the height: slice views and plot; without them the plot would be squeezed to nothing
_COLUMNS = {2: 2, 3: 3, 4: 2, 5: 3, 6: 3}


def rowsOf(layoutId):
    """The slice views of one of our layouts, row by row: a list of lists of `View`."""
    if layoutId in (THREE, THREE_AND_PLOT):
        return [[BEFORE, AFTER, DIFFERENCE]]
    if layoutId == SINGLE:
        return [[SINGLE_VIEW]]
    count = layoutId - FIRST_VARIANTS
    return [list(VARIANTS[first : min(first + _COLUMNS[count], count)]) for first in range(0, count, _COLUMNS[count])]


def ourLayouts():
    """The numbers of all our layouts."""
    return [THREE, SINGLE, THREE_AND_PLOT, *(FIRST_VARIANTS + count for count in _COLUMNS)]


def ourTags():
    """The tags of all our slice views, whether they exist now or not."""
    return [view.tag for view in (BEFORE, AFTER, DIFFERENCE, SINGLE_VIEW, *VARIANTS)]


def registerLayouts():
    """Makes the layouts known, so that a scene saved with one of them loads. May be called again and again."""
    node = layoutNode()
    if node is None:
        return
    for layoutId in ourLayouts():
        if not node.IsLayoutDescription(layoutId):
            node.AddLayoutDescription(layoutId, _description(layoutId))
        elif node.GetLayoutDescription(layoutId) != _description(layoutId):
            node.SetLayoutDescription(layoutId, _description(layoutId))


def layoutNode():
    """The node that knows which layout is up; None where Slicer runs without a window."""
    manager = slicer.app.layoutManager()
    return manager.layoutLogic().GetLayoutNode() if manager is not None else None


def ourLayoutIsUp():
    """Whether the layout that is shown now is one of ours."""
    manager = slicer.app.layoutManager()
    return manager is not None and manager.layout in ourLayouts()


def enterLayout(layoutId):
    """Shows one of our layouts and gives its slice widgets, row by row, at their real size."""
    registerLayouts()
    manager = slicer.app.layoutManager()
    manager.setLayout(layoutId)
    layoutNode().RemoveAllMaximizedViewNodes()  # setLayout leaves them alone where this layout is up already
    # until then the views have a wrong size, and what is fitted to it is cut off; a second click has to wait
    slicer.app.processEvents(qt.QEventLoop.ExcludeUserInputEvents)
    return [manager.sliceWidget(view.tag) for row in rowsOf(layoutId) for view in row]


def maximizedViews():
    """The nodes of the user's views that fill the window alone, as a double click makes them."""
    node = layoutNode()
    found = [node.GetMaximizedViewNode(index) for index in range(node.GetNumberOfMaximizedViewNodes())]
    return [view for view in found if view is not None and view.GetLayoutName() not in ourTags()]


def currentSliceNodes():
    """The slice nodes of the layout that is up now (`sliceViewNames()` would name all that ever existed)."""
    manager = slicer.app.layoutManager()
    views = manager.layoutLogic().GetViewNodes() if manager is not None else None
    nodes = [views.GetItemAsObject(index) for index in range(views.GetNumberOfItems() if views else 0)]
    return [node for node in nodes if node and node.IsA("vtkMRMLSliceNode")]


def removeViews(tags):
    """Takes our slice views out of the scene, with everything that Slicer made for them."""
    scene, manager = slicer.mrmlScene, slicer.app.layoutManager()
    for tag in tags:
        doomed = [scene.GetSingletonNode(tag, kind) for kind in ("vtkMRMLSliceNode", "vtkMRMLSliceCompositeNode")]
        widget = manager.sliceWidget(tag)
        if widget is not None:
            plane = widget.sliceLogic().GetSliceModelNode()
            if plane is not None:
                doomed += [plane, plane.GetDisplayNode(), plane.GetParentTransformNode()]
            widget = None  # it goes with its node
        for each in doomed:
            if each is not None and each.GetScene() is not None:
                scene.RemoveNode(each)
    _letDataProbeForget(tags)


def _letDataProbeForget(tags):
    """The Data Probe keeps views by name: of one that is made again it would go on writing to the destroyed one."""
    try:
        known = slicer.modules.DataProbeInstance.infoWidget.sliceAnnotations.sliceViewNames
    except AttributeError:  # no Data Probe here
        return
    known[:] = [name for name in known if name not in tags]


def _description(layoutId):
    hasPlot = layoutId == THREE_AND_PLOT
    share = f' splitSize="{_SHARES[0]}"' if hasPlot else ""
    rows = "".join(
        f'<item{share}><layout type="horizontal" split="true">{"".join(map(_view, row))}</layout></item>'
        for row in rowsOf(layoutId)
    )
    return f'<layout type="vertical" split="true">{rows}{_plot() if hasPlot else ""}</layout>'


def _plot():
    label = '<property name="viewlabel" action="default">P</property>'
    view = f'<view class="vtkMRMLPlotViewNode" singletontag="{PLOT_TAG}">{label}</view>'
    return f'<item splitSize="{_SHARES[1]}">{view}</item>'


def _view(view):
    # An orientation is needed, or the patient is mirrored; "default" as the action, or label and colour are ignored.
    properties = {
        "orientation": "Axial",
        "viewlabel": view.letters,
        "viewcolor": view.colour,
        "viewgroup": VIEW_GROUP,
    }
    inside = "".join(
        f'<property name="{name}" action="default">{value}</property>' for name, value in properties.items()
    )
    return f'<item><view class="vtkMRMLSliceNode" singletontag="{view.tag}">{inside}</view></item>'
