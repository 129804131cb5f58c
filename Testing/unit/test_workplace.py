"""Work in progress is private, vanishes with its owner, and is never taken from one who lives."""

# ruff: noqa: F811  (fixtures are imported by their name)

from __future__ import annotations

import json
import os
import stat
import threading
import time
from pathlib import Path

import pytest
from LDCTDenoiseLib import locks, owner
from LDCTDenoiseLib import workplace as module
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.workplace import OWNER, only_one, sweep, workplace
from workplace_factory import IN_A_WORKPLACE, IN_CHARGE, Process, killed_in_a_workplace, no_locks, posix_only, tree  # noqa: F401

# private, and gone


@posix_only
def test_only_the_owner_can_enter_and_outputs_have_the_usual_rights(tree: Path):
    before = os.umask(0o022)
    try:
        with workplace(tree) as folder:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE((folder / OWNER).stat().st_mode) == 0o600
            (folder / "x").write_text("")
            assert stat.S_IMODE((folder / "x").stat().st_mode) == 0o644
    finally:
        os.umask(before)


def test_a_workplace_is_gone_when_the_block_ends_in_any_way(tree: Path):
    with workplace(tree) as folder:
        (folder / "a" / "b").mkdir(parents=True)
        (folder / "a" / "b" / "x").write_text("")
        assert folder.parent == tree and folder.name.startswith(".")
    with pytest.raises(KeyboardInterrupt), workplace(tree):
        raise KeyboardInterrupt
    assert list(tree.iterdir()) == []


def test_by_default_it_lies_with_the_systems_temporary_files(tree: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tree))
    with workplace() as folder:
        assert folder.parent == tree


def test_what_a_killed_process_left_goes_when_the_next_one_works_there(tree: Path):
    left = killed_in_a_workplace(tree)
    assert (left / "scan.npy").exists()
    with workplace(tree) as folder:
        assert list(tree.iterdir()) == [folder]


def test_the_living_are_left_alone_and_the_dead_are_not(tree: Path):
    with workplace(tree) as ours, Process(IN_A_WORKPLACE.format(more=""), tree) as other:
        assert sweep(tree) == 0
        assert ours.exists() and (Path(other.line) / "scan.npy").exists()
        other.kill()
        assert sweep(tree) == 1
        assert list(tree.iterdir()) == [ours]


@posix_only
@pytest.mark.parametrize(
    "child", ["import os; os.fork() or time.sleep(5)", "import subprocess; subprocess.Popen(['sleep', '5'])"]
)
def test_a_child_that_outlives_its_parent_keeps_nothing_alive(tree: Path, child: str):
    left = killed_in_a_workplace(tree, child)
    until = time.monotonic() + 4
    while not sweep(tree) and time.monotonic() < until:  # a child may be in the middle of its birth
        time.sleep(0.01)
    assert not left.exists()


@posix_only
def test_a_forked_child_on_its_way_out_removes_nothing(tree: Path):
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom LDCTDenoiseLib.workplace import only_one, sweep, workplace\n"
        "tree = Path(sys.argv[1])\n"
        "with only_one(tree, 'busy'), workplace(tree) as folder:\n"
        "    child = os.fork()\n"
        "    if child:\n"
        "        os.waitpid(child, 0)\n"
        "        print(folder.exists(), sweep(tree), (tree / '.ldct-only-one').exists(), flush=True)\n"
    )
    with Process(code, tree) as process:
        assert process.line == "True 0 True"
        assert process.ends_well()
    assert list(tree.iterdir()) == []


def test_many_sweepers_at_once_remove_each_folder_once(tree: Path):
    removed = []
    threads = [threading.Thread(target=lambda: removed.append(sweep(tree))) for _ in range(8)]
    with workplace(tree) as ours:
        for number in range(30):
            place = tree / f".ldct-{number:012x}.part"
            (place / "new").mkdir(parents=True)
            (place / "new" / "x").write_text("")
            (place / OWNER).write_text(json.dumps({**owner._here(), "pid": 0}))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(tree.iterdir()) == [ours]
    assert sum(removed) >= 30 - len(threads)  # of two that meet at the last step none may count it


def test_workers_that_come_and_go_do_not_disturb_each_other(tree: Path):
    failures = []

    def work() -> None:
        try:
            for _ in range(40):
                with workplace(tree) as folder:
                    (folder / "x").write_text("")
                    sweep(tree)
                    assert (folder / "x").exists()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and list(tree.iterdir()) == []


def test_who_is_swept_away_while_moving_in_moves_in_elsewhere(tree: Path, monkeypatch: pytest.MonkeyPatch):
    swept = []

    class SweptAway(locks.FileLock):
        def __init__(self, path: Path, *, new: bool = False):
            if not swept:
                swept.append(path)
                path.parent.rmdir()
            super().__init__(path, new=new)

        def take(self) -> bool | None:
            if len(swept) == 1:
                swept.append(None)
                return False
            return super().take()

    monkeypatch.setattr("LDCTDenoiseLib.workplace.FileLock", SweptAway)
    with workplace(tree) as folder:
        assert folder.exists() and len(swept) == 2


@posix_only
@pytest.mark.parametrize("place", ["a workplace", "a folder for one"])
def test_the_locks_file_goes_while_it_is_locked_so_that_nobody_moves_in_meanwhile(
    tree: Path, monkeypatch: pytest.MonkeyPatch, place: str
):
    taken, unlink = [], module._unlink

    def watched(path: Path) -> None:
        if path.name in (OWNER, ".ldct-only-one"):
            lock = locks.FileLock(path)
            taken.append(lock.take())
            lock.close()
        unlink(path)

    monkeypatch.setattr(module, "_unlink", watched)
    with workplace(tree) if place == "a workplace" else only_one(tree, "busy"):
        pass
    assert taken == [False] and list(tree.iterdir()) == []


# one at a time


def test_only_one_works_in_a_folder_at_a_time(tree: Path):
    with only_one(tree, "busy"), pytest.raises(InputError, match="busy"), only_one(tree, "busy"):
        pass
    with only_one(tree, "busy"):
        pass
    assert list(tree.iterdir()) == []


def test_another_process_keeps_us_out_until_it_is_killed(tree: Path):
    with Process(IN_CHARGE, tree) as other:
        with pytest.raises(InputError, match="busy"), only_one(tree, "busy"):
            pass
        other.kill()
        with only_one(tree, "busy"):
            pass
    assert list(tree.iterdir()) == []


def test_of_many_that_come_at_once_one_gets_in_at_a_time(tree: Path):
    inside, together, entered = [], [], []

    def enter() -> None:
        for _ in range(50):
            try:
                with only_one(tree, "busy"):
                    inside.append(1)
                    together.append(len(inside))
                    time.sleep(0.0005)
                    inside.pop()
                    entered.append(1)
            except InputError:
                time.sleep(0.0005)

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(together) == {1} and len(entered) > 10


def test_without_locks_a_living_holder_keeps_us_out(tree: Path, no_locks: None):
    with only_one(tree, "busy"), pytest.raises(InputError, match="busy"), only_one(tree, "busy"):
        pass
    with only_one(tree, "busy"):
        pass


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root, and Windows, write into read-only folders")
def test_a_read_only_folder_is_one_sentence(tree: Path):
    tree.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written to"), only_one(tree, "busy"):
            pass
    finally:
        tree.chmod(0o700)
