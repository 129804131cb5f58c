"""The models at hand: listing, finding, and weights that are checked before they are used."""

import subprocess
import sys
from pathlib import Path

import LDCTDenoiseLib
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.weights import Card, availability, find_card, list_cards, list_models, store

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.weights import load_state_dict, save_weights, user_folder  # noqa: E402
from weights_factory import a_card, a_shipped_folder, a_state  # noqa: E402


@pytest.fixture
def models(tmp_path, monkeypatch):
    """The folder of imported models, in a place whose name is hard on software; small shipped models beside it."""
    monkeypatch.setattr(store, "SHIPPED", a_shipped_folder(tmp_path / "shipped"))
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path / "Für Ärzte 試験"))
    return user_folder() / "models"


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_the_user_s_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path / "elsewhere"))
    assert user_folder() == tmp_path / "elsewhere"
    monkeypatch.setenv("LDCT_DENOISE_HOME", "")
    assert user_folder().name == "ldct-denoise"


def test_what_is_shipped_can_be_listed_and_has_no_problems(tmp_path, monkeypatch):
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path))
    cards, problems = list_cards()
    assert problems == []
    assert {"nlm", "bilateral", "tv", "gaussian", "median", "anisotropic-diffusion"} <= {card.id for card in cards}
    assert LDCTDenoiseLib.list_models() == cards


def test_listing_needs_no_torch(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from LDCTDenoiseLib import weights\n"
        "print(len(weights.list_models()), weights.find_card('nlm').title)\n"
        "try:\n    weights.import_checkpoint('x.pth')\n"
        "except weights.store.InputError as error:\n    print(error)\n"
    )
    library = str(Path(LDCTDenoiseLib.__file__).parents[1])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=library, check=True)
    assert "Non-local means" in done.stdout
    assert "need PyTorch" in done.stdout


def test_weights_come_back_as_they_were_saved(models):
    state = a_state()
    saved = save_weights(models, a_card(), state)
    assert files(models) == {"rddm-test.json", "rddm-test.safetensors"}
    assert Card.from_file(models / "rddm-test.json") == saved == find_card("rddm-test")
    assert saved.size == (models / saved.weights).stat().st_size
    assert availability(saved) == store.PRESENT
    loaded = load_state_dict(find_card("rddm-test"))
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_half_precision_on_the_disk_is_float32_in_memory(models):
    state = {"weight": torch.linspace(-3, 3, 500), "counter": torch.tensor(7)}
    saved = save_weights(models, a_card(), state, dtype="float16")
    assert saved.size < 500 * 4
    loaded = load_state_dict(saved)
    assert loaded["weight"].dtype == torch.float32
    assert torch.equal(loaded["weight"], state["weight"].half().float())
    assert loaded["counter"].dtype == torch.int64 and loaded["counter"] == 7


def test_views_and_shared_tensors_are_saved_whole(models):
    one = torch.arange(12.0).reshape(3, 4)
    state = {"a": one, "b": one, "turned": one.T, "part": one[1:, ::2], "grad": torch.nn.Parameter(one)}
    loaded = load_state_dict(save_weights(models, a_card(), state))
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_the_same_weights_make_the_same_file(models, tmp_path):
    first = save_weights(models, a_card(), a_state())
    second = save_weights(tmp_path / "other", a_card(), a_state())
    assert first.sha256 == second.sha256


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 70_000.0])
def test_what_is_not_finite_on_the_disk_is_not_saved(models, value):
    with pytest.raises(InputError, match="not finite numbers in float16"):
        save_weights(models, a_card(), {"weight": torch.tensor([1.0, value])}, dtype="float16")
    assert files(models) == set()


def test_a_model_is_replaced_without_remains(models):
    save_weights(models, a_card(), a_state(0), file_name="old.safetensors")
    new = save_weights(models, a_card(version="2"), a_state(1), file_name="new.safetensors")
    assert files(models) == {"rddm-test.json", "new.safetensors"}
    assert find_card("rddm-test") == new
    assert load_state_dict(new)["out.2.bias"] > 1


def test_a_failure_while_saving_leaves_the_former_model(models, monkeypatch):
    save_weights(models, a_card(), a_state(0))
    before = {path.name: path.read_bytes() for path in models.iterdir()}

    def full_disk(self):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Card, "to_json", full_disk)
    with pytest.raises(InputError, match="disk is full"):
        save_weights(models, a_card(), a_state(1))
    assert {path.name: path.read_bytes() for path in models.iterdir()} == before


def test_weights_appear_before_the_card_that_names_them(models, monkeypatch):
    moved = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, target: (moved.append(self.suffix), replace(self, target))[1])
    save_weights(models, a_card(), a_state())
    assert moved == [".safetensors", ".json"]


@pytest.mark.parametrize("place", [0, 100, -1])
def test_one_changed_byte_is_found(models, place):
    saved = save_weights(models, a_card(), a_state())
    path = models / saved.weights
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    assert find_card("rddm-test") == saved  # the size is right; only the checksum tells
    with pytest.raises(InputError, match=r"damaged.*import them again with ldct-denoise import-weights"):
        load_state_dict(saved)


@pytest.mark.parametrize("size", [0, 50, 10**6])
def test_another_size_is_found_without_reading(models, size):
    saved = save_weights(models, a_card(), a_state())
    (models / saved.weights).write_bytes(bytes(size))
    assert "damaged" in availability(saved)
    for use in (load_state_dict, lambda card: find_card(card.id)):
        with pytest.raises(InputError, match="damaged"):
            use(saved)


def test_a_file_with_the_right_checksum_must_still_be_safetensors(models):
    import dataclasses
    import hashlib

    saved = save_weights(models, a_card(), a_state())
    nonsense = b"nonsense" * 10
    (models / saved.weights).write_bytes(nonsense)
    card = dataclasses.replace(saved, size=len(nonsense), sha256=hashlib.sha256(nonsense).hexdigest())
    with pytest.raises(InputError, match="not a safetensors file"):
        load_state_dict(card)


def test_weights_that_are_not_finite_are_not_used(models):
    import dataclasses
    import hashlib

    from LDCTDenoiseLib.weights.safetensors_file import write_tensors

    saved = save_weights(models, a_card(), a_state())
    data = write_tensors({"weight": torch.tensor([1.0, float("nan")])})
    (models / saved.weights).write_bytes(data)
    card = dataclasses.replace(saved, size=len(data), sha256=hashlib.sha256(data).hexdigest())
    with pytest.raises(InputError, match="not finite"):
        load_state_dict(card)


def test_weights_that_were_removed_are_missed(models):
    saved = save_weights(models, a_card(), a_state())
    (models / saved.weights).unlink()
    with pytest.raises(InputError, match="not here: import them again"):
        find_card("rddm-test")
    with pytest.raises(InputError, match="not here"):
        load_state_dict(saved)


def test_shipped_weights_that_are_missing_are_mended_by_installing_again(models):
    saved = save_weights(store.SHIPPED, a_card("rddm-ours"), a_state())
    (store.SHIPPED / saved.weights).unlink()
    with pytest.raises(InputError, match="install this program again"):
        find_card("rddm-ours")


def test_a_filter_is_always_there_and_has_no_weights(models):
    assert availability(find_card("nlm")) == store.PRESENT
    with pytest.raises(InputError, match="no weights"):
        load_state_dict(find_card("nlm"))


def test_a_broken_card_of_the_user_does_not_break_the_list(models):
    save_weights(models, a_card(), a_state())
    (models / "broken.json").write_text("{", encoding="utf-8")
    (models / "._rddm-test.json").write_bytes(b"what macOS leaves on foreign disks")
    cards, problems = list_cards()
    assert [card.id for card in cards][-1] == "rddm-test"
    assert len(problems) == 1 and "broken.json" in problems[0]
    with pytest.raises(InputError, match=r"broken\.json is not a JSON file"):
        find_card("broken")


def test_a_user_s_folder_that_is_a_file_does_not_break_the_list(models):
    models.parent.mkdir()
    models.write_text("not a folder")
    cards, problems = list_cards()
    assert "nlm" in {card.id for card in cards}
    assert len(problems) == 1 and "could not be read" in problems[0]


def test_the_user_s_cards_do_not_take_the_place_of_shipped_ones(models):
    save_weights(store.SHIPPED, a_card("rddm-ours"), a_state(0))
    save_weights(models, a_card("rddm-ours"), a_state(1))
    cards, problems = list_cards()
    assert [card.folder for card in cards if card.id == "rddm-ours"] == [store.SHIPPED]
    assert "rddm-ours.json" in problems[0]


def test_imported_weights_take_the_place_of_the_card_that_waits_for_them(models):
    ids = [card.id for card in list_models()]
    with pytest.raises(InputError, match="not here: get it from the authors"):
        find_card("rddm-fine-official")
    save_weights(models, a_card("rddm-fine-official"), a_state())
    assert find_card("rddm-fine-official").folder == models
    assert [card.id for card in list_models()] == ids


@pytest.mark.parametrize("typed", ["rddm-fine-offical", "RDDM-fine-official", "../rddm-fine-official"])
def test_an_unknown_id_is_answered_with_the_nearest_and_all_others(models, typed):
    with pytest.raises(InputError, match=r"did you mean rddm-fine-official.* nlm") as caught:
        find_card(typed)
    assert "rddm-smooth-official" in str(caught.value)


def test_an_id_like_no_other_gets_no_suggestion(models):
    with pytest.raises(InputError, match=r"There is no model 'xyz'\. There are:"):
        find_card("xyz")


def test_a_weights_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="choose another folder"):
        save_weights(tmp_path / "file" / "models", a_card(), a_state())
