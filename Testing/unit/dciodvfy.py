"""dciodvfy and dcentvfy, David Clunie's checkers of DICOM objects, as functions.

dciodvfy prints its findings to stderr and may exit with 0 although it found errors: the text decides.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

_SECONDS = 60  # for one call; a file takes a hundredth of a second


def require(program: str = "dciodvfy") -> None:
    """Skips the test where the program is absent, and fails it where absence is not allowed."""
    if shutil.which(program):
        return
    if os.environ.get("LDCT_REQUIRE_HOST"):
        pytest.fail(f"{program} is absent: install dicom3tools")
    pytest.skip(f"{program} is not installed (Debian package dicom3tools)")


def errors(files: Iterable[Path]) -> list[str]:
    """Every line that begins with Error, with the file's name before it."""
    require()
    with ThreadPoolExecutor(2) as pool:
        return [line for lines in pool.map(_errors_of, sorted(files)) for line in lines]


def _errors_of(file: Path) -> list[str]:
    text = _run("dciodvfy", file)
    # It names what it checked against: without that line it understood nothing, and said nothing bad either.
    known = any(line.strip() in ("CTImage", "EnhancedCTImage") for line in text)
    return [f"{file.name}: {line}" for line in text if line.startswith("Error")] + (
        [] if known else [f"{file.name}: not checked as CT: {text[:3]}"]
    )


def contradictions(files: Iterable[Path]) -> list[str]:
    """What dcentvfy finds to differ between objects of one patient, study, series or frame of reference."""
    require("dcentvfy")
    return [line for line in _run("dcentvfy", *sorted(files)) if line.startswith("Error")]


def _run(program: str, *files: Path) -> list[str]:
    done = subprocess.run(
        [program, *map(str, files)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=_SECONDS,
    )
    return done.stdout.decode("utf-8", "replace").splitlines()
