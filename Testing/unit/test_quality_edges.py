"""Edges are found where they are, and their sharpness is that of the known blur."""

import numpy as np
import pytest
from edge_factory import BODY, INSERT, PIXEL, SIDE, SPACING, a_round_body, blurred, distance, smooth_noise
from LDCTDenoiseLib.quality.edges import places as edges_module
from LDCTDenoiseLib.quality.edges.places import GROUPS, find_edges
from LDCTDenoiseLib.quality.edges.profiles import BIN_MM, POSITIONS
from LDCTDenoiseLib.quality.edges.response import edge_response, edge_widths
from scipy.special import ndtr

MIDDLE = (SIDE - 1) / 2


def radius_of(edges, spacing=SPACING):
    return np.hypot((edges.places[:, 1] - MIDDLE) * spacing[1], (edges.places[:, 2] - MIDDLE) * spacing[0])


def test_places_lie_on_the_edge_and_point_to_its_bright_side():
    found = find_edges(a_round_body(), SPACING)
    for group, radius, contrast in (("strong", BODY, 1040), ("faint", INSERT, 100)):
        edges = found.only(group)
        assert len(edges) > 60
        np.testing.assert_allclose(radius_of(edges), radius, atol=0.2)  # curved edges seem to lie further inwards
        np.testing.assert_allclose(edges.contrast, contrast, rtol=0.04)
        inwards = np.column_stack([MIDDLE - edges.places[:, 1], MIDDLE - edges.places[:, 2]])
        inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
        assert np.all(np.sum(inwards * edges.normals, axis=1) > 0.99)
        np.testing.assert_allclose(np.linalg.norm(edges.normals, axis=1), 1)


def test_a_dark_insert_points_outwards():
    faint = find_edges(a_round_body(contrast=-120), SPACING).only("faint")
    outwards = np.column_stack([faint.places[:, 1] - MIDDLE, faint.places[:, 2] - MIDDLE])
    assert len(faint) > 60
    assert np.all(np.sum(outwards * faint.normals, axis=1) > 0)
    np.testing.assert_allclose(faint.contrast, 120, rtol=0.05)


def test_pixels_need_not_be_square():
    spacing = (0.6, 0.9)  # between columns, between rows
    found = find_edges(a_round_body(spacing=spacing), spacing).only("faint")
    assert len(found) > 60
    np.testing.assert_allclose(radius_of(found, spacing), INSERT, atol=0.2)
    response = edge_response(a_round_body(spacing=spacing), found, "faint", spacing)
    assert response.width == pytest.approx(2.5631 * 0.7, rel=0.03)


def test_noise_has_no_edges():
    for width in (0.6, 2.5):  # as of a scanner, and as slow as an edge is on the coarse scale
        assert len(find_edges(40 + smooth_noise((2, SIDE, SIDE), 60, sigma=width), SPACING)) <= 1


def test_noise_moves_places_by_little():
    hu = a_round_body() + smooth_noise((2, SIDE, SIDE), 20)
    faint = find_edges(hu, SPACING).only("faint")
    assert len(faint) > 100
    assert np.sqrt(np.mean((radius_of(faint) - INSERT) ** 2)) < 0.4
    inwards = MIDDLE - faint.places[:, 1:]
    inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
    angle = inwards[:, 0] * faint.normals[:, 1] - inwards[:, 1] * faint.normals[:, 0]
    assert np.degrees(np.sqrt(np.mean(angle**2))) < 4.2


def test_what_has_no_two_sides_is_no_edge():
    r = distance()
    layer = 40 + 300 * np.exp(-(((r - 40) / 1.5) ** 2))
    small = 40 + 300 * ndtr((4 - r) / 0.6)
    shading = 40 + 2.0 * np.arange(SIDE)[None] * PIXEL + 0 * r
    stairs = 80 * ndtr((60 - r) / 0.7) + 80 * ndtr((53 - r) / 0.7)  # two edges that see each other
    for hu in (layer, small, shading, stairs):
        assert len(find_edges(hu, SPACING)) == 0


def test_a_corner_and_a_small_rod_are_not_straight():
    corner = np.full((SIDE, SIDE), -100.0)
    corner[128:, 128:] = 60.0
    places = find_edges(blurred(corner, 0.6), SPACING).places[:, 1:]
    assert len(places) > 20
    assert np.hypot(*(places - 127.5).T).min() * PIXEL > 3
    for radius in (5, 6, 10):
        assert len(find_edges(40 + 160 * ndtr((radius - distance()) / 0.6), SPACING)) == 0


@pytest.mark.parametrize("noise", [0, 40])
def test_a_thin_layer_between_air_and_bone_is_two_steps_and_no_edge(noise):
    """As a scalp: from the coarse scale alone it would be one edge, 5 mm wide, at which no blur is seen."""
    r = distance()
    head = np.where(r < BODY - 4, 900.0, np.where(r < BODY, -60.0, -1000.0))[None]
    plain = np.where(r < BODY - 4, 900.0, -1000.0)[None]
    for hu, expected in ((head, 0), (plain, 60)):
        found = find_edges(blurred(hu, 0.7) + smooth_noise(hu.shape, noise), SPACING).only("strong")
        near = np.abs(radius_of(found) - BODY + 2) < 4
        assert np.count_nonzero(near) >= expected if expected else not near.any()


def test_a_table_in_air_is_not_faint_tissue():
    r = distance()
    table = -1000 + 150 * ndtr((50 - r) / 0.6)
    found = find_edges(table, SPACING)
    assert len(found) > 20
    assert not any(found.group(name).any() for name in GROUPS)


def test_what_is_too_small_or_empty_has_no_edges():
    for shape in ((5, 5), (1, 20, 20), (2, 64, 64)):
        found = find_edges(np.full(shape, -1000.0), SPACING)
        assert len(found) == 0
        response = edge_response(np.zeros(shape), found, "faint", SPACING)
        assert np.isnan(response.width) and response.edges == 0 and not len(response.profile)


def test_blocks_are_slices_or_parts_of_few_slices():
    few = find_edges(np.array([a_round_body()] * 2), SPACING)
    assert len(np.unique(few.blocks)) > 10
    many = find_edges(np.array([a_round_body()] * 12), SPACING)
    np.testing.assert_array_equal(many.blocks, many.places[:, 0])


@pytest.mark.parametrize("sigma", [0.4, 0.7, 1.0])
@pytest.mark.parametrize("group", ["strong", "faint"])
def test_the_width_is_that_of_the_known_blur(sigma, group):
    hu = a_round_body(sigma)
    response = edge_response(hu, find_edges(hu, SPACING), group, SPACING)
    seen = np.hypot(sigma, BIN_MM / np.sqrt(12))
    assert response.width == pytest.approx(2 * 1.28155 * seen, rel=0.03)
    assert response.mtf50 == pytest.approx(np.sqrt(np.log(4)) / (2 * np.pi * seen), rel=0.03)
    middle = np.interp(0.5, response.profile[10:30], POSITIONS[10:30])
    np.testing.assert_allclose(response.profile, ndtr((POSITIONS - middle) / seen), atol=0.04)
    assert response.edges > 60


def test_a_filter_adds_its_blur_in_quadrature():
    hu = a_round_body(0.6)
    edges = find_edges(hu, SPACING)
    after = edge_response(blurred(hu, 0.8), edges, "faint", SPACING)
    assert after.width == pytest.approx(2.5631 * 1.0, rel=0.02)


def test_lost_contrast_shows_in_the_profile_and_not_in_the_width():
    hu = a_round_body()
    edges = find_edges(hu, SPACING)
    before, after = (edge_response(v, edges, "faint", SPACING) for v in (hu, 90 + 0.8 * (hu - 90)))
    assert after.width == pytest.approx(before.width, rel=1e-3)
    assert after.profile[-5:].mean() - after.profile[:5].mean() == pytest.approx(0.8, rel=0.03)


def test_errors_are_as_large_as_the_scatter_over_draws_of_the_noise():
    found = []
    for seed in range(12):
        hu = a_round_body() + smooth_noise((3, SIDE, SIDE), 25, seed)
        response = edge_response(hu, find_edges(hu, SPACING), "faint", SPACING)
        found.append((response.width, response.width_error, response.profile[3], response.error[3]))
    width, width_error, value, error = np.array(found).T
    assert 0.5 < width_error.mean() / width.std(ddof=1) < 2
    assert 0.5 < error.mean() / value.std(ddof=1) < 2


def test_what_never_rises_has_no_width():
    falling = 1 - ndtr(POSITIONS)
    widths = edge_widths(np.array([ndtr(POSITIONS), falling, np.full(len(POSITIONS), np.nan), 0 * POSITIONS]))
    assert widths[0] == pytest.approx(2.5631, rel=0.02)
    assert np.isnan(widths[1:]).all()


def test_places_are_chosen_evenly_and_not_by_strength(monkeypatch):
    hu = a_round_body() + smooth_noise((SIDE, SIDE), 15)
    edges = find_edges(hu, SPACING).only("faint")
    points = edges.places[:, 1:] * PIXEL
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1)) + 1e3 * np.eye(len(points))
    assert np.median(apart.min(axis=1)) > edges_module._APART_MM / 4
    assert len(points) < 2 * np.pi * INSERT / 2
