"""How much memory there is: that of the computer, or of the container in which this runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import room
from LDCTDenoiseLib.files.room import container_memory

GB = 1 << 30


@pytest.fixture
def kernel(tmp_path: Path):
    """Writes what a kernel tells: the process's groups, and limits by the path of a group's file."""

    def write(groups: str, limits: dict[str, object]) -> int | None:
        (tmp_path / "self").mkdir(exist_ok=True)
        (tmp_path / "self" / "cgroup").write_text(groups)
        for name, limit in limits.items():
            file = tmp_path / "groups" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{limit}\n")
        return container_memory(tmp_path / "self", tmp_path / "groups")

    return write


def test_version_2_names_one_group(kernel):
    assert kernel("0::/job\n", {"job/memory.max": 2 * GB}) == 2 * GB


def test_version_1_has_a_group_for_memory_among_others(kernel):
    groups = "11:cpu,cpuacct:/a\n4:hugetlb,memory:/slurm/job:1\n0::/\n"
    assert kernel(groups, {"memory/slurm/job:1/memory.limit_in_bytes": 3 * GB, "cpu/a/memory.max": GB}) == 3 * GB


def test_inside_a_container_its_own_group_is_the_root(kernel):
    assert kernel("4:memory:/docker/1234\n", {"memory/memory.limit_in_bytes": GB}) == GB
    assert kernel("0::/\n", {"memory.max": GB}) == GB


def test_the_groups_above_limit_too(kernel):
    limits = {"memory.max": "max", "a/memory.max": 4 * GB, "a/b/memory.max": 8 * GB, "a/b/c/memory.max": "max"}
    assert kernel("0::/a/b/c\n", limits) == 4 * GB


def test_both_versions_at_once_count(kernel):
    limits = {"memory/x/memory.limit_in_bytes": 5 * GB, "unified/x/memory.max": 4 * GB}
    assert kernel("4:memory:/x\n0::/x\n", limits) == 4 * GB


@pytest.mark.parametrize("limit", ["max", 2**63 - 4096, "", "many", -1, 0])
def test_what_is_no_limit_is_none(kernel, limit):
    assert kernel("0::/x\n4:memory:/x\n", {"x/memory.max": limit, "memory/x/memory.limit_in_bytes": limit}) is None


@pytest.mark.parametrize("groups", ["", "\n", "nonsense", "0::/not/there\n", "4:memory\n", "0::/../../etc\n"])
def test_what_cannot_be_understood_is_no_limit(kernel, groups: str):
    assert kernel(groups, {}) is None


def test_other_systems_have_no_such_files(tmp_path: Path):
    assert container_memory(tmp_path, tmp_path) is None


@pytest.mark.parametrize(("container", "expected"), [(None, 8 * GB), (2 * GB, 2 * GB), (64 * GB, 8 * GB)])
def test_the_smaller_of_computer_and_container_counts(monkeypatch, container, expected):
    monkeypatch.setattr(room, "_installed", lambda: 8 * GB)
    monkeypatch.setattr(room, "container_memory", lambda: container)
    room.physical_memory.cache_clear()
    try:
        assert room.physical_memory() == expected
        room.require_room("a.nrrd", expected)
        with pytest.raises(InputError, match=r"a\.nrrd needs .* GB of memory .* container"):
            room.require_room("a.nrrd", expected + GB)
    finally:
        room.physical_memory.cache_clear()
