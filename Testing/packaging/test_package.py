"""The extension is configured and installed by its own CMakeLists, with a stub in place of Slicer's build."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(shutil.which("cmake") is None, reason="cmake is not installed")
def test_every_file_of_the_module_is_packaged():
    command = [sys.executable, "-m", "Testing.host.package_check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
