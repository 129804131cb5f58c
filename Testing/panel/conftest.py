"""Fixtures of the panel's tests: one application for all of them, a scene that is empty before and after each test."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
for _folder in (CHECKOUT, CHECKOUT / "LDCTDenoise", Path(__file__).parent):
    if str(_folder) not in sys.path:
        sys.path.insert(0, str(_folder))

MISSING = [name for name in ("slicer_core", "PySide6") if importlib.util.find_spec(name) is None]
WHY = (
    f"The panel's tests need {' and '.join(MISSING)}: pip install slicer-core PySide6-Essentials (Python 3.11 or 3.12)."
    if MISSING
    else ""
)
if MISSING and os.environ.get("LDCT_REQUIRE_HOST") == "1":
    raise pytest.UsageError(WHY)

if not MISSING:
    from Testing.host import start

    start()  # test files may import qt and slicer.modules at their top


class _SkippedModule(pytest.Module):
    def collect(self):
        raise pytest.skip.Exception(WHY, allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    """Without slicer-core and PySide6 no file is imported, each is skipped with one sentence."""
    return _SkippedModule.from_parent(parent, path=module_path) if MISSING else None


@pytest.fixture(scope="session")
def host():
    """The tests' Slicer."""
    return start()


@pytest.fixture(autouse=True)
def no_error_is_left_behind(host):
    """Slicer only prints what goes wrong in a slot or observer; here the test fails, unless it calls clearErrors()."""
    host.clearErrors()
    yield
    left = host.clearErrors()
    if left:
        pytest.fail(
            "errors in slots or observers:\n" + "\n".join(f"{type(e).__name__}: {e}" for e in left), pytrace=False
        )


@pytest.fixture
def scene(host, no_error_is_left_behind):
    """slicer.mrmlScene, empty, in the four-up layout, with no view but Slicer's own."""
    host.reset()
    yield host.app.mrmlScene()
    from widget_fakes import forgetPanels

    forgetPanels()
    host.reset()


@pytest.fixture
def ct(scene):
    """Makes CT volume nodes: see ``synthetic_ct.SyntheticCT``."""
    from synthetic_ct import SyntheticCT

    return SyntheticCT(scene)


@pytest.fixture
def comparison(scene):
    """The comparison views, gone again after the test."""
    from LDCTDenoisePanel.views.comparison import Comparison

    made = Comparison()
    yield made
    made.shutdown()
