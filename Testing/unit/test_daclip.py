"""DA-CLIP: the authors' numbers and names, what may be missing from a file, slices of any size."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from founddiff_weights import key_table, parity_tensor, shape_of  # noqa: E402
from LDCTDenoiseLib.networks.clip_text import ENDS, TextArguments, token_ids  # noqa: E402
from LDCTDenoiseLib.networks.daclip import DACLIP, UNREAD, is_text  # noqa: E402
from parity import parity_folder  # noqa: E402

REDUCED = {"layers": (1, 2, 1, 1), "width": 8}
REDUCED_TEXT = {"width": 64, "heads": 1, "layers": 2}
SMALL = {"embed": 16, "layers": (1, 2), "width": 8, "anatomy_features": 8}
SMALL_TEXT = {"width": 8, "heads": 2, "layers": 1, "vocabulary": 0}


def small(**arguments) -> DACLIP:
    torch.manual_seed(0)
    network = DACLIP(**SMALL, **arguments)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return network.eval()


# the authors' numbers


@pytest.fixture(scope="module")
def reduced_state():
    rows = key_table(parity_folder("founddiff") / "reduced_keys_daclip.tsv")
    return {row["key"]: parity_tensor(row["key"], shape_of(row)) for row in rows}


@pytest.fixture(scope="module")
def stored():
    with np.load(parity_folder("founddiff") / "reduced_a_daclip.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
@torch.no_grad()
def found(reduced_state, stored):
    """The same quantities from this network, under the names of the parity data."""
    network = DACLIP(**REDUCED, text=REDUCED_TEXT).eval()
    network.load_state_dict(reduced_state)
    values, visual = {}, network.clip_model.visual

    def keep(module, name):
        module.register_forward_hook(lambda _, inputs, output: values.__setitem__(name, output))

    visual.layer1.register_forward_pre_hook(lambda _, inputs: values.__setitem__("stem_avgpool", inputs[0]))
    for name in ("layer1", "layer2", "layer3", "layer4"):
        keep(getattr(visual, name), name)
    keep(visual, "image_feature")
    keep(network.head1, "head1_out")
    keep(network.head2, "head2_out_unnormalised")
    values["dose_embedding"], values["anatomy_embedding"] = network(stored["x"])
    values["prompt_embeddings"] = network.prompt_learner()
    values["text_feature"] = network.clip_model(network.prompt_learner())
    values["logits_clean_noisy"] = network.logits(values["dose_embedding"])
    values["prob_clean"] = network.clean_probability(stored["x"])
    return values


QUANTITIES = [
    "stem_avgpool", "layer1", "layer2", "layer3", "layer4", "image_feature", "head1_out", "head2_out_unnormalised",
    "dose_embedding", "anatomy_embedding", "prompt_embeddings", "text_feature", "logits_clean_noisy", "prob_clean",
]  # fmt: skip


@pytest.mark.parametrize("name", QUANTITIES)
def test_it_computes_what_the_authors_network_computes(found, stored, name):
    torch.testing.assert_close(found[name], stored[name], rtol=0, atol=1e-5 * float(stored[name].abs().max()))


def test_no_stored_quantity_is_forgotten(stored):
    assert set(stored) == {*QUANTITIES, "x", "tokens"}


def test_the_tokens_and_the_ends_of_the_texts_are_the_authors(stored):
    placeholders = stored["tokens"][:, 1:17]
    assert (placeholders == placeholders[0, 0]).all()
    assert torch.equal(
        torch.cat([stored["tokens"][:, :1], stored["tokens"][:, 17:]], dim=1), torch.tensor(token_ids(77))
    )
    assert tuple(stored["tokens"].argmax(dim=1).tolist()) == ENDS


@torch.no_grad()
def test_without_the_text_branch_the_embeddings_are_the_same(reduced_state, stored, found):
    network = DACLIP(**REDUCED).eval()
    network.load_state_dict(reduced_state)
    dose, anatomy = network(stored["x"])
    assert torch.equal(dose, found["dose_embedding"]) and torch.equal(anatomy, found["anatomy_embedding"])


# names


def test_names_and_shapes_of_the_published_size_are_the_authors():
    rows = key_table(parity_folder("founddiff") / "keys_daclip.tsv")
    table = {row["key"]: shape_of(row) for row in rows}
    with torch.device("meta"):
        whole, image = DACLIP(text=TextArguments()), DACLIP()
    found = {name: tuple(value.shape) for name, value in whole.state_dict().items()}
    assert found == {name: shape for name, shape in table.items() if name not in UNREAD}
    found = {name: tuple(value.shape) for name, value in image.state_dict().items()}
    assert found == {name: s for name, s in table.items() if name not in UNREAD and not is_text(name)}
    # an attribute of the published network: 41.73 million values in image branch and heads, less what nothing reads
    assert sum(p.numel() for p in image.parameters()) == 41_625_696
    assert set(UNREAD) < set(table)
    whole.load_state_dict({name: torch.empty(shape, device="meta") for name, shape in table.items()}, assign=True)
    image.load_state_dict({name: torch.empty(shape, device="meta") for name, shape in table.items()}, assign=True)


def test_a_file_without_the_text_branch_is_loaded_where_none_was_asked_for():
    small().load_state_dict(small().state_dict())
    small().load_state_dict(small(text=SMALL_TEXT).state_dict())
    with pytest.raises(RuntimeError, match=r"Missing key.*prompt_learner\.ctx"):
        small(text=SMALL_TEXT).load_state_dict(small().state_dict())


def test_inside_another_network_it_is_loaded_in_the_same_way():
    inside = torch.nn.ModuleDict({"perception": small()})
    state = {f"perception.{name}": value for name, value in small(text=SMALL_TEXT).state_dict().items()}
    inside.load_state_dict(state)
    assert "perception.prompt_learner.ctx" in state  # the caller's dict is not touched
    with pytest.raises(RuntimeError, match="Unexpected key"):
        inside.load_state_dict({**state, "clip_model.logit_scale": torch.zeros(())})


@pytest.mark.parametrize("name", ["head3.weight", "clip_model.visual.fc.weight", "clip_model.more", "prompt_learnerx"])
@pytest.mark.parametrize("text", [None, SMALL_TEXT], ids=["image", "text"])
def test_any_other_entry_is_refused(text, name):
    network = small(text=text)
    with pytest.raises(RuntimeError, match="Unexpected key"):
        network.load_state_dict({**network.state_dict(), name: torch.zeros(1)})


@pytest.mark.parametrize("name", ["head1.2.bias", "clip_model.visual.layer2.0.downsample.0.weight"])
def test_a_missing_entry_is_refused(name):
    state = small().state_dict()
    del state[name]
    with pytest.raises(RuntimeError, match="Missing key"):
        small().load_state_dict(state)


def test_the_words_of_new_prompts_come_from_the_vocabulary():
    text = {**SMALL_TEXT, "vocabulary": 49408}
    network = DACLIP(**SMALL, text=text)
    words = network.clip_model.token_embedding.weight
    ids = torch.tensor(token_ids(77))
    fixed = torch.cat([network.prompt_learner.token_prefix, network.prompt_learner.token_suffix], dim=1)
    assert torch.equal(fixed, words[ids])
    before = words.detach().clone()
    state = {n: v for n, v in network.state_dict().items() if n != "clip_model.token_embedding.weight"}
    network.load_state_dict(state)  # a file may lack them: nothing reads them any more
    assert torch.equal(network.clip_model.token_embedding.weight, before)


def test_without_a_vocabulary_a_word_is_the_same_vector_in_both_prompts():
    learner = small(text=SMALL_TEXT).prompt_learner
    assert torch.equal(learner.token_suffix[0, 1:3], learner.token_suffix[1, 1:3])  # "dose CT"
    assert not torch.equal(learner.token_suffix[0, 0], learner.token_suffix[1, 0])  # "high", "low"


# what it does


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (33, 47), (64, 64)])
def test_slices_of_any_size_give_embeddings_of_length_one(size):
    torch.manual_seed(1)
    dose, anatomy = DACLIP(embed=24, layers=(1, 1, 1, 1), width=4, anatomy_features=8).eval()(torch.rand(2, 1, *size))
    assert dose.shape == (2, 24) and anatomy.shape == (2, 8)
    for embedding in (dose, anatomy):
        torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))


@torch.no_grad()
def test_a_slice_too_small_to_be_halved_five_times_is_continued_by_its_edge():
    network, image = small(), torch.rand(1, 1, 5, 40)
    longer = torch.cat([image, image[:, :, -1:].expand(1, 1, 27, 40)], dim=2)
    assert torch.equal(network(image)[0], network(longer)[0])


@torch.no_grad()
def test_a_slice_does_not_depend_on_its_neighbours_in_the_batch():
    images = torch.rand(3, 1, 40, 48) * 2 - 1
    network = small()
    together = network(images)[0]
    alone = torch.cat([network(image[None])[0] for image in images])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


def test_everything_learns():
    network = small(text=SMALL_TEXT).train()
    images = torch.rand(3, 1, 40, 48) * 2 - 1
    dose, anatomy = network(images)
    (network.logits(dose)[:, 0].sum() + (anatomy * torch.rand(8)).sum()).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_in_training_the_statistics_of_the_images_are_learned():
    network = small().train()
    before = network.clip_model.visual.bn1.running_mean.clone()
    network(torch.rand(3, 1, 40, 48))
    assert not torch.equal(network.clip_model.visual.bn1.running_mean, before)
    after = network.eval().clip_model.visual.bn1.running_mean.clone()
    network(torch.rand(3, 1, 40, 48))
    assert torch.equal(network.clip_model.visual.bn1.running_mean, after)


@torch.no_grad()
def test_clean_and_noisy_share_the_probability():
    network, image = small(text=SMALL_TEXT), torch.rand(2, 1, 40, 48)
    logits = network.logits(network(image)[0])
    assert logits.shape == (2, 2) and logits.abs().max() <= 1 / 0.07 + 1e-3
    clean = network.clean_probability(image)
    torch.testing.assert_close(clean[:, 0], torch.sigmoid(logits[:, 0] - logits[:, 1]))


def test_without_the_text_branch_there_is_no_probability():
    with pytest.raises(ValueError, match="text branch"):
        small().clean_probability(torch.rand(1, 1, 40, 48))


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (1, 32, 32), (32, 32)])
def test_only_single_channel_batches_are_taken(shape):
    with pytest.raises(ValueError, match="expected a tensor"):
        small()(torch.zeros(shape))


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="heads"):
        DACLIP(**SMALL, heads=3)
    with pytest.raises(ValueError, match="heads"):
        DACLIP(**SMALL, text={**SMALL_TEXT, "heads": 3})
    with pytest.raises(ValueError, match="context"):
        DACLIP(**SMALL, text={**SMALL_TEXT, "context": 23})


def test_the_text_branch_is_there_only_where_it_was_asked_for():
    assert not any(is_text(name) for name in small().state_dict())
    assert any(is_text(name) for name in small(text=SMALL_TEXT).state_dict())
