"""Whatever a command reads is never replaced by what it writes, not even with --overwrite."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from dicom_factory import ct_series, save, stored_values
from LDCTDenoiseLib import write_volume
from LDCTDenoiseLib.cli import main
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files.outputs import check_outputs


@pytest.fixture
def place(tmp_path, a_small_ct, monkeypatch) -> Path:
    """A folder with scans of every kind, where the commands are called."""
    for name in ("in.nrrd", "in.mhd", "head.nhdr", "other.nrrd", "made/median.nrrd"):
        write_volume(a_small_ct, tmp_path / name)
    save(ct_series(stored_values()), tmp_path / "series")
    (tmp_path / "pairs").mkdir()
    hu = a_small_ct.hu.astype(np.int16)
    np.savez(tmp_path / "pairs" / "p.npz", ld=hu, nd=hu, spacing=[0.8, 0.8])
    for kind in ("low", "normal"):
        write_volume(a_small_ct, tmp_path / "pairs" / f"q.{kind}.nrrd")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "card.json").write_text("{}")
    (tmp_path / "how.json").write_text('{"model": "median"}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize(
    "argv",
    [
        "measure in.nrrd --html in.nrrd",
        "measure in.nrrd --csv series/../in.nrrd",
        "measure in.mhd --json in.raw",
        "measure head.nhdr --json head.raw.gz",
        "measure in.nrrd --denoised other.nrrd --csv other.nrrd",
        "measure in.nrrd --denoised mine=other.nrrd --csv other.nrrd",
        "measure in.nrrd --reference other.nrrd --json other.nrrd",
        "measure in.nrrd --roi other.nrrd --json other.nrrd",
        "measure in.nrrd --denoised other.nrrd --record how.json --json how.json",
        "measure in.nrrd --reference other.nrrd --fid-weights how.json --json how.json",
        "measure series --json series/000.dcm",
        "measure series/000.dcm --json series/001.dcm",
        "denoise in.nrrd in.nrrd --model median",
        "denoise in.nrrd out.nrrd --model median --report in.nrrd",
        "simulate in.nrrd in.nrrd --dose 0.5",
        "perceive in.nrrd --json in.nrrd",
        "perceive in.nrrd --model model --json model/card.json",
        "compare made/median.nrrd made --models median",
        "compare in.nrrd made --models median --reference made/median.nrrd",
        "evaluate pairs --models median --csv pairs/p.npz",
        "evaluate pairs --models median --csv pairs/q.normal.nrrd",
        "calibrate-spread pairs --models median --fit q* --csv pairs/q.low.nrrd",
        "generalise head=in.nrrd --models median --csv in.nrrd",
        "stress in.nrrd --models median --csv in.nrrd",
        "validate-measures in.nrrd --csv in.nrrd",
        "validate-simulator pairs --csv pairs/p.npz",
    ],
)
def test_an_input_is_never_replaced(place, argv, capsys):
    if argv.startswith("compare"):
        pytest.importorskip("matplotlib")
    before = contents(place)
    assert main([*argv.split(), "--overwrite"]) == 2
    error = capsys.readouterr().err
    assert "inputs are never replaced" in error and error.count("\n") == 1
    assert contents(place) == before


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_do_not_hide_an_input(place):
    Path("soft.html").symlink_to("in.nrrd")
    Path("hard.html").hardlink_to("in.nrrd")
    Path("folder").symlink_to("series", target_is_directory=True)
    for output, read in (("soft.html", "in.nrrd"), ("hard.html", "in.nrrd"), ("folder/001.dcm", "series")):
        with pytest.raises(InputError, match="never replaced"):
            check_outputs([Path(output)], True, [Path(read)])


def test_former_outputs_beside_the_input_are_replaced(place):
    for output in ("figures.csv", "series/figures.csv", "made/figures.csv"):
        for _ in range(2):
            read = output.rpartition("/")[0].replace("made", "made/median.nrrd") or "in.nrrd"
            assert main(["measure", read, "--csv", output, "--overwrite", "--progress", "none"]) == 0


def test_two_outputs_are_not_the_same_file_in_other_words(place, capsys):
    for one, other in (("q.html", "series/../q.html"), ("q.mhd", "q.raw")):
        with pytest.raises(InputError, match="two different outputs"):
            check_outputs([Path(one), Path(other)], False)


def test_a_place_that_takes_no_files_is_found_before_the_work(place, monkeypatch):
    def no_folder(*_args, **_kwargs):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "mkdir", no_folder)
    with pytest.raises(InputError, match="could not be written"):
        check_outputs([Path("new.json")], False)


@pytest.mark.skipif(sys.platform == "win32", reason="such names cannot be given there")
@pytest.mark.parametrize(
    "argv",
    ["measure {}", "denoise {} o.nrrd", "denoise in.nrrd {}", "measure in.nrrd --roi {}", "measure in.nrrd --json {}"],
)
def test_a_name_that_is_no_unicode_is_one_sentence(place, argv, capsys):
    assert main([word.format("b\udcffd.nrrd") for word in argv.split()]) == 2
    error = capsys.readouterr().err
    assert "not valid Unicode" in error and error.count("\n") == 1
