"""A kill, an interruption or a lost disk at any step leaves an output whole, or as it was."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from LDCTDenoiseLib import atomic, swap, workplace
from LDCTDenoiseLib.atomic import atomic_folder, atomic_output
from LDCTDenoiseLib.errors import InputError


def names(folder: Path) -> list[str]:
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*"))


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
