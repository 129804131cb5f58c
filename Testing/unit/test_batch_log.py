"""The log of a batch: on the disk line by line, mended after a power cut, safe in a spreadsheet."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest
from LDCTDenoiseLib.batch.log import COLUMNS, Log, read_log
from LDCTDenoiseLib.errors import InputError


def row(key: str = "k1", status: str = "done", **facts: object) -> dict:
    return {"number": 1, "series": "a/series-1", "key": key, "model": "median", "status": status, **facts}


def numbers(*keys: str) -> dict:
    return {(key, "median"): number for number, key in enumerate(keys, 1)}


def test_a_line_is_in_the_file_as_soon_as_it_is_added(tmp_path: Path):
    with Log(tmp_path, numbers("k1")) as log:
        log.add(row(seconds=12.3456789, noise_before=23.5))
        (line,) = read_log(log.path)
    assert line["seconds"] == "12.3457" and line["noise_before"] == "23.5" and line["error"] == ""


def test_excel_takes_it_for_utf_8_and_others_read_it_too(tmp_path: Path):
    with Log(tmp_path, numbers("k1")) as log:
        log.add(row(series="Größe 1/série"))
    assert log.path.read_bytes().startswith(b"\xef\xbb\xbfnumber,series,")
    with log.path.open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.DictReader(file))["series"] == "Größe 1/série"


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(tmp_path: Path, text: str):
    with Log(tmp_path, numbers("k1")) as log:
        log.add(row(series=text))
    for _ in range(3):  # and opening it again adds nothing
        with Log(tmp_path, numbers("k1")) as log:
            (line,) = read_log(log.path)
            assert line["series"] == f"'{' '.join(text.split())}" or line["series"] == "'=1"


@pytest.mark.parametrize("number", [-3.5, "-3.5", "+2", "-1e-05"])
def test_a_negative_number_is_no_formula(tmp_path: Path, number: object):
    with Log(tmp_path, numbers("k1")) as log:
        log.add(row(noise_after=number))
        assert float(read_log(log.path)[0]["noise_after"]) == float(number)


def test_whatever_a_text_holds_it_is_one_line(tmp_path: Path):
    with Log(tmp_path, numbers("k1")) as log:
        log.add(row(error='two\nlines, a "quote"\0 and\u2028more\x85' + "x" * 50_000))
    assert len(log.path.read_bytes().splitlines()) == 2
    assert read_log(log.path)[0]["error"].startswith('two lines, a "quote" and more')


def test_a_torn_line_is_dropped_wherever_it_is_torn(tmp_path: Path):
    with Log(tmp_path, numbers("k1", "k2")) as log:
        log.add(row("k1"))
        log.add(row("k2", notices='with a "quote", and a comma'))
    whole = log.path.read_bytes()
    starts = [number + 1 for number, byte in enumerate(whole) if byte == 10]
    for cut in range(len(whole)):
        log.path.write_bytes(whole[:cut])
        if cut % 25 == 0:
            with Log(tmp_path, numbers("k1", "k2")):
                pass
        lines = sum(cut >= start for start in starts) - 1
        assert [line["key"] for line in read_log(log.path)] == ["k1", "k2"][: max(0, lines)]


def test_zeros_that_a_power_cut_leaves_are_dropped(tmp_path: Path):
    with Log(tmp_path, numbers("k1", "k2")) as log:
        log.add(row("k1"))
    with log.path.open("ab") as file:
        file.write(b"\0" * 300)
    with Log(tmp_path, numbers("k1", "k2")) as log:
        log.add(row("k2"))
    assert [line["key"] for line in read_log(log.path)] == ["k1", "k2"] and b"\0" not in log.path.read_bytes()
    line = log.path.read_bytes().splitlines()[-1]
    with log.path.open("ab") as file:
        file.write(b"\0" * 20 + line.replace(b"k2", b"k3") + b"\n")
    assert [line["key"] for line in read_log(log.path)] == ["k1", "k2"]
    log.path.write_bytes(b"\0" * 100)
    assert read_log(log.path) == []


def test_in_the_end_there_is_one_line_for_each_in_order(tmp_path: Path):
    order = numbers("k1", "k2", "k3")
    with Log(tmp_path, order) as log:
        for key, status in (("k3", "done"), ("k1", "failed"), ("k2", "done"), ("k1", "done")):
            log.add(row(key, status))
        assert len(read_log(log.path)) == 4  # until then nothing is lost
    lines = read_log(log.path)
    assert [(line["number"], line["key"], line["status"]) for line in lines] == [
        ("1", "k1", "done"), ("2", "k2", "done"), ("3", "k3", "done"),
    ]  # fmt: skip


def test_lines_of_series_that_are_no_more_in_the_plan_stay(tmp_path: Path):
    with Log(tmp_path, numbers("old", "k1")) as log:
        log.add(row("old"))
        log.add(row("k1", "failed"))
    with Log(tmp_path, numbers("k0", "k1")):
        pass
    lines = read_log(tmp_path / "batch.csv")
    assert [(line["number"], line["key"]) for line in lines] == [("2", "k1"), ("", "old")]


def test_work_done_before_is_told_once(tmp_path: Path):
    for _ in range(2):
        with Log(tmp_path, numbers("k1")) as log:
            log.complete(row("k1", "already"))
            log.complete(row("k1", "already"))
            assert [line["status"] for line in read_log(log.path)] == ["done"]


def test_another_table_of_that_name_is_not_touched(tmp_path: Path):
    path = tmp_path / "batch.csv"
    for text in ("name,age\nx,3\n", "one line only", "number,series,mod\x00"):
        path.write_text(text)
        if text.startswith("number"):  # the beginning of our own first line
            continue
        with pytest.raises(InputError, match="not as a batch has left it"):
            Log(tmp_path, {})
        assert path.read_text() == text


def test_a_log_of_an_older_version_keeps_what_it_knows(tmp_path: Path):
    (tmp_path / "batch.csv").write_text("key,model,status,colour\nk1,median,done,red\n", encoding="utf-8")
    with Log(tmp_path, numbers("k1")):
        pass
    (line,) = read_log(tmp_path / "batch.csv")
    assert line["status"] == "done" and tuple(line) == COLUMNS


def test_a_full_disk_is_a_sentence_and_leaves_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with Log(tmp_path, numbers("k1", "k2")) as log:
        log.add(row("k1"))
        size = log.path.stat().st_size

        class Full:
            def __init__(self, file):
                self.file = file

            def write(self, data):
                return self.file.write(data[:10])

            def __getattr__(self, name):
                return getattr(self.file, name)

        log._file = Full(log._file)
        with pytest.raises(InputError, match=r"disk is full.*--resume"):
            log.add(row("k2"))
        assert log.path.stat().st_size == size


def test_every_line_is_flushed_onto_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    flushed = []
    with Log(tmp_path, numbers("k1")) as log:
        monkeypatch.setattr(os, "fsync", lambda handle: flushed.append(os.fstat(handle).st_size))
        log.add(row("k1"))
        assert flushed == [log.path.stat().st_size]


def test_what_is_left_out_has_lines_of_the_latest_search_only(tmp_path: Path):
    def left(name: str) -> dict:
        return {"series": name, "status": "left", "error": "It is a localizer."}

    for names in (["scout", "map"], ["scout"]):
        with Log(tmp_path, numbers("k1"), [left(name) for name in names]) as log:
            log.add(row())
    rows = read_log(log.path)
    assert [(one["series"], one["status"]) for one in rows] == [("a/series-1", "done"), ("scout", "left")]
    assert rows[1]["error"] == "It is a localizer." and not rows[1]["number"]


def test_a_log_that_a_spreadsheet_saved_is_not_lost_and_the_sentence_says_how_to_go_on(tmp_path: Path):
    path = tmp_path / "batch.csv"
    path.write_text("number;series;model;status\n1;Größe;median;done\n", encoding="cp1252")
    with pytest.raises(InputError, match="rename it: --resume makes it anew"):
        Log(tmp_path, {})
    assert "median" in path.read_text(encoding="cp1252")
