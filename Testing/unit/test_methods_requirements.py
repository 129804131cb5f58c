"""What a user is told where torch cannot be imported."""

from __future__ import annotations

import sys

from LDCTDenoiseLib.methods.requirements import why_no_torch


def test_only_a_torch_that_is_not_there_is_called_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert why_no_torch(ModuleNotFoundError(name="torch")).startswith("is not installed")


def test_a_torch_that_is_there_and_does_not_load_is_not_to_be_installed_again():
    assert "does not load" in why_no_torch(ImportError("libtorch_cpu.so: failed to map segment"))
    assert "does not load" in why_no_torch(ModuleNotFoundError(name="typing_extensions"))
