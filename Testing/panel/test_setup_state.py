"""What is installed, told without importing it."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

from LDCTDenoisePanel.setup_state import SetupState, look

LDCT = Path(__file__).resolve().parents[2] / "LDCTDenoise"
VERSIONS = {"torch": "2.9.1+cpu", "scikit-image": "0.26.0", "matplotlib": "3.11.0"}
ANSWER = {
    "versions": {"python": "3.12", "torch": "2.13.0", "scikit-image": None},
    "devices": [{"id": "cuda:0", "title": "NVIDIA X"}, {"id": "cpu", "title": "Processor, 2 cores"}],
    "models": [],
    "problems": ["A card cannot be read."],
}


def version(name):
    if name not in VERSIONS:
        raise metadata.PackageNotFoundError(name)
    return VERSIONS[name]


def everything(name):
    return object()


def nothing(name):
    return None


def test_a_complete_machine_is_seen_with_its_versions():
    state = look(find=everything, version=version, modules=SimpleNamespace(pytorchutils=object()))
    assert state == SetupState("2.9.1+cpu", "0.26.0", "3.11.0", torchExtension=True)


def test_a_bare_machine_has_nothing_and_no_extension():
    state = look(find=nothing, version=version, modules=SimpleNamespace())
    assert state == SetupState(None, None, torchExtension=False)


def test_a_package_that_cannot_even_be_looked_for_counts_as_missing():
    def broken(name):
        raise ValueError(f"{name}.__spec__ is None")

    assert look(find=broken, version=version, modules=SimpleNamespace()).torch is None


def test_a_package_without_its_own_record_is_there_all_the_same():
    state = look(find=everything, version=lambda name: _raise(name), modules=SimpleNamespace())
    assert state.torch == ""


def _raise(name):
    raise metadata.PackageNotFoundError(name)


def test_the_worker_corrects_what_was_guessed():
    state = SetupState(torch="2.9.1", scikitImage="0.26").refined(ANSWER)
    assert state.torch == "2.13.0"
    assert state.scikitImage is None
    assert state.devices == (("cuda:0", "NVIDIA X"), ("cpu", "Processor, 2 cores"))
    assert state.problems == ("A card cannot be read.",)
    assert state.confirmed


def test_an_answer_with_nothing_in_it_does_no_harm():
    assert SetupState(torch="2.9.1").refined({}).devices == ()


def test_automatic_means_the_graphics_card_where_there_is_one():
    assert SetupState().bestDevice() == "cpu"
    assert SetupState().refined(ANSWER).bestDevice() == "cuda:0"


def test_the_state_line_says_torch_device_and_methods():
    line = SetupState().refined(ANSWER).sentence(7, 10)
    assert line == "PyTorch 2.13.0, NVIDIA X. 7 of 10 methods are ready."


def test_the_state_line_leaves_out_the_build_of_torch():
    assert "+cpu" not in SetupState(torch="2.9.1+cpu").sentence(7, 10)


def test_the_state_line_says_what_is_missing_and_for_what():
    assert SetupState().sentence(6, 10) == (
        "PyTorch is not installed: the networks need it. 6 of 10 methods are ready."
    )


def test_looking_and_listing_methods_import_neither_torch_nor_any_other_heavy_package():
    code = (
        "import sys, types\n"
        "slicer = types.ModuleType('slicer'); slicer.modules = types.SimpleNamespace()\n"
        "i18n = types.ModuleType('slicer.i18n'); i18n.tr = lambda text: text\n"
        "sys.modules.update({'slicer': slicer, 'slicer.i18n': i18n})\n"
        "from LDCTDenoisePanel.setup_state import look\n"
        "from LDCTDenoisePanel.catalogue import readCatalogue\n"
        "assert look().sentence(1, 2) and len(readCatalogue()) > 5\n"
        "print([name for name in ('torch', 'skimage', 'SimpleITK', 'scipy', 'pydicom') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=LDCT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
