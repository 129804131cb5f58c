"""The comparison picture shows every panel with its scale, and windows fit what they show."""

import sys

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.picture import BODY, HEAD, LUNG, comparison_picture, difference_limit, sensible_window


def disc(outer: float, inner_radius: float, inner: float) -> np.ndarray:
    """A cross-section of 90 pixels radius with something inside, in air, with noise of 15 HU."""
    rows, columns = np.mgrid[:256, :256] - 128.0
    hu = np.full((256, 256), -1000.0)
    hu[np.hypot(rows, columns) < 90] = outer
    hu[np.hypot(rows, columns) < inner_radius] = inner
    return (hu + np.random.default_rng(0).normal(0, 15, hu.shape)).astype(np.float32)


def test_brain_in_a_skull_gets_the_head_window():
    assert sensible_window(disc(900, 82, 35)) == HEAD == (0, 80)


def test_a_body_gets_the_soft_tissue_window_even_with_some_lung():
    assert sensible_window(disc(-100, 80, 50)) == BODY == (-160, 240)
    assert sensible_window(disc(40, 50, -850)) == BODY


def test_a_slice_that_is_mostly_lung_gets_the_lung_window():
    assert sensible_window(disc(40, 80, -850)) == LUNG == (-1350, 150)


@pytest.mark.parametrize("hu", [-1024.0, 0.0, 3071.0])
@pytest.mark.parametrize("shape", [(1, 1), (3, 8), (64, 64)])
def test_a_constant_slice_gets_the_soft_tissue_window(hu, shape):
    assert sensible_window(np.full(shape, hu)) in (BODY, LUNG)


def test_the_difference_limit_is_three_deviations_rounded_up_and_ignores_zeros_and_outliers():
    difference = np.random.default_rng(0).normal(0, 15, (256, 256))
    assert difference_limit(difference) == 50
    difference[:100] = 0
    difference[100, :50] = 2000
    assert difference_limit(difference) == 50
    assert difference_limit(np.zeros((4, 4))) == 1
    assert difference_limit(np.full((4, 4), 5000.0)) == 1000


@pytest.fixture
def drawn(monkeypatch):
    """Figures as they are saved, to look into."""
    from matplotlib.figure import Figure

    figures = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **kw: (figures.append(self), save(self, *args, **kw)))
    return figures


def boxes_overlap(figure) -> bool:
    """Whether any two texts on the figure, or a text and a picture, share pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    texts = [text for axes in figure.axes for text in (axes.title, axes._left_title) if text.get_text()]
    extents = [text.get_window_extent(renderer) for text in [*texts, *figure.texts]]
    panels = [axes.get_window_extent(renderer) for axes in figure.axes]
    inside = figure.bbox
    for number, box in enumerate(extents):
        if box.x0 < inside.x0 or box.x1 > inside.x1 + 0.5 or box.y0 < inside.y0 or box.y1 > inside.y1:
            return True
        if any(box.overlaps(other) for other in extents[number + 1 :] + panels):
            return True
    return False


@pytest.mark.parametrize("methods", [0, 1, 2, 5, 7])
@pytest.mark.parametrize("with_differences", [False, True])
def test_up_to_seven_methods_have_room_without_overlap(drawn, tmp_path, methods, with_differences):
    image = disc(-100, 80, 50)[::4, ::4]
    panels = [("input", image), *((f"method number {n}", image + n) for n in range(methods)), ("reference", image)]
    differences = [(title, hu - image) for title, hu in panels[1:-1]] if with_differences else []
    footer = "abdomen.nrrd, slice 113, rddm-balanced 1.0, seed 0, strength 1.0"
    comparison_picture(tmp_path / "p.png", panels, differences=differences, footer=footer)
    (figure,) = drawn
    scales = 2 if differences else 1
    assert len(figure.axes) == len(panels) + len(differences) + scales
    assert not boxes_overlap(figure)
    assert (tmp_path / "p.png").read_bytes()[:4] == b"\x89PNG"


def test_panels_share_one_window_and_differences_one_symmetric_scale_with_white_for_zero(drawn, tmp_path):
    image = disc(-100, 80, 50)
    panels = [("input", image), ("nlm", image + 5)]
    comparison_picture(tmp_path / "p.png", panels, window=(-100, 200), differences=[("nlm", image * 0 + 5)], limit=40)
    grey_in, grey_out, difference = (axes.images[0] for axes in drawn[0].axes[:3])
    assert grey_in.get_clim() == grey_out.get_clim() == (-100, 200)
    assert difference.get_clim() == (-40, 40)
    np.testing.assert_allclose(difference.cmap(0.5)[:3], 1, atol=0.01)
    below, above = difference.cmap(0.25), difference.cmap(0.75)
    assert below[2] > below[0] and above[0] > above[2]


def test_the_picture_says_its_window_and_that_it_is_for_research(drawn, tmp_path):
    image = disc(-100, 80, 50)
    comparison_picture(tmp_path / "p.png", [("input", image)], footer="seed 7")
    texts = [text.get_text() for text in drawn[0].texts]
    assert any("Window 400 / level 40 HU" in text for text in texts)
    assert "seed 7 · For research use only" in texts
    comparison_picture(tmp_path / "q.png", [("input", image)])
    assert "For research use only" in [text.get_text() for text in drawn[1].texts]


def test_a_difference_stands_under_its_own_panel(drawn, tmp_path):
    image = disc(-100, 80, 50)[::4, ::4]
    comparison_picture(tmp_path / "p.png", [("input", image), ("nlm", image)], differences=[("nlm", image)])
    places = {axes.get_title(): axes.get_position() for axes in drawn[0].axes}
    assert places["nlm, difference"].x0 == places["nlm"].x0
    assert places["nlm, difference"].y1 < places["nlm"].y0


@pytest.mark.parametrize("spacing, ratio", [(1.0, 0.5), ((1.0, 2.0), 1.0), ((2.0, 2.0), 0.5)])
def test_millimetres_decide_the_aspect(drawn, tmp_path, spacing, ratio):
    comparison_picture(tmp_path / "p.png", [("input", np.zeros((50, 100)))], spacing=spacing)
    box = drawn[0].axes[0].get_window_extent()
    assert box.height / box.width == pytest.approx(ratio, rel=0.01)


def test_pyplot_and_its_windows_stay_out(tmp_path):
    sys.modules.pop("matplotlib.pyplot", None)
    comparison_picture(tmp_path / "p.png", [("input", np.zeros((8, 8)))])
    assert "matplotlib.pyplot" not in sys.modules


def test_what_the_user_can_mend_is_said_in_a_sentence(tmp_path, monkeypatch):
    panels = [("input", np.zeros((8, 8)))]
    with pytest.raises(InputError, match=r"name it \.png"):
        comparison_picture(tmp_path / "p.doc", panels)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="part of its path is a file"):
        comparison_picture(tmp_path / "file" / "p.png", panels)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(InputError, match="pip install matplotlib"):
        comparison_picture(tmp_path / "p.png", panels)
