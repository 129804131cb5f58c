"""Names of outputs are good everywhere, and names of patients do not come into logs."""

from __future__ import annotations

import numpy as np
import pytest
from find_factory import another, found, images, names, put
from LDCTDenoiseLib.batch.hidden import hide
from LDCTDenoiseLib.batch.names import safe_name, shown, unique
from LDCTDenoiseLib.files import write_volume
from LDCTDenoiseLib.volume import CTVolume


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (["a", "b c", "series-1"], "a/b c/series-1"),
        (["Müller", "ß"], "Müller/ß"),
        (["CON", "aux.txt", "nul", "Lpt1", "console"], "_CON/_aux.txt/_nul/_Lpt1/console"),
        (["dots...", "space ", " x"], "dots/space/x"),
        (['a<b>c:d"e|f?g*h\\i', "tab\there"], "a_b_c_d_e_f_g_h_i/tab_here"),
        (["\udcff", "..."], "_/_"),
    ],
)
def test_names_are_good_on_every_system(parts, name):
    assert safe_name(parts) == name


@pytest.mark.parametrize("letter", ["x", "ü", "日", "𝒳"])
def test_long_names_are_cut_and_stay_apart(letter):
    long = [letter * 200, "series-1"]
    name = safe_name(long)
    assert len(name) <= 140 and all(len(part.encode()) <= 110 for part in name.split("/"))
    assert name.endswith("/series-1") and name != safe_name([letter * 201, "series-1"])
    assert len(safe_name([letter * 60]).encode()) <= 110
    deep = [f"folder {level} {letter * 20}" for level in range(50)]
    assert len(safe_name(deep)) <= 140 and safe_name(deep) != safe_name(["other", *deep])


def test_equal_names_get_a_part_of_their_keys():
    keys = ["111111aaaa", "222222bbbb", "333333cccc"]
    assert unique(["A/x", "a/X", "y"], keys) == ["A/x-111111", "a/X-222222", "y"]
    assert unique(["x", "x", "x-111111"], keys) == ["x-111111aaaa", "x-222222bbbb", "x-111111"]


def test_series_of_one_number_in_one_folder_have_names_of_their_own(tmp_path):
    put(another(3), tmp_path)
    put(images(SeriesNumber=3), tmp_path, 10)
    write_volume(CTVolume(np.zeros((2, 3, 4))), tmp_path / "series-3.nrrd")
    three = names(found(tmp_path))
    assert len(set(three)) == 3 and all(name.startswith("series-3-") for name in three)


def test_a_name_can_be_printed():
    assert shown("a\udcff\nb") == "a??b"


@pytest.mark.parametrize(
    ("text", "secrets", "hidden"),
    [
        ("in/Mustermann_Erika_4711/CT/series-2", ["Mustermann"], "in/(patient)/CT/series-2"),
        ("in\\MUSTERMANN\\CT", ["Mustermann"], "in\\(patient)\\CT"),
        ("mustermann.dcm is damaged.", ["Mustermann"], "(patient) is damaged."),
        ("It is Mustermann, Erika.", ["Mustermann", "Erika"], "It is (patient), (patient)."),
        ("Erika Mustermann/CT", ["Mustermann", "Erika"], "(patient)/CT"),
        ("Mueller/MÜLLER/Muller/müller", ["Müller"], "(patient)/(patient)/(patient)/(patient)"),
        ("Mu\u0308ller", ["Müller"], "(patient)"),
        ("strasse", ["Straße"], "(patient)"),
        ("Müller", ["Mueller"], "(patient)"),
        ("4711/x4711y/ID_004711/147112", ["4711"], "(patient)/(patient)/(patient)/147112"),
        ("series-2/12/Li/Lisa/A", ["2", "12", "Li", "A"], "series-2/12/(patient)/Lisa/A"),
        ("AB 12 34/x AB_12_34", ["AB 12 34"], "(patient)/x (patient)"),
        ("x/山田太郎/y", ["山田"], "x/(patient)/y"),
        ("CRLM-CT-1004/a", ["CRLM-CT-1004"], "(patient)/a"),
        ("Schmidt Meier Anna/schmidt_meier", ["Schmidt-Meier"], "(patient) Anna/(patient)"),
        ("Dr. SchmidtMeier/x", ["Schmidt-Meier"], "Dr. (patient)/x"),
        ("Mueller Lüdenscheid/MULLER-LUDENSCHEID", ["Müller-Lüdenscheid"], "(patient)/(patient)"),
        ("PAT 0815/pat-0815/PAT_0815 CT", ["PAT0815"], "(patient)/(patient)/(patient) CT"),
        ("PAT0815 CT", ["PAT 0815"], "(patient) CT"),
        ("b 1961-03-12/CT", ["19610312"], "b (patient)/CT"),
        ("lab come/CT 12/34", ["ABC", "1234"], "lab come/CT 12/34"),
        ("series-1-part-2/series/part", ["Series", "Part"], "series-1-part-2/series/(patient)"),
        ("series-4711", ["4711"], "(patient)"),
        ("index of a medium", ["Medium", "Index"], "index of a medium"),
        ("RTSTRUCT objects", ["Objects"], "RTSTRUCT objects"),
        ("nothing here", [], "nothing here"),
        ("nothing here", ["", " "], "nothing here"),
        ("(patient)/x", ["patient"], "(patient)/x"),
    ],
)
def test_names_and_ids_are_hidden(text, secrets, hidden):
    assert hide(text, secrets) == hidden
    assert hide(hidden, secrets) == hidden


@pytest.mark.parametrize(
    "sentence",
    [
        "The gantry was tilted by 15.0°; slices are denoised one by one, and the volume keeps its place.",
        "The slices differ in size (512 × 512 and 256 × 256 pixels), so they are not one volume; choose another.",
        "A slice is missing: slices lie 5 mm apart, but between 2.5 and 12.5 mm there is a gap; get the whole series.",
    ],
)
def test_words_of_sentences_are_no_names_of_patients(sentence):
    secrets = ["Tilt", "Slice", "A", "The", "An", "In", "512", "Volume", "Long", "Whole", "one", "gap"]
    assert hide(sentence, secrets) == sentence


@pytest.mark.parametrize(
    ("sentence", "hidden"),
    [
        (
            "/data/Schmidt Meier/CT/1.dcm is damaged; copy it again.",
            "/data/(patient)/CT/1.dcm is damaged; copy it again.",
        ),
        ("/d/Anna Maria Tilt/1.dcm is tilted.", "/d/(patient)/1.dcm is tilted."),
        ("C:\\d\\Anna Maria\\x y\\1 is tilted.", "C:\\d\\(patient)\\x y\\1 is tilted."),
        ("meier_tilt_01.dcm is tilted.", "(patient) is tilted."),
        ("tiltmeier is tilted.", "(patient) is tilted."),
        ("SCHMIDTMEIER is tilted.", "(patient) is tilted."),
        (
            "2 damaged file(s) were left out, for instance anna x.dcm.",
            "2 damaged file(s) were left out, for instance (patient) x.dcm.",
        ),
    ],
)
def test_names_of_files_in_sentences_are_hidden(sentence, hidden):
    assert hide(sentence, ["Schmidt-Meier", "Meier", "Anna", "Maria", "Tilt"]) == hidden
    assert hide(hidden, ["Schmidt-Meier", "Meier", "Anna", "Maria", "Tilt"]) == hidden


def test_thousands_of_names_are_hidden():
    secrets = tuple(f"Name{number}" for number in range(5_000))
    assert hide("a/b/Name4999/series-2", secrets) == "a/b/(patient)/series-2"


def test_a_series_knows_the_secrets_that_its_folders_hold(tmp_path):
    put(images(), tmp_path / "Mustermann")
    put(another(3, PatientName="anonymous", PatientID="0815"), tmp_path / "Mustermann" / "anonymous")
    put(another(4, PatientName="Schmidt", PatientID="0816"), tmp_path / "Schmidt")
    write_volume(CTVolume(np.zeros((2, 3, 4))), tmp_path / "Mustermann" / "x.nrrd")
    finding = found(tmp_path)
    hidden = [hide(one.name, one.secrets) for one in finding.series]
    assert hidden == ["(patient)/series-2", "(patient)/(patient)/series-3", "(patient)/series-4", "(patient)/x"]
    assert "Mustermann" not in finding.series[2].secrets
