"""The console's logic: comparing, measuring, simulating, without a widget; and with the real worker."""

# ruff: noqa: F811  (fixtures are imported by their name)

import json
import sys

import numpy as np
import pytest
import slicer
from jobs_setup import Ends, ended, logic, nodeIDs, temporary, worker  # noqa: F401
from LDCTDenoisePanel.measure.job import documentOf
from LDCTDenoisePanel.user_error import UserError
from measure_setup import roi, world

voxels = slicer.util.arrayFromVolume


@pytest.fixture(scope="module")
def realWorker(host):
    from LDCTDenoisePanel.worker import Worker

    made = Worker()
    yield made
    made.shutdown()
    assert host.waitUntil(lambda: not made.isStarted, 5)


@pytest.fixture
def real(realWorker):
    from LDCTDenoisePanel.logic import ConsoleLogic

    return ConsoleLogic(realWorker)


# compare


def test_several_methods_give_several_volumes_in_their_order(ct, logic):
    volume = ct.volume()
    outputs = logic.compare(volume, ["add10", "notice", "add10"])
    assert [output.GetAttribute("LDCTDenoise.model") for output in outputs] == ["add10", "notice"]
    assert all((voxels(output) == voxels(volume) + 10).all() for output in outputs)


def test_a_method_that_fails_is_told_and_the_others_go_on(host, ct, logic):
    job = logic.compare(ct.volume(), ["crash", "error", "add10"], waitForCompletion=False)
    ends = Ends(job)
    ended(host, job)
    assert ends.name == "finished" and len(job.result) == 1
    assert list(job.problems) == ["crash", "error"]
    assert ends.notices[1] == "error: The weights are not here: import them."
    fractions = [fraction for fraction, _text in ends.progress]
    assert fractions == sorted(fractions)


def test_a_comparison_fails_only_if_all_methods_do(ct, logic):
    before = nodeIDs()
    with pytest.raises(UserError, match="weights are not here"):
        logic.compare(ct.volume(), ["error"])
    with pytest.raises(UserError, match="No methods"):
        logic.compare(ct.volume(), [])
    assert len(nodeIDs() - before) == 4  # two volumes with their display nodes


def test_a_cancelled_comparison_keeps_what_is_complete(host, ct, logic, temporary):
    job = logic.compare(ct.volume(), ["add10", "forever"], waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: any(text.startswith("forever: Denoising") for _f, text in ends.progress))
    job.cancel()
    ended(host, job, 3)
    assert ends.name == "cancelled" and len(job.volumes) == 1 and job.volumes[0].GetScene() is not None
    assert not list(temporary.glob(".ldct-*.part"))


def test_the_input_of_a_comparison_may_be_removed(host, ct, logic):
    volume = ct.volume()
    job = logic.compare(volume, ["forever", "add10"], waitForCompletion=False)
    ends = Ends(job)
    assert host.waitUntil(lambda: ends.progress)
    slicer.mrmlScene.RemoveNode(volume)
    ended(host, job, 3)
    assert ends.name == "failed" and "CT was removed" in job.error


# measure


def column(table, name):
    values = table.GetTable().GetColumnByName(name)
    return [values.GetValue(i) for i in range(values.GetNumberOfValues())]


def test_figures_come_as_a_table(ct, logic, temporary):
    before, after = ct.volume(), ct.volume("Denoised", noise=5)
    table = logic.measure(before, after)
    names = [table.GetTable().GetColumnName(i) for i in range(table.GetTable().GetNumberOfColumns())]
    assert names == ["Quantity", "Before", "After", "Change", "Unit"]
    assert column(table, "Quantity") == ["Noise level", "Shift, soft tissue", "Shift, fat"]
    assert column(table, "Before") == ["21.3 ± 0.5", "", ""]
    assert column(table, "After") == ["9.8 ± 0.2", "−0.3", "1.2 ± 0.1"]
    assert column(table, "Change") == ["−54 %", "", ""] and column(table, "Unit") == ["HU", "HU", "HU"]
    kept = json.loads(table.GetAttribute("LDCTDenoise.record"))
    assert kept["figures"][0] == {"image": "input", "key": "noise", "value": 21.34, "error": 0.5}
    assert table.GetAttribute("LDCTDenoise.slices") == "2 of 8"
    assert table.GetName() == "Denoised figures" and not list(temporary.glob(".ldct-*.part"))


def test_a_table_that_is_shown_is_renewed(ct, logic, scene):
    before, after = ct.volume(), ct.volume("Denoised")
    table = scene.AddNewNodeByClass("vtkMRMLTableNode", "My figures")
    count = scene.GetNumberOfNodesByClass("vtkMRMLTableNode")
    assert logic.measure(before, after, table=table) is table
    assert table.GetName() == "My figures" and table.GetNumberOfRows() == 3
    assert scene.GetNumberOfNodesByClass("vtkMRMLTableNode") == count


def test_volumes_that_cannot_be_compared_are_refused(ct, logic):
    volume = ct.volume()
    with pytest.raises(UserError, match="different sizes"):
        logic.measure(volume, ct.volume("Small", shape=(2, 3, 4)))
    with pytest.raises(UserError, match="different sizes"):
        logic.measure(volume, ct.volume("Other"), ct.volume("Small", shape=(2, 3, 4)))
    with pytest.raises(UserError, match="No volume is chosen"):
        logic.measure(volume, None)


# the rest


def test_state_and_import_need_no_volume(host, scene, logic):
    heard = []
    assert logic.state(waitForCompletion=True, callback=heard.append)["models"] == [{"id": "add10"}]
    assert len(heard) == 1
    assert logic.state().wait()["models"]


def test_a_low_dose_volume_is_named_after_its_dose(ct, logic):
    volume = ct.oblique()
    low = logic.simulateLowDose(volume, 0.25, seed=3)
    assert low.GetName() == "Oblique CT at 25 % dose" and (voxels(low) == voxels(volume) + 10).all()
    assert low.GetAttribute("LDCTDenoise.simulated") == "0.25"
    with pytest.raises(UserError, match="dose must lie between"):
        logic.simulateLowDose(volume, 1)


def test_no_widget_is_needed_and_no_layout_is_touched(host, ct, logic, monkeypatch):
    asked = []

    def watched(name):
        original = getattr(type(host.app), name)

        def ask(app):
            asked.extend(file for file in [sys._getframe(1).f_code.co_filename] if "LDCTDenoisePanel" in file)
            return original(app)

        monkeypatch.setattr(type(host.app), name, ask)

    watched("layoutManager")
    watched("mainWindow")
    layout = host.app.layoutManager().layout
    volume = ct.volume()
    output = logic.denoise(volume, "add10", previewSlice=2)
    logic.setStrength(output, 0.5)
    logic.measure(volume, output)
    logic.compare(volume, ["add10"])
    assert asked == [] and host.app.layoutManager().layout == layout


def test_shutdown_ends_the_process_and_the_next_call_starts_another(host, ct, logic):
    first = logic.state(waitForCompletion=True)["pid"]
    logic.shutdown()
    assert logic.state(waitForCompletion=True)["pid"] != first


# with the library


def test_a_real_method_lowers_the_noise_and_keeps_the_place(ct, real):
    volume = ct.oblique()
    output = real.denoise(volume, "gaussian")
    assert output.GetName() == "Oblique CT Gaussian smoothing"
    block = voxels(volume)[:, 44:52, 44:52], voxels(output)[:, 44:52, 44:52]
    assert block[1].std() < 0.8 * block[0].std()
    assert json.loads(output.GetAttribute("LDCTDenoise.record"))["slices"] == [0, 8]


@pytest.mark.parametrize("kind", ["volume", "oblique", "flipped"])
def test_a_preview_has_the_very_voxels_of_the_whole(ct, real, kind):
    volume = getattr(ct, kind)()
    whole = voxels(real.denoise(volume, "median"))
    for index in (0, 5, 7):
        assert (voxels(real.previewSlice(volume, index, "median"))[0] == whole[index]).all()


def test_padding_is_known_to_a_preview_too(ct, real):
    array = np.full((6, 64, 64), -3024, np.int16)
    array[:5, 16:48, 16:48] = np.random.default_rng(0).normal(40, 20, (5, 32, 32))
    volume = ct.volume(array=array)
    whole = voxels(real.denoise(volume, "gaussian"))
    assert (whole[array == -3024] == -3024).all()
    for index in (2, 5):
        assert (voxels(real.previewSlice(volume, index, "gaussian"))[0] == whole[index]).all()


def test_methods_that_do_not_draw_are_asked_once_in_a_comparison(ct, real):
    assert len(real.compare(ct.volume(), ["gaussian", "median"], draws=4)) == 2


def test_an_unknown_method_is_told_with_its_neighbours(ct, real):
    with pytest.raises(UserError, match="did you mean gaussian"):
        real.denoise(ct.volume(), "gausian")


def test_the_library_measures_what_was_denoised(ct, real):
    volume = ct.volume(shape=(4, 256, 256))
    table = real.measure(volume, real.denoise(volume, "gaussian"))
    assert column(table, "Quantity")[0] == "Noise level"
    figures = {(each["image"], each["key"]): each["value"] for each in documentOf(table)["figures"]}
    assert figures["after", "noise"] < 0.7 * figures["input", "noise"]
    charts = real.plots(table)
    assert {"nps", "shift"} <= set(charts) and charts["nps"].GetNumberOfPlotSeriesNodes() == 2
    assert charts["nps"].GetTitle() == "Noise power spectrum: CT Gaussian smoothing"


def test_noise_can_be_measured_in_a_region_of_the_user(ct, real):
    calm, noisy = (
        np.random.default_rng(0).normal(40, 5, (4, 96, 96)),
        np.random.default_rng(1).normal(40, 25, (4, 96, 96)),
    )
    volume = ct.oblique(array=np.where(np.arange(96) < 48, calm, noisy).astype(np.int16))
    a, b = (roi(world(volume, (column, 48, 2)), (28, 40, 8), (15, 0, 10)) for column in (24, 72))
    for region, noise in ((a, 5), (b, 25)):
        document = documentOf(real.measure(volume, volume, regions=[(region, ""), (a, "")]))
        assert document["rois"]["origin"] == "user"
        found = {(each["image"], each["key"]): each["value"] for each in document["figures"]}
        assert found["input", "nps_noise"] == pytest.approx(noise, rel=0.1)
    with pytest.raises(UserError, match="outside the volume"):
        real.measure(volume, volume, regions=[(roi((900, 0, 0), (9, 9, 9)), "")])


def test_a_report_is_one_page_for_research_use(ct, real, tmp_path):
    volume = ct.volume(shape=(4, 128, 128))
    file = tmp_path / "Bericht ä.html"
    assert real.report(volume, real.denoise(volume, "gaussian"), file) == file
    page = file.read_text(encoding="utf-8")
    assert "For research use only. Not for diagnosis." in page and "Gaussian smoothing, 100 %" in page
    with pytest.raises(UserError, match=r"let it end with \.html"):
        real.report(volume, volume, tmp_path / "report.txt")


def test_figures_are_written_as_csv_or_json(ct, logic, tmp_path):
    table = logic.measure(ct.volume(), ct.volume("Denoised"))
    logic.exportFigures(table, tmp_path / "figures.csv")
    lines = (tmp_path / "figures.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["image,key,value,error,unit", "input,noise,21.34,0.5,HU"]
    logic.exportFigures(table, tmp_path / "figures.json")
    logic.exportFigures(table, tmp_path / "figures.json")  # whoever chose the name was asked
    assert (
        json.loads((tmp_path / "figures.json").read_text(encoding="utf-8"))["figures"] == documentOf(table)["figures"]
    )
    with pytest.raises(UserError, match=r"saved as \.csv or \.json"):
        logic.exportFigures(table, tmp_path / "figures.txt")
    with pytest.raises(UserError, match="measure first"):
        logic.exportFigures(slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTableNode"), tmp_path / "figures.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError):
        logic.exportFigures(table, tmp_path / "file" / "figures.csv")


def test_the_worker_is_told_what_made_the_result(ct, logic):
    before = ct.volume()
    after = logic.denoise(before, "add10")
    document = documentOf(logic.measure(before, after, before))
    assert document["asked"]["names"] == {"before": "CT", "after": "add10, 100 %", "reference": "CT"}
    assert document["asked"]["record"]["model"] == "add10"


def test_a_volume_with_nan_is_refused_in_a_sentence(ct, real):
    array = np.zeros((2, 8, 8), np.float32)
    array[0, 0, 0] = np.nan
    with pytest.raises(UserError, match="not finite"):
        real.denoise(ct.volume(array=array), "gaussian")


def test_the_difference_refers_to_both_volumes_and_is_made_once(host, ct, logic):
    volume = ct.shown(ct.volume())
    output = logic.denoise(volume, "add10")
    difference = logic.difference(volume, output)
    assert (voxels(difference) == 10).all()
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    logic.showComparison(volume, output)
    host.settle()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == count
    assert logic.comparison.mode == "three" and logic.comparison.volumes[2] is difference
    logic.comparison.leave()
    host.settle()
