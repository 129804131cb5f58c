"""Outputs appear whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from LDCTDenoiseLib import atomic, swap, workplace
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


# killed (-9) at each step


@pytest.mark.skipif(os.name == "nt", reason="forks, and signals")
@pytest.mark.parametrize("what", ["new", "again"])
@pytest.mark.parametrize("output", ["file", "pair", "folder", "folder-without-exchange"])
def test_a_kill_at_any_step_leaves_an_output_whole_or_as_it_was(tmp_path: Path, output: str, what: str):
    script = Path(__file__).with_name("killed_at_each_step.py")
    library = Path(atomic.__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, script, output, what, tmp_path / "Größe"], capture_output=True, text=True, check=True,
        stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(library), "PYTHONUTF8": "1"},
    )  # fmt: skip
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    before = "absent" if what == "new" else "former"
    has_moment_without = what == "again" and output in ("pair", "folder-without-exchange")
    assert len(steps) > 10 and [step["killed"] for step in steps] == [True] * (len(steps) - 1) + [False]
    assert steps[-1]["at once"] == "later" and steps[-1]["others"] == []
    for step in steps:
        assert step["later"] in (before, "later"), step
        assert step["at once"] in {step["later"], "absent" if has_moment_without else step["later"]}, step
    order = [step["later"] for step in steps]
    assert order == sorted(order, key=lambda state: state == "later"), "once the new one is there it stays"
    assert not any(step["others"] for step in steps)


@pytest.mark.parametrize("names", [["m.mhd", "m.raw"], ["series"]])
def test_an_interruption_between_two_moves_brings_the_former_output_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: list[str]
):
    def write(content: str) -> None:
        if names == ["series"]:
            with atomic_folder(tmp_path / "series", overwrite=True) as aside:
                (aside / "1.dcm").write_text(content)
        else:
            with atomic_output(tmp_path / names[0], overwrite=True) as aside:
                for name in names:
                    (aside.parent / name).write_text(content)

    def contents() -> set[str]:
        return {file.read_text() for file in tmp_path.rglob("*") if file.is_file()}

    write("former")
    monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    replace, moves = Path.replace, []
    for number in range(1, 5):

        def interrupted(path: Path, target: Path, at: int = number) -> Path:
            moves.append(path)
            if len(moves) == at:
                raise KeyboardInterrupt
            return replace(path, target)

        moves.clear()
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(Path, "replace", interrupted)
            write("later")
            raise KeyboardInterrupt  # it was complete before that many moves
        if len(moves) < number:
            break
        assert contents() == {"former"}, number
    assert contents() <= {"former", "later"} and len(contents()) == 1 and not list(tmp_path.glob(".*"))


def test_a_former_output_that_cannot_come_back_now_is_kept_and_comes_back_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    target = tmp_path / "series"
    with atomic_folder(target) as aside:
        (aside / "1.dcm").write_text("former")
    monkeypatch.setattr(swap, "_exchange", lambda one, other: False)
    replace = Path.replace

    def away(path: Path, to: Path) -> Path:
        if to == target:
            raise OSError(errno.EIO, "the share is gone")
        return replace(path, to)

    with monkeypatch.context() as patched, pytest.raises(InputError, match="could not be written"):
        patched.setattr(Path, "replace", away)
        with atomic_folder(target, overwrite=True) as aside:
            (aside / "1.dcm").write_text("later")
    assert not target.exists()
    with pytest.raises(InputError, match="holds files already"), atomic_folder(fresh(target)):
        pytest.fail("the work began in vain")
    assert (target / "1.dcm").read_text() == "former" and names(tmp_path) == ["series", "series/1.dcm"]


def fresh(target: Path) -> Path:
    """As in the next process, which has not swept yet."""
    workplace._swept.clear()
    return target


def test_what_somebody_made_meanwhile_is_not_undone(tmp_path: Path):
    place = tmp_path / ".ldct-0123456789ab.part"
    for name in ("new", "old"):
        (place / name).mkdir(parents=True)
        (place / name / "x.csv").write_text(name)
    (place / "journal").write_text(json.dumps([["x.csv", [3, 0]]]))
    (tmp_path / "x.csv").write_text("somebody's")
    assert swap.undo(place) and (tmp_path / "x.csv").read_text() == "somebody's"


def test_a_journal_leads_nowhere_else(tmp_path: Path):
    place = tmp_path / "deep" / ".ldct-0123456789ab.part"
    (place / "new").mkdir(parents=True)
    (place / "new" / "y.csv").write_text("")
    victim = tmp_path / "x.csv"
    victim.write_text("precious")
    for name in ("../x.csv", str(victim), ".."):
        (place / "journal").write_text(json.dumps([[name, swap._facts(place.parent / name)], ["y.csv", [0, 0]]]))
        before = names(tmp_path)
        assert swap.undo(place) and names(tmp_path) == before


@pytest.mark.skipif(sys.platform != "linux", reason="an exchange of names, as Linux has it")
def test_two_folders_change_places_in_one_step(tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    if not swap._exchange(tmp_path / "a", tmp_path / "b"):
        pytest.skip("this file system cannot")
    assert names(tmp_path) == ["a", "a/b", "b", "b/a"]
    assert not swap._exchange(tmp_path / "a", tmp_path / "none")


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
