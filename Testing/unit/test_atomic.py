"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from LDCTDenoiseLib.atomic import atomic_folder, atomic_output
from LDCTDenoiseLib.errors import Cancelled, InputError


def names(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


def test_a_file_appears_when_the_block_ends_and_not_before(tmp_path: Path):
    target = tmp_path / "a" / "b" / "Größe 1.json"
    with atomic_output(target) as aside:
        aside.write_text("{}")
        assert aside.name == target.name and not target.exists()
    assert target.read_text() == "{}"
    assert names(tmp_path) == ["a", "a/b", "a/b/Größe 1.json"]


@pytest.mark.parametrize("error", [ValueError("x"), Cancelled("x"), KeyboardInterrupt()])
def test_an_exception_leaves_what_was_there(tmp_path: Path, error: BaseException):
    target = tmp_path / "x.csv"
    target.write_text("old")
    with pytest.raises(type(error)), atomic_output(target, overwrite=True) as aside:
        aside.write_text("half")
        raise error
    assert target.read_text() == "old" and names(tmp_path) == ["x.csv"]


def test_an_exception_leaves_no_new_folders(tmp_path: Path):
    with pytest.raises(ValueError, match="x"), atomic_output(tmp_path / "new" / "deep" / "x.csv"):
        raise ValueError("x")
    assert names(tmp_path) == []


def test_files_written_beside_come_along(tmp_path: Path):
    with atomic_output(tmp_path / "x.mhd") as aside:
        aside.write_text("header")
        (aside.parent / "x.raw").write_text("data")
    assert names(tmp_path) == ["x.mhd", "x.raw"]


def test_the_named_file_comes_last_so_that_who_sees_it_sees_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    moved = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda file, to: (moved.append(file.name), replace(file, to))[1])
    with atomic_output(tmp_path / "m.mhd") as aside:
        for name in ("a.raw", "m.mhd", "z.raw"):
            (aside.parent / name).write_text(name)
    assert moved == ["a.raw", "z.raw", "m.mhd"]


def test_all_is_on_the_disk_before_it_moves_and_the_move_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    steps, replace, fsync = [], Path.replace, os.fsync
    monkeypatch.setattr(Path, "replace", lambda file, to: (steps.append("move"), replace(file, to))[1])
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("flush"), fsync(handle))[1])
    with atomic_folder(tmp_path / "series") as aside:
        for number in range(5):
            (aside / f"{number}.dcm").write_text("")
    folders = 0 if os.name == "nt" else 1  # which cannot be opened there
    assert steps == ["flush"] * (5 + folders) + ["move"] + ["flush"] * folders


def test_an_existing_file_is_refused_at_once_and_when_it_appears_meanwhile(tmp_path: Path):
    target = tmp_path / "x.png"
    with pytest.raises(InputError, match="exists already"), atomic_output(target) as aside:
        aside.write_text("new")
        target.write_text("somebody else's")
    assert target.read_text() == "somebody else's"
    with pytest.raises(InputError, match="exists already"), atomic_output(target):
        pytest.fail("the work began in vain")
    with atomic_output(target, overwrite=True) as aside:
        aside.write_text("new")
    assert target.read_text() == "new" and names(tmp_path) == ["x.png"]


def test_a_folder_is_no_file_to_replace(tmp_path: Path):
    with pytest.raises(InputError, match="is a folder"), atomic_output(tmp_path, overwrite=True):
        pass


def test_a_path_through_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="part of its path is a file"), atomic_output(tmp_path / "file" / "x.json"):
        pass


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root, and Windows, write into read-only folders")
def test_a_read_only_folder_is_refused(tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written to"), atomic_output(tmp_path / "x.json"):
            pass
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "cannot be written to"), (errno.EIO, "could not be written")],
)
def test_an_error_of_the_file_system_becomes_one_sentence(tmp_path: Path, number: int, words: str):
    with pytest.raises(InputError, match=words) as refused, atomic_output(tmp_path / "x.json"):
        raise OSError(number, os.strerror(number))
    assert "\n" not in str(refused.value) and names(tmp_path) == []


def test_a_full_disk_is_told_also_when_another_error_was_made_of_it(tmp_path: Path):
    with pytest.raises(InputError, match="disk is full"), atomic_output(tmp_path / "x.dcm"):
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise OSError("With tag (7fe0,0010) got exception") from error


def test_a_folder_appears_whole(tmp_path: Path):
    target = tmp_path / "series"
    with atomic_folder(target) as aside:
        (aside / "1.dcm").write_text("1")
        assert not target.exists()
    assert names(tmp_path) == ["series", "series/1.dcm"]


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path: Path):
    target = tmp_path / "series"
    target.mkdir()
    with atomic_folder(target) as aside:
        (aside / "1.dcm").write_text("1")
    with pytest.raises(InputError, match="holds files already"), atomic_folder(target):
        pass
    with atomic_folder(target, overwrite=True) as aside:
        (aside / "2.dcm").write_text("2")
    assert names(tmp_path) == ["series", "series/2.dcm"]


def test_a_folder_of_other_things_is_never_replaced(tmp_path: Path):
    target = tmp_path / "home"
    (target / "letters").mkdir(parents=True)
    (target / "1.dcm").write_text("1")
    with pytest.raises(InputError, match="other things"), atomic_folder(target, overwrite=True):
        pass
    assert names(tmp_path) == ["home", "home/1.dcm", "home/letters"]


def test_a_failed_folder_leaves_the_former_one(tmp_path: Path):
    target = tmp_path / "series"
    target.mkdir()
    (target / "1.dcm").write_text("old")
    with pytest.raises(Cancelled), atomic_folder(target, overwrite=True) as aside:
        (aside / "1.dcm").write_text("new")
        raise Cancelled
    assert (target / "1.dcm").read_text() == "old" and names(tmp_path) == ["series", "series/1.dcm"]


# rights


@pytest.mark.skipif(os.name == "nt", reason="rights as POSIX has them")
def test_what_appears_has_the_usual_rights_and_what_is_in_work_is_private(tmp_path: Path):
    before = os.umask(0o027)
    try:
        with atomic_folder(tmp_path / "series") as aside:
            (aside / "1.dcm").write_text("")
            assert not any(parent.stat().st_mode & 0o077 for parent in aside.parents if parent.parent == tmp_path)
        with atomic_output(tmp_path / "x.csv") as aside:
            aside.write_text("")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {"series": 0o750, "1.dcm": 0o640, "x.csv": 0o640}


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_of_a_link_the_folder_is_replaced_where_it_lies(tmp_path: Path):
    real = tmp_path / "disk" / "series"
    real.mkdir(parents=True)
    (tmp_path / "series").symlink_to(real)
    with atomic_folder(tmp_path / "series") as aside:
        (aside / "1.dcm").write_text("")
    assert (tmp_path / "series").is_symlink() and names(real) == ["1.dcm"]
