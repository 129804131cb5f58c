"""Import of the authors' FoundDiff checkpoints: what is taken from them, what belongs together, what does not fit."""

import json

import pytest

torch = pytest.importorskip("torch")

from founddiff_weights import (  # noqa: E402
    a_daclip_file,
    a_founddiff_card,
    a_model_file,
    a_model_state,
    a_unet_state,
    an_image_state,
    key_table,
    shape_of,
)
from LDCTDenoiseLib.cli import main  # noqa: E402
from LDCTDenoiseLib.errors import InputError  # noqa: E402
from LDCTDenoiseLib.networks.daclip import DACLIP  # noqa: E402
from LDCTDenoiseLib.networks.dadiff import DADiffUNet  # noqa: E402
from LDCTDenoiseLib.weights import (  # noqa: E402
    Card,
    availability,
    find_card,
    import_checkpoint,
    load_state_dict,
    store,
    user_folder,
)
from parity import parity_folder  # noqa: E402
from weights_factory import a_checkpoint, a_shipped_folder, a_state  # noqa: E402


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder of the user; the shipped cards describe the small networks of the tests."""
    shipped = a_shipped_folder(tmp_path / "shipped")
    card = a_founddiff_card()
    (shipped / f"{card.id}.json").write_text(card.to_json(), encoding="utf-8")
    monkeypatch.setattr(store, "SHIPPED", shipped)
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path / "Für Ärzte 試験"))
    return user_folder()


def inference_state(seed, perception=None):
    state = {f"unet.{name}": value for name, value in a_unet_state(seed).items()}
    perception = an_image_state(seed if perception is None else perception)
    return state | {f"perception.{name}": value for name, value in perception.items()}


def holds(card, state) -> bool:
    loaded = load_state_dict(card)
    return loaded.keys() == state.keys() and all(torch.equal(loaded[name], state[name]) for name in state)


def saved(content, path):
    torch.save(content, path)
    return path


def refused(path, id=None, **more) -> str:
    """The sentence with which the file is refused; nothing is left of it."""
    with pytest.raises(InputError) as caught:
        import_checkpoint(path, id, **more)
    assert not user_folder().exists()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith(".") and len(sentence) < 400
    return sentence


# the published size


@pytest.fixture(scope="module")
def shipped_card():
    return Card.from_file(store.SHIPPED / "founddiff-official.json")


def test_the_shipped_card_asks_for_the_authors_file(shipped_card):
    assert shipped_card.network["start"] == "published" and shipped_card.steps == 2
    assert shipped_card.hu_window == (-1000, 2000)
    sentence = availability(shipped_card)
    assert "permission" in sentence and "import-weights FILE --id founddiff-official" in sentence


def test_of_the_authors_names_those_that_inference_reads_are_taken(shipped_card):
    folder = parity_folder("founddiff")
    rows = [row for row in key_table(folder / "keys_dadiff.tsv") if row["checkpoint_section"] == "model"]
    with torch.device("meta"):
        networks = {
            "unet": DADiffUNet(**shipped_card.network["unet"]),
            "perception": DACLIP(**shipped_card.network["perception"]),
        }
    unet = {row["key"].removeprefix("model.unet0."): shape_of(row) for row in rows if row["role"] == "unet"}
    found = {key: {n: tuple(v.shape) for n, v in part.state_dict().items()} for key, part in networks.items()}
    assert found["unet"] == unet and len(unet) == 261
    assert len(found["perception"]) == 346
    assert {f"model.unet0.dose_encoder.{name}" for name in found["perception"]} < {row["key"] for row in rows}


def test_the_authors_whole_file_becomes_a_model_of_135_mb(tmp_path, monkeypatch):
    """All names and shapes of the 2.1 GB file, each tensor one number that is repeated, so that the file is small."""
    rows = [r for r in key_table(parity_folder("founddiff") / "keys_dadiff.tsv") if r["checkpoint_section"] == "model"]
    average = {}
    for i, row in enumerate(rows):
        whole = row["dtype"] == "int64"
        average[row["key"]] = torch.tensor(i) if whole else torch.tensor(i / 2048).expand(shape_of(row))
    monkeypatch.setenv("LDCT_DENOISE_HOME", str(tmp_path))
    last = {name: value + 1 if value.ndim == 0 else value for name, value in average.items()}
    card = import_checkpoint(a_model_file(tmp_path / "model-400.pt", average, last), dtype="float16")
    assert card == find_card("founddiff-official")
    assert 134e6 < card.size < 136e6
    assert "training step 400000, moving average" in card.training_data
    weights = load_state_dict(card)
    assert len(weights) == 261 + 346
    for name in ("unet.final_conv.bias", "perception.head1.2.bias", "perception.clip_model.visual.bn1.running_var"):
        key = name.replace("unet.", "model.unet0.").replace("perception.", "model.unet0.dose_encoder.")
        torch.testing.assert_close(weights[name], average[key].clone(), rtol=1e-3, atol=0)


# what is taken (small networks from here on)


def test_the_average_of_denoiser_and_perception_is_taken(home, tmp_path):
    card = import_checkpoint(a_model_file(tmp_path / "model-400.pt", average=a_model_state(1), last=a_model_state(0)))
    assert card == find_card("founddiff-official") and holds(card, inference_state(1))
    with torch.device("meta"):
        unet, perception = DADiffUNet(**card.network["unet"]), DACLIP(**card.network["perception"])
    weights = load_state_dict(card)
    for key, network in (("unet.", unet), ("perception.", perception)):
        network.load_state_dict({n.removeprefix(key): v for n, v in weights.items() if n.startswith(key)}, assign=True)


@pytest.mark.parametrize("name", ["rddm_fine.pth", "model-400.pt", "試験.bin"])
def test_the_content_decides_and_not_the_name(home, tmp_path, name):
    assert import_checkpoint(a_model_file(tmp_path / name, a_model_state(1))).family == "founddiff"


def test_without_an_average_the_last_step_is_taken(home, tmp_path):
    card = import_checkpoint(a_model_file(tmp_path / "model-3.pt", last=a_model_state(3)))
    assert "weights of the last step" in card.training_data and holds(card, inference_state(3))


def test_what_somebody_took_out_of_the_checkpoint_is_taken_too(home, tmp_path):
    card = import_checkpoint(saved(a_model_state(2), tmp_path / "bare.pt"))
    assert "weights of the last step" in card.training_data and holds(card, inference_state(2))
    average = {f"ema_model.{name}": value for name, value in a_model_state(3).items()}
    card = import_checkpoint(saved(average, tmp_path / "ema.pt"))
    assert "moving average" in card.training_data and holds(card, inference_state(3))


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod."])
def test_prefixes_of_wrappers_are_taken_off(home, tmp_path, prefix):
    wrapped = {prefix + name: value for name, value in a_model_state(1).items()}
    assert holds(import_checkpoint(a_model_file(tmp_path / "m.pt", last=wrapped)), inference_state(1))
    assert holds(import_checkpoint(a_model_file(tmp_path / "m.pt", average=wrapped)), inference_state(1))


def test_half_the_space_is_taken_on_request(home, tmp_path):
    path = a_model_file(tmp_path / "m.pt", a_model_state(1))
    whole, half = import_checkpoint(path), import_checkpoint(path, dtype="float16")
    assert half.size < 0.6 * whole.size + 1e4
    assert {file.name for file in (home / "models").iterdir()} == {"founddiff-official.json", half.weights}
    wanted = {
        name: value.half().float() if value.is_floating_point() else value for name, value in inference_state(1).items()
    }
    assert holds(half, wanted)


def test_weights_beyond_float16_are_refused_there(home, tmp_path):
    unet = {**a_unet_state(1), "final_conv.bias": torch.tensor([1e5])}
    path = a_model_file(tmp_path / "m.pt", a_model_state(1, unet))
    assert "not finite numbers in float16" in refused(path, dtype="float16")
    assert import_checkpoint(path).size


def test_an_id_of_one_s_own_gets_a_card_of_its_own(home, tmp_path):
    path = a_model_file(tmp_path / "m.pt", a_model_state(1))
    card = import_checkpoint(path, "lab-7")
    assert card == find_card("lab-7") and card.network == a_founddiff_card().network and card.steps == 2
    assert "authors" not in card.title + card.licence
    assert import_checkpoint(path, "founddiff").id == "founddiff-official"


def test_the_id_of_another_method_s_weights_is_refused(home, tmp_path):
    sentence = refused(a_model_file(tmp_path / "m.pt", a_model_state(1)), "rddm-fine")
    assert "rddm-fine-official is not a model of FoundDiff" in sentence
    assert "is not a model of RDDM" in refused(a_checkpoint(tmp_path / "fine.pth", a_state()), "founddiff")


# two files


def test_da_clip_alone_is_no_model(home, tmp_path):
    sentence = refused(saved(a_daclip_file(), tmp_path / "DA-CLIP.pth"))
    assert "DA-CLIP.pth is only the perception" in sentence and "model-*.pt" in sentence


@pytest.mark.parametrize("order", ["model first", "DA-CLIP first"])
def test_da_clip_beside_its_model_is_compared(home, tmp_path, order):
    model = a_model_file(tmp_path / "model-400.pt", a_model_state(1))
    other = saved(a_daclip_file(1), tmp_path / "DA-CLIP.pth")
    card = import_checkpoint(*((model, None) if order == "model first" else (other, None)),
                             beside=other if order == "model first" else model)  # fmt: skip
    assert holds(card, inference_state(1)) and "one with" not in card.training_data


def test_another_da_clip_beside_a_model_is_refused(home, tmp_path):
    model = a_model_file(tmp_path / "model-400.pt", a_model_state(1))
    sentence = refused(model, beside=saved(a_daclip_file(2), tmp_path / "DA-CLIP.pth"))
    assert sentence.startswith("DA-CLIP.pth differs from the perception inside model-400.pt")


def test_counters_may_differ_between_the_two(home, tmp_path):
    daclip = a_daclip_file(1)
    daclip["clip_model.visual.bn1.num_batches_tracked"] = torch.tensor(99)
    model = a_model_file(tmp_path / "model-400.pt", a_model_state(1))
    assert import_checkpoint(model, beside=saved(daclip, tmp_path / "DA-CLIP.pth")).size


def test_a_model_without_perception_takes_it_from_da_clip(home, tmp_path):
    model = a_model_file(tmp_path / "model-400.pt", a_model_state(1, daclip={}))
    other = saved(a_daclip_file(2), tmp_path / "DA-CLIP.pth")
    assert "import-weights model-400.pt DA-CLIP.pth" in refused(model)
    card = import_checkpoint(other, beside=model)
    assert holds(card, inference_state(1, perception=2)) and "and one with" in card.training_data
    assert "training step 400000" in card.training_data


def test_two_models_or_strangers_do_not_belong_together(home, tmp_path):
    model = a_model_file(tmp_path / "model-400.pt", a_model_state(1))
    assert "two models of FoundDiff" in refused(model, beside=a_model_file(tmp_path / "model-500.pt", a_model_state(2)))
    rddm = a_checkpoint(tmp_path / "fine.pth", a_state())
    assert "fine.pth is no checkpoint of FoundDiff" in refused(model, beside=rddm)
    assert "only for FoundDiff" in refused(rddm, beside=model)
    daclip = saved(a_daclip_file(), tmp_path / "DA-CLIP.pth")
    assert "only the perception" in refused(daclip, beside=daclip)


# what does not fit


def changed(part, name, value):
    """A state of the whole model with one tensor changed, or removed (None)."""
    unet, daclip = a_unet_state(1), a_daclip_file(1)
    values = unet if part == "unet" else daclip
    values[name] = value
    if value is None:
        del values[name]
    return a_model_state(1, unet, daclip)


@pytest.mark.parametrize("part", ["unet", "perception"])
def test_a_missing_weight_is_named(home, tmp_path, part):
    name = {"unet": "final_conv.bias", "perception": "head1.2.bias"}[part]
    sentence = refused(a_model_file(tmp_path / "m.pt", changed(part, name, None)))
    assert f"1 of the {len(a_unet_state() if part == 'unet' else an_image_state())} weights of" in sentence
    assert f"first {name}" in sentence


@pytest.mark.parametrize(
    "state",
    [
        changed("unet", "more.weight", torch.zeros(1)),
        changed("perception", "head3.0.weight", torch.zeros(1)),
        changed("perception", "clip_model.visual.more", torch.zeros(1)),
        {**a_model_state(1), "more": torch.zeros(1)},
        {**a_model_state(1), "model.unet1.prompt": torch.zeros(1)},
    ],
    ids=["unet", "head", "visual", "top", "second unet"],
)
def test_an_unknown_weight_is_counted(home, tmp_path, state):
    assert "1 of its weights unknown to" in refused(a_model_file(tmp_path / "m.pt", state))


@pytest.mark.parametrize(
    ("part", "name", "value", "words"),
    [
        ("unet", "final_conv.bias", torch.zeros(2), "final_conv.bias is 2 and not 1"),
        ("perception", "head2.2.weight", torch.zeros(8, 17), "head2.2.weight is 8×17 and not 8×16"),
        ("unet", "prompt", torch.zeros(1, 32, dtype=torch.int32), "holds torch.int32, not real numbers"),
        ("unet", "prompt", torch.zeros(1, 32).to_sparse(), "not an ordinary tensor"),
        ("unet", "prompt", torch.zeros(1, 32, device="meta"), "not an ordinary tensor"),
        ("unet", "prompt", [0.0] * 32, "not an ordinary tensor"),
        ("perception", "clip_model.visual.bn1.num_batches_tracked", torch.tensor(0.5), "not whole numbers"),
        ("unet", "final_conv.bias", torch.tensor([float("nan")]), "not all finite"),
        ("perception", "head1.0.bias", torch.full((16,), float("inf")), "not all finite"),
        ("unet", "final_conv.bias", torch.tensor([1e300], dtype=torch.float64), "not all finite"),
    ],
)
def test_a_weight_of_another_kind_is_refused(home, tmp_path, part, name, value, words):
    sentence = refused(a_model_file(tmp_path / "m.pt", changed(part, name, value)))
    assert words in sentence and name in sentence


def test_a_larger_network_is_another_network(home, tmp_path):
    sentence = refused(a_model_file(tmp_path / "m.pt", a_model_state(1, a_unet_state(1, dim=16))))
    assert "another network than the authors'" in sentence


@pytest.mark.parametrize("ema", [[], {}, "average", {"initted": torch.ones(1)}, {0: torch.ones(1)}], ids=repr)
def test_an_average_that_is_none_is_refused(home, tmp_path, ema):
    sentence = refused(a_model_file(tmp_path / "m.pt", last=a_model_state(1), ema=ema))
    assert "moving average (ema)" in sentence


@pytest.mark.parametrize(
    "content",
    [
        {"model.unet0.prompt": torch.zeros(1)},
        {"model": {"model.unet0.prompt": torch.zeros(1)}},
        {"model": {}, "ema": {"ema_model.model.unet0.prompt": torch.zeros(1)}},
        {"model": {"prompt_learner.ctx": torch.zeros(1)}},
    ],
    ids=["bare", "model", "average", "DA-CLIP within"],
)
def test_a_part_of_a_model_is_refused(home, tmp_path, content):
    refused(saved(content, tmp_path / "m.pt"))


def test_a_failed_import_leaves_the_model_that_was_there(home, tmp_path):
    before = import_checkpoint(a_model_file(tmp_path / "m.pt", a_model_state(1)))
    with pytest.raises(InputError):
        import_checkpoint(a_model_file(tmp_path / "m.pt", changed("unet", "final_conv.bias", torch.zeros(2))))
    assert find_card("founddiff-official") == before and holds(before, inference_state(1))


# files that are no checkpoint


def test_a_file_that_is_cut_off_is_refused(home, tmp_path):
    path = a_model_file(tmp_path / "m.pt", a_model_state(1))
    whole = path.read_bytes()
    for length in (10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:length])
        assert "damaged" in refused(path) or length == 10


def test_a_damaged_file_is_refused(home, tmp_path):
    path = a_model_file(tmp_path / "m.pt", a_model_state(1))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    assert "damaged" in refused(path)


class Hostile:
    def __reduce__(self):
        return print, ("this must never be seen",)


def test_code_in_a_file_is_never_run(home, tmp_path, capsys):
    path = a_model_file(tmp_path / "m.pt", a_model_state(1), scaler=Hostile())
    assert "contains code" in refused(path)
    assert "seen" not in capsys.readouterr().out


def test_a_tensor_of_impossible_size_is_refused_without_memory(home, tmp_path):
    huge = torch.zeros(1).expand(1, 2**40)  # four terabytes, were it ever copied
    assert "prompt is 1×1099511627776" in refused(a_model_file(tmp_path / "m.pt", changed("unet", "prompt", huge)))


# the command


def test_the_command_takes_both_files_and_half_precision(home, tmp_path, capsys):
    model = a_model_file(tmp_path / "model-400.pt", a_model_state(1))
    other = saved(a_daclip_file(1), tmp_path / "DA-CLIP.pth")
    assert main(["import-weights", str(model), str(other), "--float16"]) == 0
    assert "founddiff-official" in capsys.readouterr().out
    card = json.loads((home / "models" / "founddiff-official.json").read_text(encoding="utf-8"))
    assert card["weights"].endswith("-float16.safetensors")
