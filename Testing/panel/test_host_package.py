"""The stand-in for Slicer's build finds what a package of the extension would lack."""

from __future__ import annotations

import shutil

import pytest

from Testing.host.package_check import MODULES_FOLDER, check, files_of

pytestmark = pytest.mark.skipif(shutil.which("cmake") is None, reason="CMake is not installed")

EXTENSION = """
cmake_minimum_required(VERSION 3.16)
project(Sample)
set(EXTENSION_HOMEPAGE "https://example.org")
set(EXTENSION_CONTRIBUTORS "nobody")
set(EXTENSION_DESCRIPTION "a sample")
{icon}
set(EXTENSION_DEPENDS "NA")
find_package(Slicer REQUIRED)
include(${{Slicer_USE_FILE}})
add_subdirectory(Sample)
include(${{Slicer_EXTENSION_GENERATE_CONFIG}})
include(${{Slicer_EXTENSION_CPACK}})
"""
MODULE = """
slicerMacroBuildScriptedModule(NAME Sample SCRIPTS {scripts} RESOURCES {resources} WITH_GENERIC_TESTS)
if(BUILD_TESTING)
  slicer_add_python_unittest(SCRIPT Sample.py)
endif()
"""


@pytest.fixture
def extension(tmp_path):
    """extension(scripts, resources, icon) writes CMake files for an extension with five files; returns its folder."""
    folder = tmp_path / "SlicerSample"
    for name in (
        "Sample.py",
        "SampleLib/__init__.py",
        "SampleLib/core.py",
        "Resources/UI/Sample.ui",
        "Testing/test_it.py",
    ):
        file = folder / "Sample" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")

    def write(
        scripts="Sample.py SampleLib/__init__.py SampleLib/core.py", resources="Resources/UI/Sample.ui", icon=True
    ):
        line = 'set(EXTENSION_ICONURL "https://example.org/i.png")' if icon else ""
        (folder / "CMakeLists.txt").write_text(EXTENSION.format(icon=line))
        (folder / "Sample" / "CMakeLists.txt").write_text(MODULE.format(scripts=scripts, resources=resources))
        return folder

    return write


def test_a_complete_extension_is_installed_whole(extension, tmp_path):
    report = check(extension(), tmp_path / "work")
    assert report.complete
    assert set(report.installed) == {
        f"{MODULES_FOLDER}/{name}"
        for name in ("Sample.py", "SampleLib/__init__.py", "SampleLib/core.py", "Resources/UI/Sample.ui")
    } | {"share/Slicer-5.12/Sample.s4ext"}


def test_a_forgotten_file_is_named(extension, tmp_path):
    report = check(extension(scripts="Sample.py SampleLib/__init__.py"), tmp_path / "work")
    assert report.unlisted == ["Sample: SampleLib/core.py"]
    assert not report.complete


def test_a_listed_file_that_is_missing_is_named(extension, tmp_path):
    report = check(extension(resources="Resources/UI/Sample.ui Resources/icon.png"), tmp_path / "work")
    assert report.missing == ["Sample: Resources/icon.png"]


def test_a_script_may_be_listed_without_its_ending(extension, tmp_path):
    assert check(extension(scripts="Sample SampleLib/__init__ SampleLib/core"), tmp_path / "work").complete


def test_missing_information_for_the_index_is_an_error(extension, tmp_path):
    with pytest.raises(RuntimeError, match="EXTENSION_ICONURL"):
        check(extension(icon=False), tmp_path / "work")


def test_caches_and_tests_need_not_be_listed(extension):
    module = extension() / "Sample"
    (module / "__pycache__").mkdir()
    (module / "__pycache__" / "Sample.cpython-311.pyc").write_text("")
    assert "Testing/test_it.py" not in files_of(module)
    assert len(files_of(module)) == 4
