"""The plots of a report show a document's numbers, errors and units, in styles told apart without colour."""

import numpy as np
import pytest
from LDCTDenoiseLib.quality.report.figures import Figures
from report_factory import a_document

pytest.importorskip("matplotlib")
from LDCTDenoiseLib.quality.report.plots import Plotter, tissue_keys


@pytest.fixture
def drawn(monkeypatch):
    """Axes as they are saved, to look into."""
    from matplotlib.figure import Figure

    found = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **kw: (found.append(self.axes[0]), save(self, *a, **kw)))
    return found


@pytest.fixture
def plotter() -> Plotter:
    return Plotter(Figures(a_document(reference=True)))


def curve(lines, **more) -> dict:
    return {
        "title": "T",
        "x": "spatial frequency",
        "x_unit": "1/mm",
        "y": "NPS",
        "y_unit": "HU² mm²",
        "lines": lines,
    } | more


def line(image, x, y, error=None, **more) -> dict:
    return {"image": image, "x": list(x), "y": list(y), "error": error} | more


def test_a_curve_is_drawn_as_it_is_with_its_units(plotter, drawn):
    svg = plotter.curve(curve([line("input", [0.1, 0.2, 0.3], [5, 7, 6])]))
    (axes,) = drawn
    assert axes.lines[0].get_xydata().tolist() == [[0.1, 5], [0.2, 7], [0.3, 6]]
    assert axes.get_xlabel() == "spatial frequency, 1/mm" and axes.get_ylabel() == "NPS, HU² mm²"
    assert "spatial frequency, 1/mm" in svg and ">Original<" in svg  # as text, which a search finds


def test_an_error_is_a_band_about_many_points_and_bars_about_few(plotter, drawn):
    many, few = np.linspace(0, 1, 30), [3.0, 5.0, 8.0]
    plotter.curve(curve([line("nlm", many, many + 4, [0.5] * 30)]))
    plotter.curve(curve([line("nlm", few, [1, 2, 3], [0.5, 0.25, 0.5])]))
    band = drawn[0].collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(3.5) and band[:, 1].max() == pytest.approx(5.5)
    bars = [segment[:, 1].tolist() for segment in drawn[1].collections[0].get_segments()]
    assert bars == [[0.5, 1.5], [1.75, 2.25], [2.5, 3.5]]


def test_what_could_not_be_measured_leaves_a_gap(plotter, drawn):
    plotter.curve(curve([line("nlm", [1, 2, 3], [1, None, 3], [0.1, None, 0.1])]))
    assert np.isnan(drawn[0].lines[0].get_ydata()[1])
    plotter.curve(curve([line("nlm", [1, 2], [None, None])]))


def test_images_differ_in_dashes_and_marks_as_well_as_in_colour(plotter, drawn):
    plotter.curve(curve([line(name, [1, 2], [n, n]) for n, name in enumerate(plotter.figures.images)]))
    for style in ("get_color", "get_marker"):
        assert len({getattr(one, style)() for one in drawn[0].lines}) == 4, style
    assert len({(str(one._unscaled_dash_pattern), one.get_linewidth()) for one in drawn[0].lines}) == 4


def test_an_image_keeps_its_style_from_plot_to_plot(plotter, drawn):
    plotter.curve(curve([line("nlm", [1, 2], [1, 2]), line("rddm-fine", [1, 2], [1, 2])]))
    plotter.curve(curve([line("rddm-fine", [1, 2], [1, 2])]))
    assert drawn[0].lines[1].get_color() == drawn[1].lines[0].get_color()


def test_lines_of_one_image_are_told_apart_by_their_labels(plotter, drawn):
    svg = plotter.curve(curve([line("nlm", [1, 2], [1, 2], label=text) for text in ("10 HU", "30 HU")]))
    assert "Non-local means, 10 HU" in svg and "Non-local means, 30 HU" in svg
    first, second = (str(one._unscaled_dash_pattern) for one in drawn[0].lines)
    assert first != second


def test_the_axis_begins_at_zero_where_zero_is_near(plotter, drawn):
    for values in ([20, 60], [44, 47], [-3, 5]):
        plotter.curve(curve([line("nlm", [1, 2], values)]))
    bottoms = [axes.get_ylim()[0] for axes in drawn]
    assert bottoms[0] == 0 and 43 < bottoms[1] < 44 and bottoms[2] < -3


def test_a_ratio_has_a_line_at_zero(plotter, drawn):
    plotter.curve(curve([line("nlm", [1, 2], [-3, -2])]), zero=True)
    assert drawn[0].lines[0].get_ydata()[0] == 0 and drawn[0].get_ylim()[1] > 0


def test_shifts_are_bars_with_errors_over_the_band_of_tolerance(plotter, drawn):
    assert tissue_keys(plotter.figures) == ["inner_fat"]
    plotter.shifts(["inner_fat"])
    (axes,) = drawn
    band, *bars = axes.patches
    assert sorted(band.get_extents().transformed(axes.transData.inverted()).intervaly) == pytest.approx([-2, 2])
    assert [bar.get_height() for bar in bars] == pytest.approx([-1.6, -0.6])
    assert bars[0].get_hatch() != bars[1].get_hatch()
    ends = [segment[:, 1] for made in axes.collections for segment in made.get_segments()]
    assert [(high - low) / 2 for low, high in ends] == pytest.approx([0.12, 0.12])
    assert axes.get_ylim()[0] < -2 and axes.get_ylim()[1] > 2
    assert "HU" in axes.get_ylabel()


def test_figures_slice_by_slice_are_in_the_order_of_the_slices(plotter, drawn):
    rows = [{"image": "nlm", "slice": n, "noise": v} for n, v in ((9, 3.0), (5, 1.0), (7, 2.0))]
    rows.append({"image": "nlm", "slice": 11, "noise": None})
    plotter.per_slice(rows, "noise")
    assert drawn[0].lines[0].get_xydata().tolist() == [[5, 1], [7, 2], [9, 3]]
    assert all(float(tick).is_integer() for tick in drawn[0].get_xticks())


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_the_legend_lies_below_the_axes_and_inside_the_drawing(count, drawn):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    names = [f"method number {n} with a long name of 40 letters" for n in range(count)]
    figures = Figures({"images": ["input", *names], "titles": {}, "figures": []})
    Plotter(figures).curve(curve([line(name, [0, 1], [n, 1000 * n]) for n, name in enumerate(names)]))
    figure = drawn[0].figure
    FigureCanvasAgg(figure).draw()
    (legend,) = figure.legends
    box, labels = legend.get_window_extent(), drawn[0].xaxis.label.get_window_extent()
    assert box.y1 <= labels.y0 + 1 and box.y0 >= -1 and box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1
    assert drawn[0].yaxis.label.get_window_extent().x0 >= 0


def test_drawing_leaves_the_settings_of_matplotlib_alone(plotter):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plotter.curve(curve([line("nlm", [1, 2], [1, 2])]))
    assert dict(matplotlib.rcParams) == before
