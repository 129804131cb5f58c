"""Puts the stand-ins of the qMRML widgets on Slicer's `slicer` package."""

from . import ctk


def install(slicer) -> None:
    """`slicer.qMRMLNodeComboBox` and its like. Calling it again changes nothing."""
    ctk.install()
    from . import qmrml_checkable_combo_box, qmrml_node_combo_box, qmrml_widgets  # they need the attributes of qt

    for part in (qmrml_widgets, qmrml_node_combo_box, qmrml_checkable_combo_box):
        for name, value in vars(part).items():
            if name.startswith(("qMRML", "qSlicer")):
                setattr(slicer, name, value)


def crash_at_exit() -> list:
    """Node selectors that would crash Slicer when it ends: they have a scene and no parent."""
    from PySide6.QtWidgets import QApplication

    from .qmrml_node_combo_box import qMRMLNodeComboBox

    widgets = [w for w in QApplication.allWidgets() if isinstance(w, qMRMLNodeComboBox)]
    return [w for w in widgets if w.parentWidget() is None and w.mrmlScene() is not None]
