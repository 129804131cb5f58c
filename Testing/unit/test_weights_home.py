"""The user's folder is where each system keeps the data of programs."""

from pathlib import Path

import pytest
from LDCTDenoiseLib.weights.home import data_folder, user_folder


def test_the_environment_puts_the_folder_elsewhere(monkeypatch):
    monkeypatch.setenv("LDCT_DENOISE_HOME", "~/models of mine")
    assert user_folder() == Path.home() / "models of mine"


def test_the_folders_of_the_three_systems(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    assert data_folder("linux") == tmp_path / ".local" / "share" / "ldct-denoise"
    assert data_folder("darwin") == tmp_path / "Library" / "Application Support" / "ldct-denoise"
    assert data_folder("win32") == tmp_path / "AppData" / "Local" / "ldct-denoise"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    assert data_folder("linux") == tmp_path / "data" / "ldct-denoise"
    assert data_folder("win32") == tmp_path / "local" / "ldct-denoise"


@pytest.mark.parametrize("chosen", [None, "", "  ", "relative", "/absolute"])
def test_they_are_the_folders_of_platformdirs(monkeypatch, chosen):
    """Where imported models already are: earlier versions asked that package."""
    pytest.importorskip("platformdirs")
    from platformdirs.macos import MacOS
    from platformdirs.unix import Unix

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert str(data_folder("darwin")) == MacOS("ldct-denoise", appauthor=False).user_data_dir
    if chosen is not None:
        monkeypatch.setenv("XDG_DATA_HOME", chosen)
    assert str(data_folder("linux")) == Unix("ldct-denoise", appauthor=False).user_data_dir
