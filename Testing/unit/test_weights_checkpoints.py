"""Import of the authors' RDDM checkpoints: what is taken from them, and what does not fit."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.errors import InputError  # noqa: E402
from LDCTDenoiseLib.networks import RDDMUNet  # noqa: E402
from LDCTDenoiseLib.weights import find_card, import_checkpoint, load_state_dict, store, user_folder  # noqa: E402
from weights_factory import SMALL, a_checkpoint, a_shipped_folder, a_state  # noqa: E402

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder of the user; the shipped cards describe the small network of the tests."""
    monkeypatch.setattr(store, "SHIPPED", a_shipped_folder(tmp_path / "shipped"))
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path / "Für Ärzte 試験"))
    return user_folder()


def holds(card, state) -> bool:
    loaded = load_state_dict(card)
    return loaded.keys() == state.keys() and all(torch.equal(loaded[name], state[name]) for name in state)


def refused(path, id=None) -> str:
    """The sentence with which the file is refused; nothing is left of it."""
    with pytest.raises(InputError) as caught:
        import_checkpoint(path, id)
    assert not user_folder().exists()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 400
    return sentence


# the whole network, once


@pytest.fixture(scope="module")
def a_whole_checkpoint(tmp_path_factory):
    """27 million weights, every tensor with two numbers of its own: one in `model`, one in `ema`."""
    network = {"width": 64, "multipliers": (0.5, 1, 1, 2, 2, 4, 4), "blocks": 2}
    state, average = a_state(0, **network), a_state(1, **network)
    path = tmp_path_factory.mktemp("Prüf stände") / "rddm_fine_050000.pth"
    return a_checkpoint(path, state, list(average.values())), average


def test_the_authors_layout_becomes_a_model(a_whole_checkpoint, tmp_path, monkeypatch):
    path, average = a_whole_checkpoint
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path))
    card = import_checkpoint(path)
    assert card == find_card("rddm-fine-official")
    assert card.title == "RDDM Fine (authors' weights)"
    assert "training step 50000, moving average" in card.training_data
    assert holds(card, average)
    with torch.device("meta"):
        network = RDDMUNet(**card.network)
    network.load_state_dict(load_state_dict(card), assign=True)


def test_the_average_is_a_list_in_the_order_of_the_authors_parameters():
    order = SHARED / "parity" / "rddm" / "parameter_order.txt"
    if not order.exists():
        pytest.skip("the shared parity data are not here")
    with torch.device("meta"):
        names = [name for name, _ in RDDMUNet().named_parameters()]
    assert names == order.read_text(encoding="utf-8").split()


# what is taken (a small network from here on)


def test_without_an_average_the_model_is_taken(home, tmp_path):
    state = a_state()
    card = import_checkpoint(a_checkpoint(tmp_path / "smooth.pth", state))
    assert card.id == "rddm-smooth-official"
    assert "weights of the last step" in card.training_data
    assert holds(card, state)


def test_an_average_of_nothing_is_no_average(home, tmp_path):
    torch.save({"model": a_state(), "ema": None}, tmp_path / "smooth.pth")
    card = import_checkpoint(tmp_path / "smooth.pth")
    assert holds(card, a_state())


def test_the_average_wins(home, tmp_path):
    card = import_checkpoint(a_checkpoint(tmp_path / "RDDM-Balanced (1).pth", a_state(0), list(a_state(1).values())))
    assert card.id == "rddm-balanced-official"
    assert holds(card, a_state(1))


def test_a_bare_state_dict_is_taken(home, tmp_path):
    torch.save(a_state(), tmp_path / "fine.pth")
    assert holds(import_checkpoint(tmp_path / "fine.pth"), a_state())


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_taken_off(home, tmp_path, prefix):
    wrapped = {prefix + name: value for name, value in a_state().items()}
    assert holds(import_checkpoint(a_checkpoint(tmp_path / "fine.pth", wrapped)), a_state())


def test_parameters_and_doubles_become_plain_float32(home, tmp_path):
    state = {name: torch.nn.Parameter(value.double()) for name, value in a_state().items()}
    assert holds(import_checkpoint(a_checkpoint(tmp_path / "fine.pth", state)), a_state())


def test_the_format_before_pytorch_1_6_is_read(home, tmp_path):
    torch.save({"model": a_state()}, tmp_path / "fine.pth", _use_new_zipfile_serialization=False)
    assert holds(import_checkpoint(tmp_path / "fine.pth"), a_state())


def test_the_step_may_be_a_tensor_or_nonsense(home, tmp_path):
    card = import_checkpoint(a_checkpoint(tmp_path / "fine.pth", a_state(), step=torch.tensor(123)))
    assert "training step 123" in card.training_data
    card = import_checkpoint(a_checkpoint(tmp_path / "fine.pth", a_state(), step="many"))
    assert "step many" not in card.training_data


def test_importing_again_replaces_the_model(home, tmp_path):
    first = import_checkpoint(a_checkpoint(tmp_path / "fine.pth", a_state(0)))
    second = import_checkpoint(a_checkpoint(tmp_path / "fine.pth", a_state(1)))
    assert first.sha256 != second.sha256
    assert {path.name for path in (home / "models").iterdir()} == {"rddm-fine-official.json", second.weights}
    assert holds(find_card("rddm-fine-official"), a_state(1))


def test_a_failed_import_leaves_the_model_that_was_there(home, tmp_path):
    before = import_checkpoint(a_checkpoint(tmp_path / "fine.pth", a_state(0)))
    bad = a_state(1)
    bad["out.2.bias"] = torch.tensor([float("nan")])
    with pytest.raises(InputError):
        import_checkpoint(a_checkpoint(tmp_path / "fine.pth", bad))
    assert find_card("rddm-fine-official") == before and holds(before, a_state(0))


# the id


@pytest.mark.parametrize("id", ["rddm-fine-official", "rddm-fine", "fine"])
def test_short_ids_mean_the_authors_weights(home, tmp_path, id):
    assert import_checkpoint(a_checkpoint(tmp_path / "checkpoint.pth", a_state()), id).id == "rddm-fine-official"


def test_an_id_of_one_s_own_gets_a_card_of_its_own(home, tmp_path):
    card = import_checkpoint(a_checkpoint(tmp_path / "fine.pth", a_state()), "rddm-lab-7")
    assert card == find_card("rddm-lab-7")
    assert "authors" not in card.title + card.licence
    assert card.network == SMALL


@pytest.mark.parametrize("name", ["checkpoint.pth", "refined.pth", "finetuned.pth", "fine-or-smooth.pth", "試験.pth"])
def test_a_name_that_does_not_tell_the_variant_asks_for_the_id(home, tmp_path, name):
    sentence = refused(a_checkpoint(tmp_path / name, a_state()))
    assert "--id" in sentence and "rddm-fine-official" in sentence


@pytest.mark.parametrize("id", ["", "Fine", "a b", "../x", "x" * 65])
def test_an_impossible_id_is_refused(home, tmp_path, id):
    assert "cannot be a model's id" in refused(a_checkpoint(tmp_path / "fine.pth", a_state()), id)


def test_the_id_of_a_shipped_model_is_refused(home, tmp_path):
    assert "comes with this program" in refused(a_checkpoint(tmp_path / "fine.pth", a_state()), "nlm")


# what does not fit


def test_missing_weights_are_counted_and_the_first_is_named(home, tmp_path):
    state = a_state()
    del state["out.2.bias"], state["out.2.weight"]
    sentence = refused(a_checkpoint(tmp_path / "fine.pth", state))
    assert f"2 of the {len(state) + 2} weights" in sentence and "first out.2.weight" in sentence


def test_additional_weights_are_counted_and_the_first_is_named(home, tmp_path):
    sentence = refused(a_checkpoint(tmp_path / "fine.pth", {**a_state(), "more" * 100: torch.zeros(1)}))
    assert "1 of its weights unknown to RDDM (first 'moremore" in sentence


def test_a_wrong_shape_is_named(home, tmp_path):
    state = {**a_state(), "time_embed.0.weight": torch.zeros(32, 9)}
    assert "time_embed.0.weight is 32×9 and not 32×8" in refused(a_checkpoint(tmp_path / "fine.pth", state))


def test_a_narrower_network_is_another_network(home, tmp_path):
    state = a_state(width=4, multipliers=(1, 1), blocks=1)
    assert "another network" in refused(a_checkpoint(tmp_path / "fine.pth", state))


@pytest.mark.parametrize("more", [-1, 1])
def test_an_average_of_another_length_is_refused(home, tmp_path, more):
    ema = [*a_state().values(), torch.zeros(1)]
    ema = ema[: len(ema) - 1 + more]
    sentence = refused(a_checkpoint(tmp_path / "fine.pth", a_state(), ema))
    assert f"has {len(ema)} tensors, not {len(a_state())}" in sentence


@pytest.mark.parametrize("ema", [[], {}, "average", 0.999])
def test_an_average_that_is_none_is_refused(home, tmp_path, ema):
    assert "moving average (ema)" in refused(a_checkpoint(tmp_path / "fine.pth", a_state(), ema))


def test_a_wrong_shape_in_the_average_is_named(home, tmp_path):
    ema = list(a_state().values())
    ema[1], ema[2] = ema[2], ema[1]
    assert "ema: time_embed.0.bias is" in refused(a_checkpoint(tmp_path / "fine.pth", a_state(), ema))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_not_finite_are_refused(home, tmp_path, value):
    state = a_state()
    state["out.2.bias"] = torch.tensor([value], dtype=torch.float64)
    assert "out.2.bias are not all finite" in refused(a_checkpoint(tmp_path / "fine.pth", state))


@pytest.mark.parametrize(
    "value",
    [
        torch.zeros(1, dtype=torch.int64),
        torch.zeros(1, dtype=torch.complex64),
        torch.zeros(1, dtype=torch.bool),
        torch.zeros(1).to_sparse(),
        torch.zeros(1, device="meta"),
        3.0,
        "text",
        None,
        [0.0],
    ],
    ids=str,
)
def test_weights_of_another_kind_are_refused(home, tmp_path, value):
    assert "out.2.bias" in refused(a_checkpoint(tmp_path / "fine.pth", {**a_state(), "out.2.bias": value}))


@pytest.mark.parametrize(
    "content",
    [
        [torch.zeros(3)],
        torch.zeros(3),
        "text",
        3,
        None,
        {},
        {"model": {}},
        {"model": None},
        {"model": [torch.zeros(3)]},
        {0: torch.zeros(3)},
        {"model": {0: torch.zeros(3)}},
        {"weight": torch.zeros(3)},
        {"state_dict": {"weight": torch.zeros(3)}},
    ],
    ids=lambda content: type(content).__name__,
)
def test_a_pytorch_file_of_something_else_is_refused(home, tmp_path, content):
    torch.save(content, tmp_path / "fine.pth")
    assert "is a PyTorch file, but" in refused(tmp_path / "fine.pth")
