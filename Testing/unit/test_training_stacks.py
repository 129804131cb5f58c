"""Stacks of the research data are read whole or refused, and their prepared noise is kept."""

import importlib.util
import os

import numpy as np
import pytest
from LDCTDenoiseLib import InputError
from LDCTDenoiseLib.training import noise_bank
from LDCTDenoiseLib.training.ctz import read_ctz
from LDCTDenoiseLib.training.noise_bank import load_series, make_noise
from parity import SHARED
from training_factory import encode_ctz


def test_a_ctz_stack_is_read_and_a_damaged_one_is_refused(tmp_path):
    stack = np.random.default_rng(0).integers(-1024, 3071, (2, 8, 8)).astype(np.int16)
    file = tmp_path / "köpf 1.ctz"
    file.write_bytes(encode_ctz(stack, {"spacing": [0.5, 0.5, 3.0]}))
    volume = read_ctz(file)
    np.testing.assert_array_equal(volume.hu, stack)
    assert volume.spacing == (0.5, 0.5, 3.0)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(InputError, match="not a whole"):
        read_ctz(file)


def test_real_stacks_are_read_as_their_own_decoder_reads_them():
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("the research data are not on this machine")
    spec = importlib.util.spec_from_file_location("ctz_of_the_data", folder / "ctz.py")
    theirs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(theirs)
    file = folder / "test" / "GE-HiSpeed-head-tilt.ctz"
    np.testing.assert_array_equal(read_ctz(file).hu, theirs.decode(file.read_bytes())[0])


def test_prepared_noise_belongs_to_one_file_and_is_made_anew_when_damaged(tmp_path, monkeypatch):
    made = []

    def make(volume, seed, progress=None, place=None):
        made.append(seed)
        return make_noise(volume, seed, progress, place)

    monkeypatch.setattr(noise_bank, "make_noise", make)
    stack = np.random.default_rng(0).normal(40, 20, (1, 64, 64)).astype(np.int16)
    file, cache = tmp_path / "a.CTZ", tmp_path / "cache"
    file.write_bytes(encode_ctz(stack, {"spacing": [0.5, 0.5, 3.0]}))
    series = load_series(file, cache)
    load_series(file, cache)
    assert series.name == "a" and len(made) == 1
    np.testing.assert_array_equal(series.normal_dose, stack)
    del series
    for damaged in sorted(cache.iterdir()):
        damaged.write_bytes(damaged.read_bytes()[:-8])
        load_series(file, cache)
    assert len(made) == 4 and len(list(cache.iterdir())) == 3
    file.write_bytes(encode_ctz(stack + 1, {"spacing": [0.5, 0.5, 3.0]}))
    os.utime(file, (1, 1))
    np.testing.assert_array_equal(load_series(file, cache).normal_dose, stack + 1)


@pytest.mark.parametrize(
    "header", [b"[]", b"{}", b'{"sizes": []}', b'{"sizes": [1], "shape": 3, "levels": 0}', b"\xff"]
)
def test_a_header_that_says_nothing_is_refused(tmp_path, header):
    file = tmp_path / "a.ctz"
    file.write_bytes(b"CTZ1" + len(header).to_bytes(4, "little") + header)
    with pytest.raises(InputError, match=r"a\.ctz is not a whole"):
        read_ctz(file)


def test_a_stack_that_is_not_there_or_is_a_folder_is_one_sentence(tmp_path):
    for file in (tmp_path / "gone.ctz", tmp_path):
        with pytest.raises(InputError, match="could not be read"):
            read_ctz(file)
