"""Whose owner is dead is swept away; nobody else's, nothing else, and on no other machine too early."""

# ruff: noqa: F811  (fixtures are imported by their name)

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from LDCTDenoiseLib import locks, owner
from LDCTDenoiseLib.workplace import OWNER, sweep, tidy, workplace
from workplace_factory import killed_in_a_workplace, left_by, no_locks, posix_only, tree  # noqa: F401

# nothing but ours


@posix_only
def test_a_sweep_follows_no_link_out_of_the_folder(tree: Path, tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (outside / OWNER).write_text(json.dumps({**owner._here(), "pid": 0}))
    (tree / ".ldct-aaaaaaaaaaaa.part").symlink_to(outside)
    left = killed_in_a_workplace(tree)
    (left / "link").symlink_to(outside)
    (left / "deep").mkdir()
    (left / "deep" / "link").symlink_to(outside / "precious")
    fake = tree / ".ldct-bbbbbbbbbbbb.part"
    fake.mkdir()
    (fake / OWNER).symlink_to(outside / OWNER)
    assert sweep(tree) == 1 and not left.exists()
    assert (outside / "precious").exists() and (outside / OWNER).exists() and fake.exists()


def test_what_only_looks_like_ours_stays(tree: Path):
    for name in (".ldct-xyz.part", "ldct-0123456789ab.part", ".ldct-0123456789ab.part.bak", "0001.dcm"):
        (tree / name).mkdir()
    (tree / ".ldct-0123456789ab.part").mkdir()
    (tree / ".ldct-0123456789ab.part" / "no owner's file here").write_text("")
    (tree / ".ldct-0123456789ac.part").write_text("a file")
    before = sorted(tree.rglob("*"))
    assert sweep(tree) == 0 and sorted(tree.rglob("*")) == before


def test_an_empty_workplace_without_an_owner_goes(tree: Path):
    (tree / ".ldct-0123456789ab.part").mkdir()
    assert sweep(tree) == 1


def test_a_folder_that_is_not_there_is_swept_in_silence(tree: Path):
    assert sweep(tree / "none") == 0
    tidy(tree / "none")


def test_in_a_folder_of_many_outputs_none_is_looked_at(tree: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(50):
        (tree / f"{number}.dcm").touch()
        (tree / f"{number}").mkdir()
    looked_at = []
    monkeypatch.setattr("LDCTDenoiseLib.workplace._sweep_one", lambda path: looked_at.append(path) or False)
    assert sweep(tree) == 0 and looked_at == []


def test_who_writes_output_after_output_sweeps_once_in_a_while(tree: Path, monkeypatch: pytest.MonkeyPatch):
    swept = []
    monkeypatch.setattr("LDCTDenoiseLib.workplace.sweep", swept.append)
    for _ in range(3):
        tidy(tree)
    assert swept == [tree]


# other machines, and file systems without locks


def test_another_machines_leftover_goes_only_after_a_day(tree: Path):
    left = left_by(tree, {"machine": "another", "boot": "another", "pid": 1}, age=23 * 3600)
    assert sweep(tree) == 0 and left.exists()
    os.utime(left / OWNER, (0, 0))
    os.utime(left, (0, 0))
    assert sweep(tree) == 0, "something in it is younger"
    os.utime(left / "scan.npy", (0, 0))
    assert sweep(tree) == 1


def test_another_machine_that_holds_its_lock_works_on_however_long(tree: Path):
    left = left_by(tree, {"machine": "another", "boot": "another", "pid": 1}, age=30 * 24 * 3600)
    lock = locks.FileLock(left / OWNER)
    assert lock.take()
    assert sweep(tree) == 0 and left.exists()
    lock.close()
    assert sweep(tree) == 1


def test_the_machine_is_known_again_after_a_restart(tree: Path):
    left_by(tree, {"machine": owner._here()["machine"], "boot": "another", "pid": 1}, age=0)
    assert sweep(tree) == 1


def test_a_signature_that_was_not_finished_is_somebody_elses(tree: Path):
    left = left_by(tree, {}, age=0)
    for content in ("", "[1]", "{", "\0" * 5000):
        (left / OWNER).write_text(content)
        assert sweep(tree) == 0, "something was put there"
    (left / "scan.npy").unlink()
    assert sweep(tree) == 0
    (left / OWNER).write_text("")
    assert sweep(tree) == 1, "nothing was, nor was it signed"


@posix_only
def test_without_locks_the_process_number_tells(tree: Path, no_locks: None):
    left = killed_in_a_workplace(tree)
    with workplace(tree) as ours:
        assert not left.exists()
        living = left_by(tree, {**owner._here(), "pid": os.getppid()}, age=10 * 24 * 3600)
        assert sweep(tree) == 0 and ours.exists() and living.exists()


def test_without_locks_processes_that_cannot_be_seen_from_here_get_a_day(tree: Path, no_locks: None):
    left_by(tree, {**owner._here(), "processes": "of another container", "pid": 2**22 + 1}, age=3600)
    assert sweep(tree) == 0


def test_a_signature_names_neither_machine_nor_user(tree: Path):
    import getpass
    import platform

    with workplace(tree) as folder:
        text = (folder / OWNER).read_text().lower() if os.name != "nt" else ""
    assert platform.node().lower() not in text and getpass.getuser().lower() not in text
