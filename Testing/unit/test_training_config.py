"""What is wrong with a training configuration, a command line or a pair is said in one sentence, before any work."""

import io
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from LDCTDenoiseLib import InputError
from LDCTDenoiseLib.commands.train import _stopped_by_signals
from LDCTDenoiseLib.commands.train import run as run_train
from LDCTDenoiseLib.training.config import name_of, read_config
from LDCTDenoiseLib.training.pairs import find_pairs, read_pairs

HEAD = """id="x"
title="X"
description="d"
version="1.0"
licence="CC0"
training_source="a source"
intended_use="none"
validation=[]
"""
PHASE = """[network]
width=32
[[phase]]
name="p"
steps=10
patch=32
batch=4
learning_rate=1e-3
l1_weight=1.0
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.ctz").touch()
    (tmp_path / "data" / "b.NII.gz").touch()
    return tmp_path


def read(folder: Path, text: str, **options):
    (folder / "x.toml").write_text(text, encoding="utf-8")
    return read_config(folder / "x.toml", **options)


def test_a_configuration_is_read(folder):
    config = read(folder, HEAD + PHASE)
    assert [name_of(p) for p in config.series] == ["a", "b"]
    assert read(folder, HEAD + PHASE, validation=("b",)).validation == ("b",)


def test_the_shipped_configuration_is_right(folder):
    from LDCTDenoiseLib.training import config as module

    shipped = Path(module.__file__).parent / "configs" / "rddm-balanced.toml"
    config = read_config(shipped, folder / "data", validation=())
    assert config.version == "0.1.0" and len(config.phases) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (HEAD, "lacks: network"),
        (HEAD + "[network]\nwidth=32\n", "at least one"),
        ("phase=3\n" + HEAD + "[network]\n", "not written as"),
        ("data=3\n" + HEAD + PHASE, "data is not the name"),
        ("wrong=1\n" + HEAD + PHASE, "unknown entries: wrong"),
        (HEAD.replace('version="1.0"', "") + PHASE, "lacks: version"),
        (HEAD.replace('licence="CC0"', "") + PHASE, "lacks: licence"),
        (HEAD.replace('training_source="a source"', "") + PHASE, "lacks: training_source"),
        (HEAD.replace('intended_use="none"', 'intended_use=""') + PHASE, "intended_use is not a text"),
        (HEAD.replace('"x"', '"X y"') + PHASE, "its id"),
        (HEAD.replace("validation=[]", 'validation="a"') + PHASE, "validation is not a list"),
        ("dose=[0.5, 0.1]\n" + HEAD + PHASE, "dose is not"),
        ("dose=[0.0, 0.1]\n" + HEAD + PHASE, "dose is not"),
        ("dose=[0.5, 1.0]\n" + HEAD + PHASE, "dose is not"),
        ("dose=0.5\n" + HEAD + PHASE, "dose is not"),
        ("ema=1\n" + HEAD + PHASE, "ema is not"),
        ('precision="float16"\n' + HEAD + PHASE, "precision is not"),
        ("validate_every=0\n" + HEAD + PHASE, "validate_every is not"),
        ("seed=-1\n" + HEAD + PHASE, "seed is not"),
        (HEAD + PHASE.replace("steps=10", "steps=0"), "steps is not"),
        (HEAD + PHASE.replace("steps=10", ""), "lacks in the phase 'p': steps"),
        (HEAD + PHASE.replace("patch=32", "patch=32.0"), "patch is not"),
        (HEAD + PHASE.replace("batch=4", "batch=true"), "batch is not"),
        (HEAD + PHASE.replace("1e-3", "nan"), "learning_rate is not"),
        (HEAD + PHASE + "final_learning_rate=0\n", "final_learning_rate is not"),
        (HEAD + PHASE + 'temperatures=["hot"]\n', "temperatures is not"),
        (HEAD + PHASE + "temperatures=[0.0]\n", "temperatures is not"),
        (HEAD + PHASE.replace("batch=4", "batch=1") + "temperatures=[0.2]\n", "batch must be at least 2"),
        (HEAD + PHASE.replace("l1_weight=1.0", ""), "needs an l1_weight above 0"),
        (HEAD + PHASE.replace("1.0", "-1.0"), "l1_weight is not"),
        ("id = ", "not valid TOML"),
    ],
)
def test_a_wrong_entry_is_named(folder, text, sentence):
    with pytest.raises(InputError, match=sentence):
        read(folder, text)


def test_files_that_cannot_be_configurations_are_named(folder, monkeypatch):
    with pytest.raises(InputError, match="cannot be read"):
        read_config(folder / "none.toml")
    (folder / "latin.toml").write_bytes('title="Größe"'.encode("latin-1"))
    with pytest.raises(InputError, match="UTF-8"):
        read_config(folder / "latin.toml")
    with pytest.raises(InputError, match="no CT series"):
        read(folder, HEAD + PHASE, data=folder / "nowhere")
    for reader in ("tomllib", "tomli"):
        monkeypatch.setitem(__import__("sys").modules, reader, None)
    with pytest.raises(InputError, match="pip install tomli"):
        read(folder, HEAD + PHASE)


def test_validation_names_are_looked_up(folder):
    with pytest.raises(InputError, match=r"No series is named c in the data, which hold a, b; .* --validation"):
        read(folder, HEAD + PHASE, validation=("a", "c"))
    with pytest.raises(InputError, match="none is left to train on"):
        read(folder, HEAD + PHASE, validation=("a", "b"))
    (folder / "data" / "a.nhdr").touch()
    with pytest.raises(InputError, match="Two series of the data are named a"):
        read(folder, HEAD + PHASE)


@pytest.mark.parametrize("ending", [".ctz", ".nrrd", ".nii.gz", ".nii", ".mha", ".mhd", ".nhdr"])
def test_every_known_ending_is_found_and_dropped(tmp_path, ending):
    (tmp_path / f"köpf 1.x{ending}").touch()
    (series,) = read(tmp_path, HEAD + PHASE, data=tmp_path).series
    assert name_of(series) == "köpf 1.x"


def test_the_command_line_replaces_the_validation_and_checks_the_device_first(folder):
    pytest.importorskip("torch")
    (folder / "x.toml").write_text(HEAD.replace("[]", '["gone"]') + PHASE)

    def refusal(**options) -> str:
        args = {"config": str(folder / "x.toml"), "data": None, "folder": None, "cache": None, "resume": False}
        with pytest.raises(InputError) as error:
            run_train(SimpleNamespace(**{**args, "device": "gpu", "validation": None, **options}), None)
        return str(error.value)

    assert "named gone" in refusal()
    assert "named c in" in refusal(validation="a, c")
    assert "no device 'gpu'" in refusal(validation="a") == refusal(validation="none")


def test_both_signals_ask_the_run_to_save_first():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for number in (signal.SIGINT, signal.SIGTERM):
        with _stopped_by_signals() as stopped:
            signal.raise_signal(number)
            assert stopped
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]


SLICE = np.zeros((4, 4), np.int16)


def test_pairs_are_found_and_bad_ones_named(tmp_path):
    np.savez(tmp_path / "a.npz", ld=SLICE + 5, nd=SLICE, spacing=np.array([0.7, 0.7]))
    (pair,) = read_pairs(find_pairs(tmp_path))
    assert pair.name == "a" and pair.low.hu.mean() == 5 and pair.low.spacing[:2] == (0.7, 0.7)
    with pytest.raises(InputError, match=r"There are no .*pairs in"):
        find_pairs(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "changes",
    [
        {"nd": None}, {"spacing": None}, {"spacing": 0.7}, {"spacing": [0.7, np.nan]}, {"spacing": [0.0, 0.7]},
        {"spacing": [-1.0, 0.7]}, {"spacing": ["a", "b"]}, {"ld": SLICE[:0], "nd": SLICE[:0]}, {"ld": SLICE[0]},
        {"ld": np.full((4, 4), np.nan)}, {"ld": np.array(["x"])}, {"ld": np.array([None])},
    ],
    ids=str,
)  # fmt: skip
def test_an_archive_with_wrong_arrays_is_no_pair(tmp_path, changes):
    arrays = {"ld": SLICE, "nd": SLICE, "spacing": [0.7, 0.7], **changes}
    np.savez(tmp_path / "b.npz", **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(InputError, match=r"b\.npz does not hold a pair"):
        list(read_pairs(find_pairs(tmp_path)))


def test_the_volumes_of_a_pair_have_one_size(tmp_path):
    np.savez(tmp_path / "b.npz", ld=SLICE[:2], nd=SLICE, spacing=[0.7, 0.7])
    with pytest.raises(InputError, match="differ in size"):
        list(read_pairs(find_pairs(tmp_path)))


def test_a_damaged_archive_is_no_pair(tmp_path):
    whole = io.BytesIO()
    np.savez(whole, ld=SLICE, nd=SLICE, spacing=[0.7, 0.7])
    whole, single = whole.getvalue(), io.BytesIO()
    np.save(single, SLICE)
    header = whole.replace(b"'descr'", b"'descr(")  # a header that is no Python literal, under a wrong checksum
    contents = [b"", b"PK", b"text", whole[: len(whole) // 2], whole[:-4], single.getvalue(), header]
    contents += [whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :] for i in range(0, 200, 7)]
    file = tmp_path / "b.npz"
    for content in contents:
        file.write_bytes(content)
        try:
            (pair,) = read_pairs([file])
        except InputError as error:
            assert "b.npz does not hold a pair" in str(error)
        else:  # a byte that says nothing, such as a date
            assert np.isfinite(pair.low.hu).all() and min(pair.low.spacing) > 0
