"""From a card to its perception: which models can tell, with the very embeddings that denoising uses."""

from __future__ import annotations

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods.perception import load_perception, perceives
from LDCTDenoiseLib.weights.cards import Card
from LDCTDenoiseLib.weights.store import find_card, save_weights

pytest.importorskip("torch")

import torch
from LDCTDenoiseLib.methods import load_denoiser
from LDCTDenoiseLib.networks.perception_readout import PerceptionReadout
from perception_factory import ANATOMIES, founddiff_weights


def a_model(folder, weights=None, without=(), **network) -> Card:
    made, described = founddiff_weights()
    described |= network
    card = Card(
        id="founddiff-tiny", title="Tiny", version="1", family="founddiff", description="For tests.", licence="none",
        training_data="none", intended_use="tests", hu_window=(-1000.0, 2000.0),
        network={name: value for name, value in described.items() if name not in without},
    )  # fmt: skip
    return save_weights(folder, card, {**made, **(weights or {})})


@pytest.fixture
def slices():
    return (40 + 30 * np.random.default_rng(0).standard_normal((3, 40, 48))).astype(np.float32)


def test_it_reads_the_embeddings_that_denoising_is_told(tmp_path, slices):
    readout = PerceptionReadout(16, 8, len(ANATOMIES))
    torch.manual_seed(3)
    readout.load_state_dict(
        {
            name: torch.randn_like(value) / 4 if name != "sharpness" else value
            for name, value in readout.state_dict().items()
        }
    )
    trained = {f"perception_readout.{name}": value for name, value in readout.state_dict().items()}
    card = a_model(tmp_path, trained)
    dose, chances = load_perception(card).perceive(slices)
    expected = readout(*map(torch.from_numpy, load_denoiser(card).perceive(slices)))
    np.testing.assert_allclose(np.log(dose), expected[0].numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(chances, expected[1].numpy(), rtol=1e-4)
    assert dose.shape == (3,) and chances.shape == (3, len(ANATOMIES))
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-6)


def test_a_slice_is_seen_the_same_alone_and_among_others(tmp_path, slices):
    perception = load_perception(a_model(tmp_path))
    together = perception.perceive(slices)
    alone = [perception.perceive(one[None]) for one in slices]
    np.testing.assert_allclose(together[0], np.concatenate([dose for dose, _ in alone]), rtol=1e-5)
    np.testing.assert_allclose(together[1], np.concatenate([chances for _, chances in alone]), rtol=1e-4)


def test_an_estimate_beyond_all_training_is_kept_within_it(tmp_path, slices):
    far = {"perception_readout.dose_bias": torch.tensor([9.0])}
    assert load_perception(a_model(tmp_path, far)).perceive(slices)[0].tolist() == [1.5] * 3


def test_the_first_stage_of_training_perceives_without_a_denoiser(tmp_path, slices):
    card = a_model(tmp_path, without=("unet",))
    assert perceives(card) and load_perception(card).perceive(slices)[0].shape == (3,)


def test_weights_without_names_for_what_they_see_are_refused_with_the_reason(tmp_path):
    card = a_model(tmp_path, without=("anatomies",))
    assert not perceives(card)
    with pytest.raises(InputError, match=r"neither the dose nor the anatomy.*choose founddiff"):
        load_perception(card)
    with pytest.raises(InputError, match="perceives neither"):
        load_perception(find_card("median"))


def test_names_and_centres_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(InputError, match="does not fit its card"):
        load_perception(a_model(tmp_path, anatomies=["chest", "head"]))
    with pytest.raises(InputError, match="does not fit its card"):
        load_perception(a_model(tmp_path, {"perception_readout.dose_weight": torch.zeros(3, 3)}))
    with pytest.raises(InputError, match="do not fit the network"):
        load_perception(a_model(tmp_path, perception={"embed": 24, "layers": [1, 1], "width": 8}))


def test_loading_is_refused_in_one_sentence_where_torch_is_missing(tmp_path, monkeypatch):
    import sys

    card = a_model(tmp_path)
    for name in [name for name in sys.modules if name.startswith("LDCTDenoiseLib.networks")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("LDCTDenoiseLib.networks", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(InputError, match="needs PyTorch"):
        load_perception(card)
