"""What is wrong with a training configuration, a command line or a pair is said in one sentence, before any work."""

import io
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from LDCTDenoiseLib import CTVolume, InputError, write_volume
from LDCTDenoiseLib.commands.train import _stopped_by_signals
from LDCTDenoiseLib.commands.train import run as run_train
from LDCTDenoiseLib.training.config import Phase, TrainingConfig
from LDCTDenoiseLib.training.config_file import find_config, read_config
from LDCTDenoiseLib.training.pairs import find_pairs, read_pairs
from LDCTDenoiseLib.training.series import name_of

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


SHIPPED = ("rddm-smooth", "rddm-balanced", "rddm-fine", "rddm-smooth-full", "rddm-balanced-full", "rddm-fine-full")


@pytest.fixture
def shipped(folder) -> dict[str, TrainingConfig]:
    return {name: read_config(find_config(name), folder / "data", validation=()) for name in SHIPPED}


def test_the_shipped_configurations_are_right(shipped):
    assert {name: config.id for name, config in shipped.items()} == {name: name for name in SHIPPED}
    assert {path.stem for path in find_config("rddm-smooth").parent.glob("rddm-*.toml")} == set(SHIPPED)
    assert len({config.title for config in shipped.values()}) == len({c.description for c in shipped.values()}) == 6


def test_the_compact_variants_share_their_paired_phases(shipped):
    paired = shipped["rddm-smooth"].phases
    assert not any(phase.temperatures for phase in paired)
    for name, texture, temperatures in (("rddm-balanced", 0.5, (0.2, 1.0)), ("rddm-fine", 1.0, (1.0, 1.5))):
        *shared, textured, drifting = shipped[name].phases
        assert tuple(shared) == paired and not any(phase.texture for phase in paired)
        assert (textured.texture, textured.temperatures) == (texture, ())
        assert (drifting.temperatures, drifting.l1_weight) == (temperatures, 0)
        assert (shipped[name].dose, shipped[name].usual_dose) == ((0.05, 0.95), 0.25)


def test_full_is_the_recipe_of_the_paper(shipped):
    wanted = {"smooth": ((1.0,), 0.01), "balanced": ((0.2, 1.0), 0), "fine": ((1.0, 1.5), 0)}
    for variant, objective in wanted.items():
        config = shipped[f"rddm-{variant}-full"]
        (phase,) = config.phases
        assert (phase.temperatures, phase.l1_weight) == objective
        assert (phase.steps, phase.patch, phase.batch, config.ema) == (50000, 512, 24, 0.999)
        assert config.precision == "float32" and config.shift > 0 and config.scale[0] < 1 < config.scale[1]
        rates = [phase.rate(step) for step in (0, 9999, 10000, 20000, 49999)]
        assert rates == pytest.approx([1e-4, 1e-4, 5e-5, 2.5e-5, 6.25e-6])
        assert config.network == {"width": 64, "multipliers": (0.5, 1, 1, 2, 2, 4, 4), "blocks": 2} or config.network[
            "multipliers"
        ] == [0.5, 1, 1, 2, 2, 4, 4]


def test_a_rate_rises_then_falls_along_a_cosine():
    phase = Phase("p", 1000, 32, 4, 1e-3, 1e-4, l1_weight=1.0)
    assert phase.rate(0) == pytest.approx(1e-5) and phase.rate(999) == pytest.approx(1e-4, rel=0.01)
    assert phase.rate(499) == pytest.approx(5.5e-4, rel=0.01)


def test_a_configuration_may_say_only_what_differs_from_another(folder):
    (folder / "below").mkdir()
    (folder / "below" / "base.toml").write_text('folder="shared"\ndata="../data"\nema=0.5\n' + HEAD + PHASE)
    more = '[[then]]\nname="q"\nsteps=2\npatch=32\nbatch=4\nlearning_rate=1e-3\ntemperatures=[1.0]\n'
    config = read(folder, f'base="below/base.toml"\nid="y"\nema=0.6\n{more}')
    assert (config.id, config.title, config.ema) == ("y", "X", 0.6)
    assert [phase.name for phase in config.phases] == ["p", "q"]
    assert config.folder != folder / "below" / "shared", "two runs never share a folder"
    replaced = read(folder, 'base="below/base.toml"\n' + PHASE.replace('"p"', '"r"').split("\n", 2)[2])
    assert [phase.name for phase in replaced.phases] == ["r"]
    with pytest.raises(InputError, match="its own base"):
        read(folder, 'base="x.toml"\n')
    with pytest.raises(InputError, match="no configuration rddm-none"):
        read(folder, 'base="rddm-none"\n')


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
        ('sampling="patients"\n' + HEAD + PHASE, "sampling is not one of slices, sqrt, series"),
        ("shift=-1\n" + HEAD + PHASE, "shift is not"),
        ("usual_dose=0.01\n" + HEAD + PHASE, "usual_dose is not a number within dose"),
        ("most_noise=-1\n" + HEAD + PHASE, "most_noise is not"),
        ("whole_dose=-0.1\n" + HEAD + PHASE, "whole_dose is not a share"),
        ("shapes=2\n" + HEAD + PHASE, "shapes is not"),
        ("scale=[1.2, 0.8]\n" + HEAD + PHASE, "scale is not"),
        ("scale=[0.1, 1.0]\n" + HEAD + PHASE, "scale is not"),
        ("noise_input=0\n" + HEAD + PHASE, "noise_input is not"),
        ("sample_every=-1\n" + HEAD + PHASE, "sample_every is not"),
        ("begin=3\n" + HEAD + PHASE, "begin is not the name of a file"),
        ("base=3\n" + HEAD + PHASE, "base is not the name of a configuration"),
        (HEAD + PHASE + "halve_every=0\n", "halve_every is not"),
        (HEAD + PHASE + "halve_every=5\nfinal_learning_rate=1e-4\n", "not both"),
        (HEAD + PHASE + "warmup=-1\n", "warmup is not"),
        ("then=3\n" + HEAD + PHASE, r"not written as \[\[then\]\]"),
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
        (HEAD + PHASE + 'paired="psnr"\n', "paired is not one of l1, decibel"),
        (HEAD + PHASE + 'paired="decibel"\ntemperatures=[1.0]\n', "no paired objective but l1"),
        (HEAD + PHASE + "texture=1.5\n", "texture is not a share"),
        (HEAD + PHASE + "texture=0.5\ntemperatures=[1.0]\n", "texture is for paired regression"),
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
        args |= {"resume_from": None, "begin": None, "perception": None, "devices": None, "progress": "none"}
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


@pytest.mark.parametrize("ending", [".nrrd", ".nii.gz", ".mha"])
def test_a_pair_of_volumes_is_found_by_its_two_names(tmp_path, ending):
    for kind, value in (("low", 5), ("normal", 0)):
        write_volume(CTVolume(np.full((2, 4, 4), value, np.float32)), tmp_path / f"é 1.b.{kind}{ending}")
    (pair,) = read_pairs(find_pairs(tmp_path, "é*"))
    assert pair.name == "é 1.b" and pair.low.hu.mean() == 5 and pair.normal.hu.mean() == 0
    np.savez(tmp_path / "é 1.b.npz", ld=SLICE, nd=SLICE, spacing=[0.7, 0.7])
    with pytest.raises(InputError, match=r"Two pairs are named é 1\.b"):
        find_pairs(tmp_path)


def test_a_pair_of_dicom_folders_is_found(tmp_path):
    for kind in ("low", "normal"):
        (tmp_path / f"a.{kind}").mkdir()
    (path,) = find_pairs(tmp_path)
    assert path.name == "a.low"


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
