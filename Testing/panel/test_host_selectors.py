"""The tests' qMRML widgets surprise as Slicer's do, and its loader of .ui files lets no mistake pass."""

import pytest
import qt
import slicer

from Testing.host import qmrml
from Testing.host.ui_xml import UiError

VOLUME = "vtkMRMLScalarVolumeNode"


@pytest.fixture
def parent():
    """Selectors need a parent: without one Slicer crashes when it ends."""
    return qt.QWidget()


@pytest.fixture
def selector(parent, scene):
    def make(*, withScene=True, **properties):
        combo = slicer.qMRMLNodeComboBox(parent)
        combo.nodeTypes = [VOLUME]
        for name, value in properties.items():
            setattr(combo, name, value)
        if withScene:
            combo.setMRMLScene(scene)
        return combo

    yield make
    for combo in parent.findChildren(slicer.qMRMLNodeComboBox):
        combo.setMRMLScene(None)


def volumes(scene, *names):
    return [scene.AddNewNodeByClass(VOLUME, name) for name in names]


def name_of(node):
    return node.GetName() if node is not None else None


def test_a_selector_without_none_selects_the_first_node_by_itself(scene, selector):
    volumes(scene, "a", "b")
    assert name_of(selector().currentNode()) == "a"
    assert selector(noneEnabled=True).currentNode() is None


def test_a_selector_is_disabled_until_it_has_a_scene_and_remembers_the_wish(scene, selector):
    _, b = volumes(scene, "a", "b")
    combo = selector(withScene=False, noneEnabled=True)
    assert combo.enabled is False
    combo.setCurrentNode(b)
    combo.setMRMLScene(scene)
    assert combo.enabled is True and combo.currentNode() is b and combo.currentNodeID == b.GetID()
    combo.setMRMLScene(None)
    assert combo.enabled is False and combo.currentNode() is None


def test_removing_the_selected_node_makes_the_selector_jump_to_another(scene, selector):
    _, b = volumes(scene, "a", "b")
    combo, seen = selector(noneEnabled=True), []
    combo.setCurrentNode(b)
    combo.connect("currentNodeChanged(vtkMRMLNode*)", lambda node: seen.append(name_of(node)))
    scene.RemoveNode(b)
    assert name_of(combo.currentNode()) == "a" and seen == ["a"]


def test_a_guard_with_priority_can_deselect_the_node_before_the_jump(scene, selector):
    _, b = volumes(scene, "a", "b")
    combo = selector(noneEnabled=True)
    combo.setCurrentNode(b)
    tag = scene.AddObserver(scene.NodeAboutToBeRemovedEvent, lambda *_: combo.setCurrentNode(None), 10.0)
    scene.RemoveNode(b)
    scene.RemoveObserver(tag)
    assert combo.currentNode() is None


def test_after_a_scene_was_loaded_the_selector_is_empty(scene, selector, tmp_path):
    (a,) = volumes(scene, "a")
    combo = selector(noneEnabled=True)
    combo.setCurrentNode(a)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    scene.Connect()
    assert [name_of(combo.nodeFromIndex(i)) for i in range(combo.nodeCount())] == ["a"]
    assert combo.currentNode() is None


def test_importing_more_nodes_loses_the_selection_and_adds_rows_at_the_end(scene, selector, tmp_path):
    (a,) = volumes(scene, "a")
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Commit()
    combo, seen = selector(noneEnabled=True), []
    combo.setCurrentNode(a)
    combo.connect("nodeAdded(vtkMRMLNode*)", lambda node: seen.append(scene.IsImporting()))
    scene.Import()
    assert combo.currentNode() is None and combo.nodeCount() == 2 and not any(seen)


def test_closing_the_scene_selects_nothing_and_says_so(scene, selector):
    (a,) = volumes(scene, "a")
    combo, seen = selector(noneEnabled=True), []
    combo.setCurrentNode(a)
    combo.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    scene.Clear(0)
    assert combo.currentNode() is None and seen and set(seen) == {None}


def test_renaming_the_selected_node_emits_the_same_node_again(scene, selector):
    (a,) = volumes(scene, "a")
    combo, seen = selector(), []
    combo.connect("currentNodeChanged(vtkMRMLNode*)", seen.append)
    a.SetName("renamed")
    assert seen == [a]


def test_hidden_nodes_other_types_and_other_attributes_are_not_offered(scene, selector):
    a, b = volumes(scene, "a", "b")
    scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    scene.AddNewNodeByClass("vtkMRMLModelNode", "model")
    combo = selector(showChildNodeTypes=False)
    assert combo.nodeCount() == 2 and selector().nodeCount() == 3
    b.SetHideFromEditors(True)
    assert combo.nodeCount() == 1
    combo.showHidden = True
    combo.addAttribute(VOLUME, "LDCTDenoise.model", "nlm")
    assert combo.nodeCount() == 0
    a.SetAttribute("LDCTDenoise.model", "nlm")
    assert combo.nodeCount() == 1


def test_create_new_volume_makes_one_and_selects_it(scene, selector):
    combo, seen = selector(noneEnabled=True, baseName="Denoised"), []
    combo.connect("nodeAddedByUser(vtkMRMLNode*)", seen.append)
    node = combo.addNode()
    assert seen == [node] and combo.currentNode() is node and node.GetName() == "Denoised"


def test_every_signal_of_the_selector_is_known_by_its_cpp_signature(selector):
    combo = selector()
    for signature in ("currentNodeChanged(vtkMRMLNode*)", "currentNodeChanged(bool)", "currentNodeIDChanged(QString)"):
        assert combo.connect(signature, lambda value: None) is True


def test_an_unparented_selector_with_a_scene_is_found(scene, selector):
    selector()
    assert qmrml.crash_at_exit() == []
    alone = slicer.qMRMLNodeComboBox()
    alone.setMRMLScene(scene)
    assert qmrml.crash_at_exit() == [alone]
    alone.setMRMLScene(None)


def test_a_destroyed_selector_no_longer_hears_the_scene(scene):
    holder = qt.QWidget()
    combo = slicer.qMRMLNodeComboBox(holder)
    combo.nodeTypes = [VOLUME]
    combo.setMRMLScene(scene)
    had = scene.HasObserver(scene.EndImportEvent)
    holder.delete()
    del combo
    volumes(scene, "a")
    scene.Clear(0)
    assert had


def test_a_table_view_shows_a_table_node_and_follows_it(scene):
    import vtk

    table, column = scene.AddNewNodeByClass("vtkMRMLTableNode"), vtk.vtkStringArray()
    column.SetName("Quantity")
    column.InsertNextValue("Noise level")
    table.AddColumn(column)
    view = slicer.qMRMLTableView()
    view.setMRMLTableNode(table)
    assert view.model().rowCount() == 1
    column.InsertNextValue("HU shift")
    table.GetTable().Modified()
    table.Modified()
    assert view.model().rowCount() == 2
    view.setMRMLTableNode(None)


# .ui files
FORM = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0">
 <class>Form</class>
 <widget class="qMRMLWidget" name="Form">
  <layout class="QVBoxLayout" name="column">
   <item>
    <widget class="ctkCollapsibleButton" name="section">
     <property name="text"><string>Inputs</string></property>
     <property name="collapsed"><bool>true</bool></property>
     <layout class="QFormLayout" name="rows">
      <item row="0" column="0"><widget class="QLabel" name="label">
       <property name="alignment"><set>Qt::AlignRight|Qt::AlignVCenter</set></property>
       <property name="buddy"><cstring>inputSelector</cstring></property>
      </widget></item>
      <item row="0" column="1"><widget class="qMRMLNodeComboBox" name="inputSelector">
       <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist></property>
       <property name="SlicerParameterName" stdset="0"><string>inputVolume</string></property>
      </widget></item>
      <item row="1" column="1"><widget class="ctkSliderWidget" name="slider">
       <property name="maximum"><double>1.0</double></property>
       <property name="value"><double>0.25</double></property>
      </widget></item>
      <item row="2" column="1"><widget class="QPushButton" name="button">
       <property name="checkable"><bool>true</bool></property>
      </widget></item>
     </layout>
    </widget>
   </item>
  </layout>
 </widget>
 <connections>
  <connection><sender>Form</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
   <receiver>inputSelector</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection>
  <connection><sender>button</sender><signal>toggled(bool)</signal>
   <receiver>slider</receiver><slot>setEnabled(bool)</slot></connection>
 </connections>
</ui>"""


@pytest.fixture
def load(tmp_path):
    def load(*change):
        file = tmp_path / "Form.ui"
        file.write_text(FORM.replace(*change) if change else FORM, encoding="utf-8")
        return slicer.util.loadUI(str(file))

    return load


def test_a_form_has_its_widgets_values_and_connections(scene, load):
    form = load()
    ui = slicer.util.childWidgetVariables(form)
    assert type(ui.button) is qt.QPushButton and ui.section.collapsed and ui.slider.value == 0.25
    assert ui.label.alignment == qt.Qt.AlignRight | qt.Qt.AlignVCenter and ui.inputSelector.nodeTypes == (VOLUME,)
    assert ui.inputSelector.property("SlicerParameterName") == "inputVolume"
    form.setMRMLScene(scene)
    assert ui.inputSelector.mrmlScene() is scene
    ui.button.checked = True
    ui.button.checked = False
    assert ui.slider.enabled is False
    form.setMRMLScene(None)
    assert ui.inputSelector.mrmlScene() is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (('"ctkSliderWidget"', '"ctkSlidrWidget"'), "line 19: unknown widget class 'ctkSlidrWidget'"),
        (('name="collapsed"', 'name="colapsed"'), "line 9: ctkCollapsibleButton has no property 'colapsed'"),
        (('name="checkable"', 'name="chekable"'), "line 24: QPushButton has no property 'chekable'"),
        (("Qt::AlignRight|", "Qt::AlignRigth|"), "line 12: 'Qt::AlignRigth' is no enum value"),
        (
            ('"SlicerParameterName"', '"SlicerParamterName"'),
            "line 17: 'SlicerParamterName' is none of Slicer's properties",
        ),
        (
            ("<bool>true</bool></property>\n      </w", "<string>yes</string></property>\n      </w"),
            "is a bool, not a <string>",
        ),
        (("<cstring>inputSelector", "<cstring>inputSelektor"), "line 13: there is no object 'inputSelektor'"),
        (
            ("mrmlSceneChanged(", "mrmlSceneChangd("),
            "line 32: qMRMLWidget has no signal 'mrmlSceneChangd(vtkMRMLScene*)'",
        ),
        (("setEnabled(bool)", "setEnabld(bool)"), "ctkSliderWidget has no slot 'setEnabld(bool)'"),
        (("<receiver>slider", "<receiver>slidr"), "there is no object 'slidr'"),
        (('name="button"', 'name="slider"'), "the name 'slider' is used twice"),
        (("</ui>", ""), "not well-formed XML"),
    ],
)
def test_a_mistake_in_a_form_is_refused_with_its_line(load, change, sentence):
    assert change[0] in FORM
    with pytest.raises(UiError) as refused:
        load(*change)
    assert sentence in str(refused.value) and "Form.ui" in str(refused.value)
