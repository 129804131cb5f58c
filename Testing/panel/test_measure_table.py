"""Figures as rows of text."""

from __future__ import annotations

import vtk
from LDCTDenoisePanel.measure.table import COLUMNS, afterOf, numberText, renewTable, rowsOf
from measured_document import document, figure


def rows(made):
    return {row["quantity"]: row for row in rowsOf(made)}


def texts(table):
    return {
        table.GetColumnName(c): [table.GetValue(r, c).ToString() for r in range(table.GetNumberOfRows())]
        for c in range(table.GetNumberOfColumns())
    }


def test_what_was_not_measured_has_no_row_and_the_order_is_that_of_the_definitions():
    assert list(rows(document())) == ["Noise level", "Shift, soft tissue", "Shift, fat"]


def test_errors_stand_beside_their_figures():
    row = rows(document())["Noise level"]
    assert (row["before"], row["after"], row["unit"]) == ("21.3 ± 0.5", "9.8 ± 0.2", "HU")
    assert rows(document())["Shift, soft tissue"]["after"] == "−0.3"


def test_a_change_is_a_percentage_or_a_difference_by_its_unit():
    made = rows(document(withReference=True))
    assert made["Noise level"]["change"] == "−54 %" and made["PSNR, full range"]["change"] == "+4.9 dB"
    assert made["Shift, fat"]["change"] == "", "there is nothing before"
    assert rows(document(noise=(0, 3)))["Noise level"]["change"] == ""
    assert rows(document(noise=(20, 20.01)))["Noise level"]["change"] == "0 %"


def test_the_normal_dose_gets_a_column_of_its_own_only_if_there_is_one():
    table = vtk.vtkTable()
    renewTable(table, rowsOf(document(withReference=True)))
    assert list(texts(table)) == [*COLUMNS, "Normal dose"] and texts(table)["Normal dose"][0] == "8.0 ± 0.1"
    renewTable(table, rowsOf(document()))
    assert list(texts(table)) == list(COLUMNS)
    assert texts(table)["Quantity"] == ["Noise level", "Shift, soft tissue", "Shift, fat"]


def test_columns_that_are_shown_stay_the_same_objects():
    table = vtk.vtkTable()
    renewTable(table, rowsOf(document()))
    column = table.GetColumnByName("After")
    renewTable(table, rowsOf(document(noise=(21, 5.0))))
    assert table.GetColumnByName("After") is column and column.GetValue(0) == "5.0 ± 0.2"


def test_numbers_that_are_none_or_endless():
    assert numberText(None, 1) == "" and numberText({"value": None}, 1) == ""
    assert numberText({"value": float("inf")}, 1) == "∞"
    assert numberText({"value": -0.04}, 1) == "0.0"
    assert numberText({"value": -3.25, "error": float("nan")}, 2) == "−3.25"


def test_figures_without_a_definition_are_not_lost():
    made = document()
    made["figures"].append(figure("rddm-balanced", "something_new", 3.14159))
    assert rows(made)["something_new"]["after"] == "3.14"


def test_the_result_is_the_image_that_is_neither_original_nor_reference():
    assert afterOf(document(withReference=True)) == "rddm-balanced"
    assert afterOf({"images": ["input"], "reference": None}) == "input"
