"""Regions of interest from files: label images and Slicer's markups land on the right voxels of any volume."""

from __future__ import annotations

import json

import numpy as np
import pytest
import SimpleITK as sitk
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files.regions import read_regions


@pytest.fixture
def volume() -> CTVolume:
    """Oblique, with rows that run upwards."""
    c, s = np.cos(0.4), np.sin(0.4)
    direction = np.array([[c, s, 0], [s, -c, 0], [0, 0, 1]])
    return CTVolume(np.zeros((6, 40, 50), np.float32), (0.8, 0.7, 3.0), (-20.0, 12.0, 100.0), direction)


def points(volume: CTVolume) -> np.ndarray:
    """[3, slices, rows, columns], LPS in mm."""
    z, y, x = np.meshgrid(*[np.arange(n) for n in volume.shape], indexing="ij")
    steps = np.stack([x, y, z]).reshape(3, -1) * np.asarray(volume.spacing)[:, None]
    return (volume.direction @ steps + np.asarray(volume.origin)[:, None]).reshape(3, *volume.shape)


def a_label_image(path, labels, spacing, origin, direction):
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(np.asarray(direction, float).ravel().tolist())
    sitk.WriteImage(image, str(path))
    return path


def a_box(path, centre, size, axes=None, system="LPS"):
    facts = {"type": "ROI", "coordinateSystem": system, "center": centre, "size": size}
    if axes is not None:
        facts["orientation"] = np.asarray(axes).ravel().tolist()
    path.write_text(json.dumps({"markups": [facts]}))
    return path


def test_every_label_of_an_image_is_a_region(volume, tmp_path):
    labels = np.zeros(volume.shape, np.uint8)
    labels[2, 5:9, 10:20], labels[3, 20:30, 3:8] = 1, 4
    path = a_label_image(tmp_path / "Säge.nrrd", labels, volume.spacing, volume.origin, volume.direction)
    first, second = read_regions(path, volume)
    np.testing.assert_array_equal(first, labels == 1)
    np.testing.assert_array_equal(second, labels == 4)


def test_a_segment_on_a_raster_of_its_own_comes_onto_that_of_the_volume(volume, tmp_path):
    """A block of 12 × 10 × 8 mm drawn on a fine, upright raster."""
    labels = np.ones((16, 20, 24), np.uint8)
    lower = points(volume)[:, 2, 15, 20]
    path = a_label_image(tmp_path / "part.nii.gz", labels, (0.5, 0.5, 0.5), lower.tolist(), np.eye(3))
    (region,) = read_regions(path, volume)
    offset = points(volume) - lower[:, None, None, None]
    high = np.array([12, 10, 8])[:, None, None, None] - 0.25
    expected = ((offset > -0.25) & (offset < high)).all(axis=0)
    assert region.sum() > 100
    np.testing.assert_array_equal(region, expected)


@pytest.mark.parametrize("system", ["LPS", "RAS"])
def test_a_turned_box_of_markups_holds_the_voxels_inside_it(volume, tmp_path, system):
    c, s = np.cos(0.7), np.sin(0.7)
    axes = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    centre, size = points(volume)[:, 3, 20, 25] + 0.11, np.array([9.0, 6.0, 7.0])
    turn = np.diag([-1, -1, 1]) if system == "RAS" else np.eye(3)
    path = a_box(tmp_path / "R.mrk.json", (turn @ centre).tolist(), size.tolist(), turn @ axes, system)
    (region,) = read_regions(path, volume)
    along = np.einsum("ij,i...->j...", axes, points(volume) - centre[:, None, None, None])
    np.testing.assert_array_equal(region, (np.abs(along) <= size[:, None, None, None] / 2).all(axis=0))
    assert region.sum() > 50


def test_a_box_partly_outside_is_cut_and_one_outside_is_refused(volume, tmp_path):
    corner = points(volume)[:, 0, 0, 0]
    assert read_regions(a_box(tmp_path / "a.json", corner.tolist(), [6, 6, 7]), volume)[0].sum() > 10
    with pytest.raises(InputError, match="does not meet the volume"):
        read_regions(a_box(tmp_path / "b.json", (corner - 500).tolist(), [6, 6, 7]), volume)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.mrk.json", "{}"),
        ("a.mrk.json", "["),
        ("a.mrk.json", '{"markups": [{"type": "ROI", "center": [1, 2], "size": [1, 1, 1]}]}'),
        ("a.mrk.json", '{"markups": [{"type": "ROI", "center": [1, 2, 3], "size": [0, 1, 1]}]}'),
        ("a.mrk.json", '{"markups": [{"type": "Line"}]}'),
        ("a.nrrd", "NRRD0004"),
        ("a.txt", "x"),
    ],
)
def test_what_holds_no_region_is_refused_in_one_sentence(volume, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError) as refusal:
        read_regions(tmp_path / name, volume)
    assert name in str(refusal.value) and "\n" not in str(refusal.value)


def test_a_volume_of_real_numbers_is_no_label_image(volume, tmp_path):
    labels = np.ones(volume.shape, np.float32)
    path = a_label_image(tmp_path / "ct.nrrd", labels, volume.spacing, volume.origin, volume.direction)
    with pytest.raises(InputError, match="no label image"):
        read_regions(path, volume)


def test_a_box_between_two_slices_is_said_to_be_thin(volume, tmp_path):
    between = (points(volume)[:, 2, 20, 25] + points(volume)[:, 3, 20, 25]) / 2
    path = a_box(tmp_path / "thin.json", between.tolist(), [9, 9, 1], volume.direction)
    with pytest.raises(InputError, match="lies between two slices"):
        read_regions(path, volume)
    needle = a_box(tmp_path / "needle.json", (points(volume)[:, 2, 20, 25] + 0.3).tolist(), [0.01, 0.01, 9])
    with pytest.raises(InputError, match="between the voxels"):
        read_regions(needle, volume)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "wrong",
    [
        {"size": [1e300, 1e300, 1e300]},
        {"center": [1e200, 0, 0]},
        {"center": [float("nan"), 0, 0]},
        {"size": [-1, 5, 5]},
        {"center": [10**400, 0, 0]},
        {"orientation": [1, 0.5, 0, 0, 1, 0, 0, 0, 1]},
        {"orientation": [2, 0, 0, 0, 2, 0, 0, 0, 2]},
        {"orientation": [1e200] * 9},
        {"coordinateSystem": "IJK"},
        {"coordinateSystem": ["LPS"]},
    ],
)
def test_boxes_that_no_slicer_writes_are_refused(volume, tmp_path, wrong):
    facts = {"type": "ROI", "center": [0, 0, 0], "size": [5, 5, 5], **wrong}
    (tmp_path / "w.mrk.json").write_text(json.dumps({"markups": [facts]}))
    with pytest.raises(InputError, match="no markups file as Slicer writes them"):
        read_regions(tmp_path / "w.mrk.json", volume)


def test_a_scan_is_no_label_image(volume, tmp_path, monkeypatch):
    monkeypatch.setattr("LDCTDenoiseLib.files.regions._of_label", lambda *_: pytest.fail("a mask was made"))
    labels = np.arange(volume.hu.size, dtype=np.int16).reshape(volume.shape)
    path = a_label_image(tmp_path / "ct.nrrd", labels, volume.spacing, volume.origin, volume.direction)
    with pytest.raises(InputError, match="looks like a scan"):
        read_regions(path, volume)
    path = a_label_image(tmp_path / "atlas.nrrd", labels % 9, volume.spacing, volume.origin, volume.direction)
    with pytest.raises(InputError, match="8 regions of interest: choose one"):
        read_regions(path, volume, most=2)
