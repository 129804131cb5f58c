"""The report is one page that needs nothing else, tells everything that was measured, and trusts no name."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.report import Pictures, write_report
from report_factory import SPACING, a_document, some_slices

pytest.importorskip("matplotlib")
LIB = Path(__file__).resolve().parents[2] / "LDCTDenoise"
VOID = {"meta", "br", "img", "link", "hr", "input"}


class Page(HTMLParser):
    """Tags with their attributes, the text of each section by its heading, and whether every tag was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.open, self.sections, self.text = [], [], {}, ""
        self.heading = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        self.text += " "

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.text += " "

    def handle_data(self, data):
        if "style" in self.open:
            return
        if self.open[-1:] == ["h2"]:
            self.heading = data
        self.text += data
        self.sections[self.heading] = self.sections.get(self.heading, "") + " " + data

    def words(self, section=None) -> str:
        return " ".join((self.text if section is None else self.sections[section]).split())

    def of(self, tag, cls=None):
        return [a for name, a in self.tags if name == tag and (cls is None or cls in (a.get("class") or "").split())]


def written(folder, document, images=None, **more) -> str:
    shown = Pictures(7, SPACING, images or some_slices(document["images"]), (-160, 240), **more)
    write_report(folder / "report.html", document, shown)
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    maps = {name: np.full((48, 64), 9.0) for name in ("input", "nlm", "rddm-fine")}
    return written(tmp_path_factory.mktemp("report"), a_document(), noise_maps=maps)


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def test_the_page_asks_for_nothing_from_outside_and_runs_nothing(text, page):
    asked = [value for _, a in page.tags for key, value in a.items() if key in ("src", "href", "xlink:href", "action")]
    assert asked and all(value.startswith(("#", "data:image/png;base64,")) for value in asked)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not page.of("script") and not page.of("link") and not page.of("iframe")
    (policy,) = [a["content"] for a in page.of("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert {"charset": "utf-8"} in page.of("meta")


def test_no_two_things_share_an_id_and_every_reference_finds_one(text, page):
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    wanted = {a.get("href", a.get("xlink:href", "")) for a in page.of("use")} | set(
        re.findall(r"url\((#[^)]*)\)", text)
    )
    assert len(wanted) > 5
    assert {name.removeprefix("#") for name in wanted} <= set(ids)


def test_head_and_foot_say_research_use(page):
    told = page.words()
    assert told.count("For research use only. Not for diagnosis.") == 2
    for place in ("header", "footer"):
        assert page.of(place)
    assert told.rstrip().endswith("Not for diagnosis.")


def test_it_tells_what_was_measured_of_how_much(page):
    assert "3 of 30 slices, evenly from 5 to 9" in page.words()
    assert "64 × 48, 30 slices" in page.words()
    assert "0.5 × 0.8 × 2.5 mm" in page.words()


def test_every_figure_stands_in_the_table_with_its_error_unit_and_change(page):
    table = page.words("All figures")
    assert "Noise level HU 20.0 ± 0.3 10.0 ± 0.3 ▼ −50 % 6.7 ± 0.3 ▼ −67 %" in table
    assert "HU shift, fat HU −1.6 ± 0.1 −0.6 ± 0.1" in table
    assert "Residual structure % – 0.4" in table
    assert "d′, 5 mm, 15 HU 1.00 ± 0.05 contrast kept 100 ± 3 % 1.10 ± 0.05 ▲ +10 % contrast kept 93 ± 3 %" in table


def test_gains_stand_beside_the_psnr_they_belong_to(tmp_path):
    table = Page(written(tmp_path, a_document(reference=True))).words("All figures")
    assert "PSNR, soft tissue dB 25.00 29.87 ▲ +4.87 ± 0.20 dB 34.74 ▲ +9.74 ± 0.20 dB" in table
    assert "PSNR gain" not in table


def test_every_figure_is_defined(page):
    for definition in a_document()["definitions"].values():
        if "PSNR" not in definition["title"]:
            assert f"{definition['title']} {definition['unit']}".strip() in page.words("Definitions")
            assert definition["meaning"] in page.words("Definitions")


def test_a_figure_that_nobody_defined_is_shown_by_its_key(tmp_path):
    document = a_document() | {"definitions": {}}
    assert "kept 5mm 15hu" in Page(written(tmp_path, document)).words("Definitions")


def test_verdicts_are_told_by_word_and_by_shape(text, page):
    told = page.words("At a glance")
    assert "Non-local means, residual structure: warning. It takes anatomy away." in told
    assert "RDDM Fine, residual structure: good. It takes noise away." in told
    assert told.index("warning") < told.index("good")  # the worst first
    shapes = dict(re.findall(r'<svg class="light (\w+)"[^>]*>(.*?)</svg>', text))
    assert set(shapes) == {"red", "green"} and shapes["red"] != shapes["green"]


def test_the_record_is_told_to_the_last_entry_and_shared_entries_once(page):
    told = page.words("How the images were made")
    for entry in ("checksum none 6fd814683af4", "seed 0 7", "versions.torch – 2.13.0", "self check rms hu – 0.44034"):
        assert entry in told
    assert told.count("LDCTDenoise") == 1 and "slices 0, 30" in told


def test_a_method_without_a_record_is_named(tmp_path):
    document = a_document()
    del document["records"]["nlm"]
    told = Page(written(tmp_path, document)).words("How the images were made")
    assert "No record came with Non-local means: how it was made is not known here." in told


def test_notices_are_near_the_top(page):
    assert "SSIM was left out." in page.words("At a glance")


def test_the_page_of_an_input_alone_has_neither_changes_nor_differences(tmp_path):
    document = a_document()
    document["images"] = ["input"]
    for key in ("figures", "per_slice"):
        document[key] = [row for row in document[key] if row["image"] == "input"]
    document |= {"curves": {}, "verdicts": [], "rois": None, "edges": [], "records": {}, "notices": []}
    page = Page(written(tmp_path, document))
    assert "none: the input alone" in page.words()
    assert "Difference" not in page.words() and "▼" not in page.words("All figures")


def test_a_measurement_of_a_volume_becomes_a_page(tmp_path, a_small_ct):
    from LDCTDenoiseLib.quality.measurement import Subject, measure
    from LDCTDenoiseLib.quality.measurement.shown import pictures_of

    smooth = (a_small_ct.hu + a_small_ct.hu.mean(axis=0)) / 2
    subject = Subject({"input": a_small_ct.hu, "mean": smooth, "reference": smooth - 3}, a_small_ct.spacing, "small")
    answer = measure(subject)
    write_report(tmp_path / "report.html", answer, pictures_of(subject, answer))
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    for key, definition in answer["definitions"].items():
        assert " ".join(definition["meaning"].split()) in page.words("Definitions"), key
    assert "HU shift inside soft tissue HU +3.0 +3.0" in re.sub(r" ± [\d.]+", "", page.words("All figures"))


def test_a_page_without_pictures_has_all_the_rest(tmp_path):
    write_report(tmp_path / "report.html", a_document())
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "Pictures" not in page.sections and "Plots" in page.sections
    assert not page.of("image")


HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</text></svg><h1>gone</h1>",
    "--><b>out</b><!--",
    "$\\frac{",
    "_hidden",
    "&lt;b&gt;",
    "over\u202eridden\x00\x1b[31m",
    "half a \udcff file name",
    "long " * 200,
    "",
)


@pytest.mark.parametrize("first", range(0, len(HOSTILE), 3))
def test_a_hostile_name_is_only_a_name(tmp_path, first, page):
    names = (*HOSTILE, *HOSTILE)[first : first + 3]
    document = a_document()
    document["input"]["name"] = names[0]
    document["titles"] = dict(zip(document["images"], names, strict=True))
    document["notices"] = list(names)
    document["verdicts"][0] |= {"text": names[1], "light": '"><script>'}
    document["records"]["nlm"] = {f"x{name}": name for name in names} | {"nested": {f"x{names[0]}": list(names)}}
    document["definitions"]["noise"] = dict(zip(("title", "unit", "meaning", "group"), names * 2, strict=False))
    document["curves"]["nps"] |= {"title": names[0], "x": names[1], "y_unit": names[2]}
    text = written(tmp_path, document)
    found = Page(text)
    assert {tag for tag, _ in found.tags} <= {tag for tag, _ in page.tags}
    assert {key for _, a in found.tags for key in a} <= {key for _, a in page.tags for key in a}
    assert len(found.of("h1")) == 1 and not re.search("[\x00\x1b\u202e]|<!--", text)
    for name in names:
        shown = re.sub("[\x00\x1b\u202e]", "", name).replace("\udcff", "?")
        assert " ".join(shown.split())[:60] in found.words("At a glance")


def test_a_legend_shows_names_that_matplotlib_would_hide_or_typeset(tmp_path):
    document = a_document()
    document["titles"] |= {"nlm": "_hidden", "rddm-fine": "$5 HU$"}
    plots = Page(written(tmp_path, document)).words("Plots")
    assert plots.count("_hidden") == plots.count("$5 HU$") == 4  # NPS, detectability, shift, noise per slice


def test_an_existing_report_is_kept_unless_it_may_be_replaced(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        write_report(path, a_document())
    assert path.read_text() == "mine"
    write_report(path, a_document(), overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [path]


def test_without_matplotlib_one_sentence_and_nothing_written(tmp_path, monkeypatch):
    for name in [*(name for name in sys.modules if name.startswith("matplotlib")), "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="pip install matplotlib"):
        write_report(tmp_path / "report.html", a_document())
    assert list(tmp_path.iterdir()) == []


def test_many_large_noisy_pictures_make_a_page_below_four_megabytes(tmp_path):
    document = a_document()
    names = ["input", *(f"m{number}" for number in range(7))]
    rng = np.random.default_rng(0)
    images = {name: rng.normal(40, 60, (512, 512)).astype(np.float32) for name in names}
    document |= {"images": names, "curves": {}}
    assert 1e6 < len(written(tmp_path, document, images)) <= 4e6


def test_importing_the_report_loads_no_matplotlib():
    code = "import sys, LDCTDenoiseLib.quality.report; print(sorted({n.split('.')[0] for n in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=LIB, stdin=subprocess.DEVNULL
    )
    assert "'numpy'" in done.stdout
    for heavy in ("matplotlib", "skimage", "torch", "PIL"):
        assert f"'{heavy}'" not in done.stdout


def test_the_page_says_what_measured_it(tmp_path):
    facts = {"software": "LDCTDenoise", "version": "9.9", "date": "2026-01-02", "versions": {"numpy": "2.1"}}
    write_report(tmp_path / "report.html", {**a_document(), "measured_with": facts})
    words = Page((tmp_path / "report.html").read_text(encoding="utf-8")).words("How the images were made")
    assert "Measured with LDCTDenoise 9.9, 2026-01-02; numpy 2.1." in words
