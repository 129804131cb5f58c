"""Model cards: what may be in one, and that the reader, the JSON schema and the shipped cards agree."""

import dataclasses
import json
from pathlib import Path

import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.methods.classical import FILTERS, make_filter
from LDCTDenoiseLib.weights import cards, store
from LDCTDenoiseLib.weights.cards import Card

SCHEMA = json.loads(Path(cards.__file__).with_name("card.schema.json").read_text(encoding="utf-8"))
SHIPPED = sorted(store.SHIPPED.glob("*.json"))
CLASSICAL = ["anisotropic-diffusion", "bilateral", "gaussian", "median", "nlm", "tv"]

A_NETWORK = {
    "id": "a-network",
    "title": "A network",
    "version": "2",
    "family": "rddm",
    "description": "One line.",
    "licence": "Apache-2.0",
    "training_data": "Some.",
    "intended_use": "Tests.",
    "network": {"width": 16, "multipliers": [1, 2]},
    "hu_window": [-1024, 3072],
    "weights": "a-network.safetensors",
    "sha256": "0123456789abcdef" * 4,
    "size": 1234,
    "quality": {"psnr_gain_db": 5.1, "command": "…"},
    "time": {"seconds_per_slice": 0.3},
    "references": ["A paper"],
    "steps": 2,
}
A_FILTER = {
    **{name: A_NETWORK[name] for name in ("title", "version", "description", "licence", "training_data")},
    "id": "a-filter",
    "family": "classical",
    "intended_use": "Tests.",
    "parameters": {"strength": 0.9},
}

WRONG = {
    "id with a capital": {"id": "A-network"},
    "id with a slash": {"id": "a/network"},
    "empty id": {"id": ""},
    "id of another type": {"id": 3},
    "empty title": {"title": "  "},
    "title of another type": {"title": None},
    "description of two lines": {"description": "one\ntwo"},
    "version as a number": {"version": 2},
    "unknown family": {"family": "magic"},
    "family of another type": {"family": ["rddm"]},
    "network as a list": {"network": [16]},
    "network with parameters": {"parameters": {"strength": 1}},
    "one number as a window": {"hu_window": [3072]},
    "window beyond all numbers": {"hu_window": [-1024, 10**400]},
    "window of texts": {"hu_window": ["-1024", "3072"]},
    "window of truth values": {"hu_window": [False, True]},
    "weights in another folder": {"weights": "../a.safetensors"},
    "weights in another folder of Windows": {"weights": "..\\a.safetensors"},
    "weights at an absolute path": {"weights": "/a.safetensors"},
    "weights on another drive": {"weights": "C:a.safetensors"},
    "weights as a pickle": {"weights": "a.pth"},
    "weights without a checksum": {"sha256": None},
    "weights without a size": {"size": None},
    "checksum without weights": {"weights": None},
    "short checksum": {"sha256": "0123"},
    "checksum of other letters": {"sha256": "g" * 64},
    "size of nothing": {"size": 0},
    "size as a text": {"size": "1234"},
    "size as a truth value": {"size": True},
    "quality as a text": {"quality": "good"},
    "time as a number": {"time": 3},
    "references as a text": {"references": "A paper"},
    "references of numbers": {"references": [1]},
    "no steps": {"steps": 0},
    "steps as a text": {"steps": "two"},
    "obtain as a number": {"obtain": 1},
    "an unknown field": {"colour": "blue"},
}


def write(folder, values, name=None):
    path = folder / (name or f"{values['id']}.json")
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def is_valid(values):
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with the package jsonschema")
    return jsonschema.Draft202012Validator(SCHEMA).is_valid(values)


def test_the_schema_itself_is_valid():
    jsonschema = pytest.importorskip("jsonschema", reason="the schema is checked with the package jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_card_and_the_schema_have_the_same_fields():
    fields = {f.name: f for f in dataclasses.fields(Card) if f.name != "folder"}  # the folder is no part of the file
    assert list(fields) != [] and set(fields) == set(SCHEMA["properties"])
    required = {
        name
        for name, f in fields.items()
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    assert required == set(SCHEMA["required"])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_card_agrees_with_the_schema_and_is_as_to_json_writes_it(path):
    text = path.read_text(encoding="utf-8")
    assert is_valid(json.loads(text))
    assert Card.from_file(path).to_json() == text


@pytest.mark.parametrize("id", CLASSICAL)
def test_a_classical_card_holds_the_settings_of_its_method(id):
    card = Card.from_file(store.SHIPPED / f"{id}.json")
    assert make_filter(card.id, **card.parameters) == FILTERS[id]()
    assert set(card.parameters) == {f.name for f in dataclasses.fields(FILTERS[id])}


@pytest.mark.parametrize("values", [A_NETWORK, A_FILTER], ids=["a network", "a filter"])
def test_a_good_card_comes_back_as_it_was_written(tmp_path, values):
    card = Card.from_file(write(tmp_path, values))
    assert is_valid(values)
    again = tmp_path / "again"
    again.mkdir()
    (again / f"{card.id}.json").write_text(card.to_json(), encoding="utf-8")
    assert Card.from_file(again / f"{card.id}.json") == card
    assert is_valid(json.loads(card.to_json()))
    for name, value in values.items():
        assert getattr(card, name) == (tuple(value) if name == "hu_window" else value)


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG.keys())
def test_reader_and_schema_refuse(tmp_path, change):
    values = {**A_NETWORK, **change}
    with pytest.raises(InputError, match=r"^The model card .* is not right: [^.]*\S.*\.$"):
        Card.from_file(write(tmp_path, values, "a-network.json"))
    assert not is_valid(values)


@pytest.mark.parametrize("name", SCHEMA["required"])
def test_reader_and_schema_refuse_a_card_without(tmp_path, name):
    values = {key: value for key, value in A_NETWORK.items() if key != name}
    with pytest.raises(InputError, match=f"'{name}' is missing"):
        Card.from_file(write(tmp_path, values, "a-network.json"))
    assert not is_valid(values)


@pytest.mark.parametrize(
    "change", [{"network": {"width": 3}}, {"weights": "a.safetensors", "sha256": "0" * 64, "size": 1}]
)
def test_a_filter_has_neither_a_network_nor_weights(tmp_path, change):
    values = {**A_FILTER, **change}
    with pytest.raises(InputError, match="classical"):
        Card.from_file(write(tmp_path, values))
    assert not is_valid(values)


@pytest.mark.parametrize("window", [[3072, -1024], [0, 0]])
def test_a_window_has_the_lower_value_first(tmp_path, window):
    with pytest.raises(InputError, match="hu_window"):
        Card.from_file(write(tmp_path, {**A_NETWORK, "hu_window": window}))


def test_a_newline_at_the_end_is_no_part_of_an_id(tmp_path):
    with pytest.raises(InputError, match="its id"):
        Card.from_file(write(tmp_path, {**A_NETWORK, "id": "a-network\n"}, "a-network.json"))


def test_the_id_is_the_name_of_the_file(tmp_path):
    with pytest.raises(InputError, match="id is 'a-network'"):
        Card.from_file(write(tmp_path, A_NETWORK, "another.json"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"not JSON",
        b"[]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"size": NaN}',
        b'{"size": Infinity}',
        b'{"title": "\\ud800"}',
        b'{"size": ' + b"9" * 10_000 + b"}",
        b" " * (cards.MAX_BYTES + 1),
    ],
    ids=["empty", "cut off", "text", "list", "bytes", "deep", "NaN", "infinity", "half a character", "huge", "large"],
)
def test_a_file_that_is_no_card_is_one_sentence(tmp_path, content):
    path = tmp_path / "a-network.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^The model card a-network\.json is "):
        Card.from_file(path)


def test_a_card_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="could not be read"):
        Card.from_file(tmp_path / "a-network.json")


def test_a_card_saved_by_notepad_is_read(tmp_path):
    path = tmp_path / "a-network.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(A_NETWORK).encode())
    assert Card.from_file(path).title == "A network"


def test_a_card_made_in_code_is_checked_too(tmp_path):
    good = Card.from_file(write(tmp_path, A_NETWORK))
    with pytest.raises(InputError, match="quality"):
        dataclasses.replace(good, quality={"psnr": float("nan")})
    with pytest.raises(dataclasses.FrozenInstanceError):
        good.title = "Another"
