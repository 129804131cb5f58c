"""Slicer's Data Probe keeps slice views by name, also after they were destroyed."""

from __future__ import annotations

import slicer
from view_cases import case


def test_views_that_are_made_again_are_known_to_the_data_probe(ct, comparison, host):
    volumes = case(ct)
    for _visit in range(2):
        comparison.showThree(volumes.before, volumes.after, volumes.difference)
        host.settle()
        comparison.showWipe(volumes.before, volumes.after)  # a view of another name makes the Data Probe write them all
        host.settle()
        slicer.modules.DataProbeInstance.infoWidget.sliceAnnotations.updateSliceViewFromGUI()
        comparison.leave()
        host.settle()
    assert host.errors == []


def test_the_comparison_needs_no_data_probe(ct, comparison, host, monkeypatch):
    monkeypatch.delattr(slicer.modules, "DataProbeInstance")
    volumes = case(ct)
    comparison.showThree(volumes.before, volumes.after, volumes.difference)
    comparison.leave()
    assert comparison.mode is None
