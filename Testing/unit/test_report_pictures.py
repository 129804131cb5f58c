"""The pictures of a report: the right slice, cropped to the patient, in true colours, with marks where they belong."""

import base64
import io
import re

import numpy as np
import pytest
from LDCTDenoiseLib.quality.picture import BODY, HEAD, LUNG
from LDCTDenoiseLib.quality.report import Pictures, slice_to_show
from LDCTDenoiseLib.quality.report.pictures import crop_to, outline
from LDCTDenoiseLib.quality.report.png import BLUE_WHITE_RED, GREY, NOISE, data_uri, palette, shrunk
from LDCTDenoiseLib.quality.report.strips import picture_strips
from report_factory import SPACING, a_document, some_slices


def seen(uri: str) -> np.ndarray:
    """uint8 [rows, columns, 3], as somebody else's reader sees a PNG."""
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2]))).convert("RGB"))


def strips(document=None, images=None, **more) -> str:
    document = document or a_document()
    return picture_strips(Pictures(7, SPACING, images or some_slices(), (-160, 240), **more), document)


def squares(html: str) -> list[list[float]]:
    """x, y, width, height in mm of the ROIs."""
    found = re.findall(r'<rect class="roi" x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"', html)
    return [[float(value) for value in one] for one in found]


def test_a_window_maps_its_ends_to_black_and_white_and_its_middle_to_grey():
    hu = np.array([[-2000.0, -160.0, 40.0, 240.0, 3000.0, np.nan]])
    assert seen(data_uri(hu, (-160, 240), GREY))[0, :, 0].tolist() == [0, 0, 128, 255, 255, 0]


def test_every_pixel_of_a_picture_is_where_it_was():
    grey = np.random.default_rng(0).integers(0, 256, (7, 5)).astype(np.float32)
    assert np.array_equal(seen(data_uri(grey, (0, 255), GREY))[..., 1], grey)


@pytest.mark.parametrize("levels", [61, 39, 23])
def test_no_difference_is_white_less_is_blue_and_more_is_red(levels):
    less, none, more = seen(data_uri(np.array([[-15.0, 0.0, 15.0]]), (-30, 30), BLUE_WHITE_RED, levels))[0].astype(int)
    assert none.tolist() == [255, 255, 255]
    assert less[2] > less[0] + 60 and more[0] > more[2] + 60


def test_more_noise_is_darker_at_every_step():
    luminance = palette(NOISE, 64) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luminance) < 0).all() and luminance[0] > 250 and luminance[-1] < 40


def test_shrinking_averages_squares():
    image = np.arange(12.0).reshape(3, 4)
    assert shrunk(image, 2).tolist() == [[2.5, 4.5], [8.5, 10.5]]
    assert np.array_equal(shrunk(image, 1), image)


def test_the_picture_is_cropped_to_the_patient_with_a_margin_and_not_to_the_table():
    hu = np.full((100, 120), -1000.0)
    hu[40:60, 30:90] = 40
    hu[50, 40:60] = -800  # a lung within
    hu[90:92, 10:110] = 0  # the table
    mask = outline(hu)
    assert mask[50, 50] and not mask[91, 50]
    assert crop_to(mask, (2.0, 1.0)) == (slice(32, 68), slice(26, 94))
    assert (
        crop_to(np.ones((5, 5), bool), (1, 1)) == crop_to(np.zeros((5, 5), bool), (1, 1)) == (slice(0, 5), slice(0, 5))
    )


def test_rois_are_drawn_at_their_place_in_mm_and_only_those_of_the_slice():
    html = strips()
    assert squares(html) == [[6.0, 16.0, 4.0, 6.4], [15.0, 22.4, 4.0, 6.4]]
    (edge,) = re.findall(r'<circle class="edge" cx="([^"]*)" cy="([^"]*)"', html)
    assert [float(value) for value in edge] == pytest.approx([40.5 * 0.5, 31 * 0.8], abs=0.051)


def test_a_roi_covers_the_very_pixels_that_were_measured():
    images = some_slices()
    for hu in images.values():
        hu[20:28, 12:20] = 500
    html = strips(images=images)
    found = re.search(
        r'<image id="slice0" x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)".*?href="([^"]*)"', html
    )
    left, top, width, height = (float(value) for value in found.groups()[:4])
    picture = seen(found.group(5))[..., 0]
    x, y, across, down = squares(html)[0]
    column, row = (x - left) / width * picture.shape[1], (y - top) / height * picture.shape[0]
    columns, rows = across / width * picture.shape[1], down / height * picture.shape[0]
    assert (column, row, columns, rows) == pytest.approx([round(v) for v in (column, row, columns, rows)], abs=0.01)
    inside = np.zeros(picture.shape, bool)
    inside[round(row) : round(row + rows), round(column) : round(column + columns)] = True
    assert np.array_equal(picture == 255, inside)


def test_differences_are_from_the_input_in_one_scale_that_is_told():
    images = some_slices()
    images["nlm"] = images["input"] + 20
    images["rddm-fine"] = images["input"] - 6
    html = strips(images=images)
    part = html[html.index("Difference from the input") :]
    assert "−60" in part and "+60 HU" in part
    more, less = (seen(uri).reshape(-1, 3) for uri in re.findall(r'href="(data:[^"]*)"', part)[:2])
    assert len(np.unique(more, axis=0)) == len(np.unique(less, axis=0)) == 1
    assert more[0, 0] > more[0, 2] and less[0, 2] > less[0, 0]
    assert "Non-local means − Original" in part and "RDDM Fine − Original" in part


def test_maps_of_noise_share_a_scale_from_zero():
    maps = {name: np.full((48, 64), value) for name, value in (("input", 18.0), ("nlm", 9.0), ("rddm-fine", 0.0))}
    html = strips(noise_maps=maps)
    part = html[html.index("Local noise") :]
    assert 'aria-label="from 0 to 20 HU"' in part
    shades = [int(seen(uri)[0, 0].sum()) for uri in re.findall(r'href="(data:[^"]*)"', part)]
    assert shades == sorted(shades) and len(set(shades)) == 3 and shades[-1] == 3 * 255


def test_windows_are_told_and_a_second_one_is_shown_where_there_is_one():
    assert "Window 400, level 40 HU" in strips() and "level −600" not in strips()
    html = strips(second_window=(-1350, 150))
    assert "Window 1500, level −600 HU" in html and "−1350" in html


@pytest.mark.parametrize("shape", [(5, 5), (1, 1), (4, 90), (64, 48)])
@pytest.mark.parametrize("value", [-1000.0, 0.0, 3000.0])
def test_odd_slices_have_a_picture(shape, value):
    images = {name: np.full(shape, value, np.float32) for name in ("input", "nlm")}
    maps = {name: np.full(shape, np.nan) for name in images}
    shown = Pictures.of(7, 0.7, images, maps)
    html = picture_strips(shown, a_document())
    assert html.count("data:image/png") == 5
    assert "nan" not in re.sub(r'href="data:[^"]*"', "", html)


def test_a_chest_is_shown_in_both_windows_a_head_and_an_abdomen_in_one():
    y, x = np.mgrid[:128, :128] - 64.0
    body = np.hypot(x, y) < 55
    chest = np.where(body, 40.0, -1000.0)
    chest[np.hypot(abs(x) - 25, y) < 16] = -850
    head = np.where(body, 35.0, -1000.0)
    head[body & (np.hypot(x, y) > 48)] = 900
    for hu, window, second in ((chest, BODY, LUNG), (head, HEAD, None), (np.where(body, 40.0, -1000.0), BODY, None)):
        shown = Pictures.of(0, (0.7, 0.7), {"input": hu.astype(np.float32)})
        assert (shown.window, shown.second_window) == (window, second)


def test_pictures_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        Pictures(0, (1, 1), {"input": np.zeros((4, 4)), "nlm": np.zeros((4, 5))}, BODY)


def test_the_slice_to_show_has_many_rois_and_lies_near_the_middle():
    slices = list(range(40, 30, -1))  # as a file that counts from the head
    document = {"input": {"slices": slices}, "rois": None}
    assert slice_to_show(document) in (35, 36)
    document["rois"] = {"corners": [[38, 0, 0]] * 4 + [[33, 0, 0]] * 4 + [[36, 0, 0]]}
    assert slice_to_show(document) in (38, 33)
    document["rois"]["corners"] += [[37, 0, 0]] * 3
    assert slice_to_show(document) == 37
