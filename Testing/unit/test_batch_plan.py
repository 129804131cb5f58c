"""What a batch is to do: checked at once, and written where nothing else lies."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path

import pytest
from batch_factory import dicom_folder, found, quick, tasks_of, tree_of
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.batch.found import FoundFile, FoundSeries
from LDCTDenoiseLib.batch.plan import FORMATS, Options, plan, record_of
from LDCTDenoiseLib.batch.space import expected_bytes, expected_of, readable
from LDCTDenoiseLib.batch.standing import differing
from LDCTDenoiseLib.batch.survey import check_tree, other_version, require_room, survey, tidy
from LDCTDenoiseLib.errors import InputError


def series(name: str = "a/series-1", kind: str = "dicom", file: str = "001.dcm", **facts) -> FoundSeries:
    return FoundSeries(f"key of {name}", name, kind, (FoundFile(Path(file), 1000, 1),), **facts)


def outputs(one: FoundSeries, format: str) -> list[str]:
    tasks, _ = plan([one], Options(("median",), format=format), Path("out"))
    return [output.as_posix() for task in tasks for _, output in task.outputs]


@pytest.mark.parametrize(
    ("format", "ending"), [("same", ""), ("dicom", ""), ("nrrd", ".nrrd"), ("nii.gz", ".nii.gz"), ("mha", ".mha")]
)
def test_a_dicom_series_goes_where_its_format_says(format: str, ending: str):
    assert outputs(series(), format) == [f"out/a/series-1_median{ending}"]


@pytest.mark.parametrize(
    ("file", "ending"),
    [("x.nrrd", ".nrrd"), ("x.NII.GZ", ".nii.gz"), ("x.nii", ".nii"), ("x.nhdr", ".nrrd"), ("x.mhd", ".mha")],
)
def test_a_volume_file_keeps_its_kind_in_one_file(file: str, ending: str):
    assert outputs(series("x", "file", file), "same") == [f"out/x_median{ending}"]


def test_a_volume_file_cannot_become_a_dicom_series():
    tasks, left = plan([series(), series("x", "file", "x.mha")], Options(("median",), format="dicom"), Path("out"))
    assert [task.series.name for task in tasks] == ["a/series-1"]
    assert [one.name for one in left] == ["x"] and "--format dicom" in left[0].why


def test_tasks_are_numbered_and_hold_all_methods():
    tasks, _ = plan([series("a"), series("b")], Options(("median", "nlm")), Path("out"))
    assert [task.number for task in tasks] == [1, 2]
    assert [model for model, _ in tasks[1].outputs] == ["median", "nlm"]
    assert pickle.loads(pickle.dumps(tasks)) == tasks


@pytest.mark.parametrize("name", ["x_median", "x_median.nrrd", "x_median.nii.gz", "x_median.MHA"])
def test_the_record_lies_beside_the_output(name: str):
    assert record_of(Path("a") / name) == Path("a/x_median.json")
    assert record_of(Path("a/x.1_median")) == Path("a/x.1_median.json")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"models": ("nonsense",)}, "no model 'nonsense'"),
        ({"strength": 2.0}, "strength must lie between"),
        ({"draws": 0}, "draws must be at least 1"),
        ({"device": "tpu"}, "no device tpu"),
        ({"steps": 4}, "leave out --steps"),
        ({"format": "png"}, "no format png"),
        ({"models": ()}, "at least one model"),
    ],
)
def test_what_can_never_work_is_refused_at_once(changes: dict, words: str):
    with pytest.raises(InputError, match=words):
        replace(quick(), **changes).check()


def test_a_model_whose_weights_are_missing_is_refused_before_anything(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("LDCTDenoiseLib.weights.store._weights_path", lambda card: Path("nowhere"))
    with pytest.raises(InputError, match="weights of rddm-fine are not here"):
        Options(("gaussian", "rddm-fine")).check()


def test_a_package_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("LDCTDenoiseLib.methods.requirements._is_there", lambda module: False)
    with pytest.raises(InputError, match="scikit-image is needed"):
        Options(("nlm",)).check()
    with pytest.raises(InputError, match="PyTorch is needed"):
        Options(("rddm-fine",)).check()


def test_each_setting_that_changes_values_is_part_of_what_is_compared():
    card = Options.card("rddm-fine")
    elsewhere = {"models", "device", "format", "overwrite", "names", "anew", "run"}
    assert {field.name for field in fields(Options)} - elsewhere <= set(Options(("rddm-fine",)).essence(card))


def test_a_tree_that_holds_the_inputs_is_no_place_for_outputs(tmp_path: Path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for bad in (tmp_path / "in", tmp_path, tmp_path / "in" / "deep" / ".."):
        with pytest.raises(InputError, match="holds the inputs"):
            check_tree(bad, tmp_path / "in", resume=False, overwrite=False)
    check_tree(tmp_path / "in" / "out", tmp_path / "in", resume=False, overwrite=False)


def test_a_file_is_no_tree(tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        check_tree(tmp_path / "out", tmp_path / "in", resume=False, overwrite=False)


def test_other_settings_are_refused_before_anything_is_done(tmp_path: Path):
    tasks = tasks_of(tree_of(tmp_path / "in", 2), quick(), tmp_path / "out")
    for task in tasks:
        work.do(task, quick())
    with pytest.raises(InputError, match=r"strength 1.0 instead of 0.5;.*for 1 more"):
        survey(tasks, quick(strength=0.5))
    assert survey(tasks, quick(strength=0.5, overwrite=True)) == []
    assert [row["status"] for row in survey(tasks, quick())] == ["already"] * 2
    assert survey(tasks, quick(anew=True, overwrite=True, run="new")) == []


def test_other_weights_are_other_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (task,) = tasks_of(tree_of(tmp_path / "in", 1), quick(), tmp_path / "out")
    work.do(task, quick())
    card = replace(Options.card("gaussian"), version="2")
    monkeypatch.setattr(Options, "card", staticmethod(lambda id: card))
    with pytest.raises(InputError, match="made with model version 1 instead of 2"):
        survey([task], quick())
    monkeypatch.undo()
    card = Options.card("rddm-fine")
    former = Options(("rddm-fine",)).essence(card) | {"checksum": "0" * 64}
    assert differing({"task": {"settings": former}}, card, Options(("rddm-fine",))) == "other weights"


def test_a_survey_reads_no_volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import LDCTDenoiseLib.batch.standing as standing

    (task,) = tasks_of(tree_of(tmp_path / "in", 1), quick(), tmp_path / "out")
    work.do(task, quick())
    (task.outputs[0][1]).touch()
    for name in ("contents", "output_contents"):
        monkeypatch.setattr(standing, name, lambda *_: pytest.fail("read"))
    assert survey([task], quick()) == []  # not sure, so left to the work itself
    monkeypatch.undo()
    assert work.do(task, quick())[0]["status"] == "already"


def test_results_of_another_version_stay_and_are_told():
    assert other_version([]) is None
    rows = [{"version": "0.0.1"}, {"version": "0.0.1"}, {"version": quick_version()}]
    assert other_version(rows).startswith("2 of the outputs were made by version 0.0.1 and stay")


def quick_version() -> str:
    from LDCTDenoiseLib.version import package_version

    return package_version()


def test_room_is_needed_only_for_what_is_to_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import shutil

    big = series("big", slices=300, rows=512, columns=512)
    tasks, _ = plan([big, replace(big, key="other", name="other")], quick(format="same"), tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Free(300 << 20))
    with pytest.raises(InputError, match=r"will need about 319 MB, 315 MB are free, and 67 MB of them are kept"):
        require_room(tasks, [], tmp_path)
    require_room(tasks, [{"key": "other", "model": "gaussian"}], tmp_path)


class Free:
    def __init__(self, free: int):
        self.free = free


def test_expected_sizes_are_those_that_files_have(tmp_path: Path):
    shape = (4, 128, 128)
    folder = dicom_folder(tmp_path / "in", 1, shape)
    for format in FORMATS[1:]:
        options = quick(format=format)
        (task,), _ = plan([found(folder, "x", shape)], options, tmp_path / format)
        work.do(task, options)
        output = task.outputs[0][1]
        size = sum(file.stat().st_size for file in output.iterdir()) if output.is_dir() else output.stat().st_size
        assert 0.5 * size < expected_of(task, output) < 2 * size, format


def test_of_an_unknown_shape_the_file_itself_tells_the_size():
    one = replace(series("x", "file", "x.mha"), slices=0)
    (task,), _ = plan([one], Options(("median",)), Path("out"))
    assert expected_of(task, task.outputs[0][1]) == 1000
    assert expected_bytes(10, 512, 512, Path("x.mha"), voxel=4) == 4 * 10 * 512 * 512


@pytest.mark.parametrize(
    ("count", "text"), [(12, "12 bytes"), (1234, "1.2 kB"), (54_321_000, "54 MB"), (3 * 10**15, "3000 TB")]
)
def test_sizes_are_told_as_people_say_them(count: int, text: str):
    assert readable(count) == text


def test_what_a_killed_run_left_goes_at_the_start(tmp_path: Path):
    tasks, _ = plan([series("a/b"), series("c")], quick(), tmp_path)
    for place in ("a", ".", "elsewhere"):
        left = tmp_path / place / ".ldct-0123456789ab.part"
        left.mkdir(parents=True)
        (left / ".ldct-owner").touch()
    tidy(tasks, tmp_path)
    assert sorted(path.parent.name for path in tmp_path.rglob("*.part")) == ["elsewhere"]
