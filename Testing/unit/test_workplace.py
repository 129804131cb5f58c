"""Work in progress is private, vanishes with its owner, and is never taken from one who lives."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from LDCTDenoiseLib import locks, owner
from LDCTDenoiseLib import workplace as module
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.workplace import OWNER, only_one, sweep, tidy, workplace

LIB = Path(locks.__file__).resolve().parents[1]
posix_only = pytest.mark.skipif(os.name == "nt", reason="rights, forks and signals as POSIX has them")

IN_A_WORKPLACE = """
import sys, time
from pathlib import Path
from LDCTDenoiseLib.workplace import workplace
with workplace(Path(sys.argv[1])) as folder:
    (folder / "scan.npy").write_text("pixels")
    {more}
    print(folder, flush=True)
    time.sleep(60)
"""
IN_CHARGE = """
import sys, time
from pathlib import Path
from LDCTDenoiseLib.workplace import only_one
with only_one(Path(sys.argv[1]), "busy"):
    print("in charge", flush=True)
    time.sleep(60)
"""


class Process:
    """A process of its own that says one line and then waits; killed in the end."""

    def __init__(self, code: str, folder: Path):
        environment = {**os.environ, "PYTHONPATH": str(LIB), "PYTHONUTF8": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=environment, text=True, encoding="utf-8",
        )  # fmt: skip

    def __enter__(self) -> Process:
        self.line = self._process.stdout.readline().strip()
        assert self.line, "the process did not start"
        return self

    def ends_well(self) -> bool:
        return self._process.wait(timeout=10) == 0

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()

    def __exit__(self, *_) -> None:
        self.kill()


def killed_in_a_workplace(folder: Path, more: str = "") -> Path:
    """What a process that was killed at work has left in `folder`."""
    with Process(IN_A_WORKPLACE.format(more=more), folder) as process:
        return Path(process.line)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "Bilder für später"
    folder.mkdir()
    return folder


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(95, "not supported")

    monkeypatch.setattr(locks, "_lock", refuse)


def left_by(folder: Path, signature: dict, age: float) -> Path:
    """A workplace as another machine left it, untouched for `age` seconds."""
    place = folder / ".ldct-0123456789ab.part"
    place.mkdir()
    (place / OWNER).write_text(json.dumps(signature))
    (place / "scan.npy").write_text("pixels")
    for path in (place / OWNER, place / "scan.npy", place):
        os.utime(path, (time.time() - age, time.time() - age))
    return place


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


def test_a_folder_of_thousands_of_files_is_swept_in_no_time_and_rarely(tree: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(3000):
        (tree / f"{number}.dcm").touch()
    started = time.perf_counter()
    assert sweep(tree) == 0
    assert time.perf_counter() - started < 0.5
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
