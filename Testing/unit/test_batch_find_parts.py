"""One SeriesInstanceUID may hold several volumes: they are told apart, and each can be read."""

from __future__ import annotations

import random

import dicom_factory as factory
import numpy as np
import pytest
from find_factory import another, found, images, names, only, put, reasons, sizes
from LDCTDenoiseLib.batch.find import find_series
from LDCTDenoiseLib.batch.look import ORDER
from LDCTDenoiseLib.files import read_series
from pydicom import Dataset


def phases(count: int, slices: int = 4, **of_phase) -> list:
    """The slices of `count` phases at the same places; `of_phase`: keyword → function of the phase's number."""
    datasets = []
    for phase in range(count):
        tags = {keyword: tell(phase) for keyword, tell in of_phase.items()}
        datasets += images(slices, seed=phase, **tags)
    for number, dataset in enumerate(datasets, start=1):
        dataset.InstanceNumber = number
    return datasets


def shuffled(datasets: list) -> list:
    random.Random(1).shuffle(datasets)
    return datasets


def pixels_of(series) -> np.ndarray:
    return read_series([file.path for file in series.files]).hu + 1024


@pytest.mark.parametrize(
    ("keyword", "tell"),
    [
        ("TemporalPositionIdentifier", lambda phase: phase + 1),
        ("TemporalPositionIndex", lambda phase: phase + 1),
        ("AcquisitionNumber", lambda phase: phase + 1),
        ("AcquisitionTime", lambda phase: f"1200{phase:02d}.5"),
        ("AcquisitionDateTime", lambda phase: f"202401011200{phase:02d}.5"),
        ("TriggerTime", lambda phase: 100.0 * phase),
        ("NominalPercentageOfCardiacPhase", lambda phase: 5.0 * phase),
        ("ContentTime", lambda phase: f"12{phase:02d}00"),
        ("SeriesTime", lambda phase: f"12{phase:02d}00"),
        ("ImageComments", lambda phase: f"phase {phase}"),
        ("SeriesDescription", lambda phase: f"phase {phase}"),
    ],
)
def test_phases_are_told_apart_by_what_differs(tmp_path, keyword, tell):
    datasets = phases(12, **{keyword: tell})
    for dataset in datasets:
        dataset.InstanceNumber = 1
    put(shuffled(datasets), tmp_path)
    finding = found(tmp_path)
    assert sizes(finding) == [4] * 12
    assert names(finding)[0] == "series-2-part-1" and "series-2-part-12" in names(finding)
    volumes = {pixels_of(series).tobytes() for series in finding.series}
    assert volumes == {factory.stored_values(4, seed=phase).astype(np.float32).tobytes() for phase in range(12)}
    if keyword in ORDER:
        assert np.array_equal(pixels_of(finding.series[10]), factory.stored_values(4, seed=10)), "in their order"


def test_phases_without_any_difference_go_by_the_order_of_instances(tmp_path):
    put(shuffled(phases(12)), tmp_path)
    for phase, series in enumerate(found(tmp_path).series):
        assert np.array_equal(pixels_of(series), factory.stored_values(4, seed=phase))


def test_a_time_that_differs_from_slice_to_slice_does_not_part_them(tmp_path):
    datasets = phases(3)
    for number, dataset in enumerate(datasets):
        dataset.ContentTime = dataset.AcquisitionTime = f"1200{number:02d}"
    put(shuffled(datasets), tmp_path)
    finding = found(tmp_path)
    assert sizes(finding) == [4, 4, 4]
    assert np.array_equal(pixels_of(finding.series[1]), factory.stored_values(4, seed=1))


def test_phases_of_several_kernels_are_told_apart_by_both(tmp_path):
    datasets = []
    for kernel in ("Br40f", "Br64f"):
        datasets += phases(3, ConvolutionKernel=lambda phase, k=kernel: k, AcquisitionNumber=lambda phase: phase)
    put(shuffled(datasets), tmp_path)
    finding = found(tmp_path)
    assert sizes(finding) == [4] * 6
    assert sorted(one.facts["ConvolutionKernel"] for one in finding.series) == ["Br40f"] * 3 + ["Br64f"] * 3


def test_phases_of_different_length_are_told_apart(tmp_path):
    put(images(6, AcquisitionNumber=1) + images(3, AcquisitionNumber=2), tmp_path)
    assert sizes(found(tmp_path)) == [6, 3]


def test_phases_between_whose_slices_others_lie_are_told_apart(tmp_path):
    put(images(6, AcquisitionNumber=1), tmp_path)
    put(images(6, AcquisitionNumber=2, heights=[0.7 + 2.5 * n for n in range(6)]), tmp_path, 10)
    finding = found(tmp_path)
    assert sizes(finding) == [6, 6] and not any(one.notices for one in finding.series)


def test_acquisitions_that_follow_each_other_stay_one_volume(tmp_path):
    put(images(8), tmp_path)
    slices = images(8)
    for one in slices:
        one.AcquisitionNumber = (one.InstanceNumber + 1) // 2  # step and shoot: two slices at each stop of the table
    put(slices, tmp_path)
    assert only(found(tmp_path)).slices == 8


def test_two_regions_far_from_each_other_are_two_volumes(tmp_path):
    put(images(6, AcquisitionNumber=1), tmp_path)
    put(images(6, AcquisitionNumber=2, heights=[50 + 2.5 * n for n in range(6)]), tmp_path, 10)
    assert sizes(found(tmp_path)) == [6, 6]


@pytest.fixture(scope="module")
def forty_one():
    """Slices as scanners write them: times go on every few slices, acquisitions are two."""
    slices = images(41, rows=4, columns=4)
    for n, one in enumerate(slices):
        one.ContentTime, one.AcquisitionTime = f"1452{n // 3:02d}", f"1451{n // 4:02d}.{n // 4}"
        one.AcquisitionNumber = 1 + n // 20
    return slices


@pytest.mark.parametrize("missing", range(1, 40))
def test_a_missing_slice_does_not_part_a_series(tmp_path, forty_one, missing):
    put(forty_one[:missing] + forty_one[missing + 1 :], tmp_path)
    finding = found(tmp_path)
    assert not finding.series and "series-2: 40: A slice is missing" in reasons(finding)


@pytest.mark.parametrize("keyword", ["AcquisitionTime", "ContentTime", "AcquisitionNumber"])
@pytest.mark.parametrize("missing", [(1,), (2,), (6,), (4, 5), (3, 4, 5), (4, 5, 6, 7)])
@pytest.mark.parametrize("tell", [lambda n: n // 4, lambda n: n % 2, lambda n: n, lambda n: n // 6])
def test_no_value_of_the_header_makes_parts_of_a_series_with_a_gap(tmp_path, keyword, missing, tell):
    slices = images(12, rows=4, columns=4)
    for n, one in enumerate(slices):
        setattr(one, keyword, str(120000 + tell(n)))
    put([one for n, one in enumerate(slices) if n not in missing], tmp_path)
    assert not found(tmp_path).series


@pytest.mark.parametrize("offset", [0.4, 0.5, 0.7, 1.0])
def test_a_volume_between_the_slices_of_another_is_no_gap(tmp_path, offset):
    put(images(6, AcquisitionNumber=1), tmp_path)
    put(images(6, AcquisitionNumber=2, heights=[offset + 2.5 * n for n in range(6)]), tmp_path, 10)
    assert sizes(found(tmp_path)) == [6, 6]


def test_uneven_steps_alone_do_not_part_a_series(tmp_path):
    put(images(6, heights=[0, 2.5, 5, 8.6, 12.2, 16]), tmp_path)
    assert only(found(tmp_path)).slices == 6 and "varies" in only(found(tmp_path)).notices[0]


def test_a_spacing_that_changes_with_the_acquisition_does_not_part_a_series(tmp_path):
    put(images(6, AcquisitionNumber=1), tmp_path)
    put(images(4, AcquisitionNumber=2, heights=[17.5, 22.5, 27.5, 32.5]), tmp_path, 10)
    assert only(found(tmp_path)).slices == 10


@pytest.mark.parametrize(
    "tags",
    [
        {"rows": 16},
        {"PixelSpacing": ["0.5", "0.5"]},
        {"orientation": factory.rotation(0, 30, 0)},
        {"ConvolutionKernel": "B70f"},
        {"SliceThickness": "1.0"},
        {"origin": (10.0, 0.0, -100.0)},
    ],
)
def test_reconstructions_under_one_uid_are_told_apart(tmp_path, tags):
    put(shuffled(images() + images(seed=1, **tags)), tmp_path)
    finding = found(tmp_path)
    assert sizes(finding) == [4, 4]
    rows = tags.get("rows", 12)
    wanted = [factory.stored_values(4), factory.stored_values(4, rows=rows, seed=1)]
    assert all(any(np.array_equal(pixels_of(one), pixels) for one in finding.series) for pixels in wanted)


def test_a_tilted_gantry_is_no_reason_to_part(tmp_path):
    put(images(8, shift=(0, 0.3, 0)), tmp_path)
    assert only(found(tmp_path)).slices == 8


def test_bolus_tracking_is_no_volume(tmp_path):
    put(phases(9, slices=1, AcquisitionTime=lambda phase: f"12000{phase}"), tmp_path / "a")
    put(another(), tmp_path / "b")
    finding = found(tmp_path)
    assert names(finding) == ["b/series-3"]
    assert "a/series-2: 9: The images lie at one place" in reasons(finding)


def test_a_repeated_slice_is_left(tmp_path):
    put(images(), tmp_path)
    put(images(1, seed=5, AcquisitionNumber=2), tmp_path, 10)
    finding = found(tmp_path)
    assert only(finding).slices == 4 and "series-2: 1: This is a single image beside" in reasons(finding)


def test_a_phase_with_a_gap_is_left_and_the_others_are_not(tmp_path):
    datasets = phases(3, slices=6, AcquisitionNumber=lambda phase: phase)
    del datasets[9]
    put(datasets, tmp_path)
    finding = found(tmp_path)
    assert sizes(finding) == [6, 6] and "series-2: 5: A slice is missing" in reasons(finding)


@pytest.mark.parametrize("keyword", ["TemporalPositionIndex", "FrameAcquisitionNumber"])
def test_enhanced_objects_of_several_phases_are_told_apart_by_file(tmp_path, keyword):
    for phase in (2, 1):
        one = factory.enhanced(factory.stored_values(4, seed=phase), [0, 1, 2, 3], [1] * 4)
        for group in one.PerFrameFunctionalGroupsSequence:
            content = Dataset()
            setattr(content, keyword, phase)
            group.FrameContentSequence = [content]
        put([one], tmp_path, 10 - phase)
    finding = found(tmp_path)
    assert sizes(finding) == [1, 1] and [one.slices for one in finding.series] == [4, 4]
    assert np.array_equal(pixels_of(finding.series[0]), factory.stored_values(4, seed=1)), "by frame, not by file"


def test_an_enhanced_object_with_several_stacks_is_left_with_the_readers_sentence(tmp_path):
    put([factory.enhanced(factory.stored_values(6), [0, 1, 2, 0, 1, 2], [1] * 6)], tmp_path)
    finding = found(tmp_path)
    assert not finding.series and "several phases" in reasons(finding)


def test_the_order_of_the_files_does_not_matter(tmp_path):
    datasets = phases(3, AcquisitionNumber=lambda phase: phase)
    put(datasets, tmp_path / "one")
    put(datasets[::-1], tmp_path / "two")
    one, two = find_series(tmp_path / "one"), find_series(tmp_path / "two")
    assert [s.key for s in one.series] == [s.key for s in two.series]
    for a, b in zip(one.series, two.series, strict=True):
        assert np.array_equal(pixels_of(a), pixels_of(b))
