"""The files by which Slicer's index, builds and extension manager know the extension are right and say one thing."""

import json
import re
import struct
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).resolve().parents[2]
URL = {"type": "string", "pattern": r"^https://\S+$"}
# Slicer's catalogue entry, schema 1.0.2: these keys and no others
ENTRY = {
    "type": "object",
    "required": ["$schema", "category", "scm_url"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string", "pattern": r"slicer-extension-catalog-entry-schema-v1\.0\.2\.json#$"},
        "category": {"type": "string", "minLength": 1},
        "scm_url": URL,
        "scm_revision": {"type": "string"},
        "build_dependencies": {"type": "array", "items": {"type": "string"}},
        "build_subdirectory": {"type": "string"},
        "enabled": {"type": "boolean"},
        "tier": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}


@pytest.fixture(scope="module")
def entry() -> dict:
    return json.loads((ROOT / "LDCTDenoise.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def s4ext() -> dict[str, str]:
    lines = (ROOT / "LDCTDenoise.s4ext").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return {key: value for key, _, value in pairs}


@pytest.fixture(scope="module")
def cmake() -> dict[str, str]:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return dict(re.findall(r'set\(EXTENSION_(\w+) "([^"]*)"\)', text))


def png_size(path: Path) -> tuple[int, int]:
    data = path.read_bytes()[:24]
    assert data[:8] == b"\x89PNG\r\n\x1a\n", path
    return struct.unpack(">II", data[16:24])


def test_the_catalogue_entry_has_the_keys_of_the_schema_and_no_others(entry):
    jsonschema.validate(entry, ENTRY)


def test_the_repository_is_named_slicer_and_the_extension(entry):
    assert entry["scm_url"].removesuffix(".git").rsplit("/", 1)[1] == "SlicerLDCTDenoise"


def test_both_forms_of_the_entry_say_the_same(entry, s4ext):
    assert s4ext["scmurl"] == entry["scm_url"]
    assert s4ext["scmrevision"] == entry["scm_revision"]
    assert s4ext["depends"].split() == entry["build_dependencies"]
    assert s4ext["build_subdirectory"] == entry["build_subdirectory"]
    assert s4ext["category"] == entry["category"]
    assert int(s4ext["tier"]) == entry["tier"]


def test_the_entry_and_the_build_say_the_same(entry, s4ext, cmake):
    assert cmake["DEPENDS"].split() == entry["build_dependencies"]
    for key in ("homepage", "contributors", "description", "iconurl", "screenshoturls"):
        assert s4ext[key] == cmake[key.upper()], key
    assert cmake["HOMEPAGE"] == entry["scm_url"].removesuffix(".git")


def test_the_pictures_that_the_entry_names_are_in_the_repository(cmake):
    for url in (cmake["ICONURL"], *cmake["SCREENSHOTURLS"].split()):
        path = ROOT / url.partition("/main/")[2]
        assert path.is_file(), path


def test_the_icon_has_128_pixels_and_the_thumbnail_the_size_of_slicers_own():
    for path in (ROOT / "Resources", ROOT / "LDCTDenoise" / "Resources" / "Icons"):
        assert png_size(path / "LDCTDenoise.png") == (128, 128)
    assert png_size(ROOT / "LDCTDenoise" / "Resources" / "Icons" / "LDCTDenoiseSample.png") == (260, 280)


def test_the_description_says_that_it_is_for_research(cmake):
    assert "For research use" in cmake["DESCRIPTION"]


def test_no_picture_is_heavy():
    for path in (ROOT / "Resources").rglob("*.png"):
        assert path.stat().st_size < 1_500_000, path
