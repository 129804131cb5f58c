"""Trees as they are: links, hidden things, odd names, closed folders, and outputs among the inputs."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from find_factory import another, found, images, names, only, put, reasons
from LDCTDenoiseLib.batch.tree import extended_name, walk
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume

posix = pytest.mark.skipif(os.name == "nt", reason="Windows wants rights for links")


def all_names(root, **options) -> list[str]:
    return walk(root, progress=lambda *step: None, check=lambda: None, **options).names


def test_outputs_among_the_inputs_and_hidden_things_are_left_out_without_a_word(tmp_path):
    put(images(), tmp_path / "a")
    put(another(4), tmp_path / "out" / "deep")
    put(another(5), tmp_path / ".ldct-1234.part")
    shutil.copy(tmp_path / "a" / "000.dcm", tmp_path / "a" / "._000.dcm")
    finding = found(tmp_path, without=[tmp_path / "out", tmp_path / "not there"])
    assert names(finding) == ["a/series-2"] and not finding.left and finding.files == 4


def test_the_tree_itself_cannot_be_left_out(tmp_path):
    put(images(), tmp_path)
    assert only(found(tmp_path, without=[tmp_path])).slices == 4


@posix
def test_links_are_followed_once_and_never_in_circles(tmp_path):
    put(images(), tmp_path / "tree" / "b" / "ct")
    put(another(), tmp_path / "outside")
    put(another(9), tmp_path / "beside the tree")
    tree = tmp_path / "tree"
    (tree / "b" / "circle").symlink_to(tree / "b")
    (tree / "b" / "up").symlink_to(tmp_path)
    (tree / "a link").symlink_to(tree / "b" / "ct")
    (tree / "other").symlink_to(tmp_path / "outside")
    (tree / "b" / "self").symlink_to("self")
    (tree / "b" / "gone").symlink_to("nowhere")
    (tree / "000 file").symlink_to(tree / "b" / "ct" / "000.dcm")
    finding = found(tree)
    assert names(finding) == ["b/ct/series-2", "other/series-3"]
    assert reasons(finding).count("a link to nothing") == 2 and "copies" not in reasons(finding)


@posix
def test_a_tree_may_be_given_as_a_link(tmp_path):
    put(images(), tmp_path / "real" / "x")
    (tmp_path / "link").symlink_to("real")
    series = only(found(tmp_path / "link"))
    assert series.name == "x/series-2" and "link" in series.files[0].path.parts


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may open everything")
def test_closed_folders_and_files_are_told(tmp_path):
    put(images(), tmp_path / "a")
    put(another(), tmp_path / "b")
    (tmp_path / "b").chmod(0)
    (tmp_path / "a" / "000.dcm").chmod(0)
    try:
        finding = found(tmp_path)
    finally:
        (tmp_path / "b").chmod(0o700)
    assert "b: 0: It could not be opened" in reasons(finding)
    assert "000.dcm could not be read" in reasons(finding)


def test_what_the_system_refuses_is_told_and_the_rest_goes_on(tmp_path, monkeypatch):
    put(images(), tmp_path / "a")
    put(another(), tmp_path / "b")
    open_folder = os.scandir

    def refuse(place):
        if str(place).endswith("b"):
            raise PermissionError(13, "Permission denied")
        return open_folder(place)

    monkeypatch.setattr("LDCTDenoiseLib.batch.tree.os.scandir", refuse)
    finding = found(tmp_path)
    assert names(finding) == ["a/series-2"]
    assert "b: 0: It could not be opened (Permission denied)." in reasons(finding)


@pytest.mark.parametrize("folder", ["mit Leerzeichen", "Ünüblich", "日本", "a" * 100, "semi;colon 'quote"])
def test_unusual_names_are_no_hindrance(tmp_path, folder):
    put(images(), tmp_path / folder)
    assert only(found(tmp_path)).slices == 4


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have only Unicode names")
def test_names_that_are_no_unicode_are_told(tmp_path):
    put(images(), tmp_path / "a")
    bad = os.fsdecode(b"b\xff")
    put(another(3), tmp_path / bad)
    put(another(4), tmp_path / "c")
    (tmp_path / "c" / "001.dcm").rename(tmp_path / "c" / bad)
    (tmp_path / f"{bad}.nrrd").touch()
    finding = found(tmp_path)
    assert names(finding) == ["a/series-2"]
    assert reasons(finding).count("not valid Unicode") == 2
    reasons(finding).encode()


def test_a_very_deep_tree_is_searched(tmp_path):
    folder = tmp_path
    for level in range(60):
        folder = folder / f"level number {level}"
    put(images(), folder)
    series = only(found(tmp_path))
    assert series.slices == 4 and len(series.name) <= 140 and series.name.endswith("/series-2")


def test_files_come_in_the_order_of_their_names(tmp_path):
    for name in ("b/2", "b/10", "a/z", "a b/x", "a", "B/x"):
        file = tmp_path / (name if "/" in name else f"{name}.txt")
        file.parent.mkdir(exist_ok=True)
        file.touch()
    listed = all_names(tmp_path)
    assert listed == sorted(listed, key=lambda name: name.split("/")) and len(listed) == 6


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("C:\\short", "C:\\short"),
        ("C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
        ("\\\\server\\share\\" + "x" * 300, "\\\\?\\UNC\\server\\share\\" + "x" * 300),
        ("\\\\?\\C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
    ],
)
def test_long_paths_are_told_to_windows_as_it_wants_them(path, told):
    assert extended_name(path) == told


def test_the_outputs_of_other_batches_are_passed_by(tmp_path):
    put(images(), tmp_path / "a")
    put(another(), tmp_path / "earlier" / "a" / "series-2_median")
    (tmp_path / "earlier" / "batch.csv").write_bytes("\ufeffnumber,series,model,status\r\n".encode())
    (tmp_path / "a" / "batch.csv").write_text("a table of somebody else\n")
    finding = found(tmp_path)
    assert names(finding) == ["a/series-2"] and "earlier: 0: It holds the outputs of a batch" in reasons(finding)
    assert names(found(tmp_path / "earlier")) == ["a/series-2_median/series-3"]


def test_a_folder_in_which_a_batch_is_writing_is_named_to_nobody(tmp_path):
    put(images(), tmp_path / ".ldct-0123456789ab.part" / "new")
    with pytest.raises(InputError, match="holds no DICOM images; choose one that holds a CT series"):
        read_volume(tmp_path)
