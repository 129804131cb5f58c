"""A package whose machine code does not load is the installation's trouble, or memory's, and no defect of ours."""

from __future__ import annotations

import json
from importlib.machinery import EXTENSION_SUFFIXES

import pytest
from LDCTDenoiseLib.batch import work
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.errors import does_not_load
from LDCTDenoiseLib.files import write_volume
from LDCTDenoiseLib.methods.classical import Median
from LDCTDenoiseLib.worker import serve


@pytest.fixture
def a_broken_package(tmp_path, monkeypatch):
    """A function that imports it."""
    folder = tmp_path / "somewhere" / "broken_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from . import code")
    (folder / f"code{EXTENSION_SUFFIXES[-1]}").write_bytes(b"cut off")
    monkeypatch.syspath_prepend(folder.parent)

    def load(*_args, **_keywords):
        import broken_package  # noqa: F401

    return load


def error_of(action) -> Exception:
    with pytest.raises(ImportError) as raised:
        action()
    return raised.value


def test_the_sentence_names_the_file_and_not_where_it_lies(a_broken_package):
    text = does_not_load(error_of(a_broken_package))
    assert text.startswith("broken_package/code") and "too little memory" in text and "somewhere" not in text


def test_worker_and_batch_say_the_same(a_broken_package):
    error = error_of(a_broken_package)
    assert serve._sentence(error) == work._sentence(error) == does_not_load(error)


def test_the_command_says_it_in_one_sentence_with_the_status_of_what_a_user_can_mend(
    a_broken_package, a_small_ct, tmp_path, monkeypatch, capsys
):
    given = write_volume(a_small_ct, tmp_path / "in.nrrd")
    monkeypatch.setattr(Median, "filter_slice", a_broken_package)
    assert main(["denoise", str(given), str(tmp_path / "o.nrrd"), "--model", "median", "--progress", "json"]) == 2
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["event"] == "error" and "broken_package" in last["text"] and "defect" not in last["text"]


def test_a_name_or_a_module_that_we_only_believe_to_exist_stays_a_defect():
    def a_name():
        from LDCTDenoiseLib.errors import Nothing  # noqa: F401

    def a_module():
        import LDCTDenoiseLib.nothing  # noqa: F401

    for error in (error_of(a_name), error_of(a_module), ValueError("x"), MemoryError()):
        assert does_not_load(error) == ""
