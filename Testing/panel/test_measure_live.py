"""Figures that follow regions and a line: true after every change, and nothing observed when there is nothing to do."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.measure.live import Live
from measure_setup import line, linear, observers, roi, segmentation, world

TITLES = {"input": "Original", "after": "RDDM Balanced", "reference": "Normal dose"}


class Watched:
    """A Live whose answers are kept."""

    def __init__(self, host):
        self.host, self.live, self.answers = host, Live(), []
        self.live.measured.connect(lambda *answer: self.answers.append(answer))

    def next(self, act=lambda: None):
        """Do it, and wait for the next measurement."""
        number = len(self.answers)
        act()
        assert self.host.waitUntil(lambda: len(self.answers) > number, 5), "nothing was measured"
        return self.answers[-1]

    def rest(self):
        """The measurement that is made when nothing moves any more."""
        self.host.waitUntil(lambda: False, 0.5)
        return self.answers[-1]


def figure(document, image, key):
    found = [each for each in document["figures"] if (each["image"], each["key"]) == (image, key)]
    assert len(found) == 1, (image, key)
    return found[0]["value"]


def cube(noise, seed, contrast=100, shape=(10, 80, 80)):
    """White noise about 40 HU, and about 40 + contrast in the half with the higher columns."""
    hu = np.random.default_rng(seed).normal(40, noise, shape)
    hu[:, :, shape[2] // 2 :] += contrast
    return hu.astype(np.float32)


@pytest.fixture
def watched(host, scene):
    made = Watched(host)
    yield made
    made.live.stop()


@pytest.fixture
def pair(ct):
    """(before, after): white noise of 20 and 5 HU, half of it 100 HU brighter; 0.8 × 0.8 × 2 mm, tilted."""
    return ct.oblique("before", array=cube(20, 0)), ct.oblique("after", array=cube(5, 1))


def sides(volume, size=(22.0, 22.0, 15.0)):
    """ROIs in the two halves, along the volume's own axes."""
    centres = world(volume, (19, 40, 5)), world(volume, (60, 40, 5))
    return [roi(centre, size, (15, 0, 10), name) for centre, name in zip(centres, "AB", strict=True)]


def test_mean_noise_and_contrast_are_those_that_were_put_in(watched, pair):
    before, after = pair
    a, b = sides(before)
    document, problems = watched.next(
        lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (a, ""), "B": (b, "")})
    )
    assert problems == []
    for image, noise in (("input", 20), ("after", 5)):
        assert figure(document, image, "mean_A") == pytest.approx(40, abs=0.3 * noise / 5)
        assert figure(document, image, "mean_B") == pytest.approx(140, abs=0.3 * noise / 5)
        assert figure(document, image, "sd_A") == pytest.approx(noise, rel=0.05)
        assert figure(document, image, "cnr") == pytest.approx(100 / noise, rel=0.05)
        assert figure(document, image, "contrast") == pytest.approx(100, abs=1.5)


def test_the_spectrum_of_white_noise_is_flat_and_as_high_as_its_variance(watched, pair):
    before, after = pair
    a, _b = sides(before, (26.0, 40.0, 18.0))
    watched.next(lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (a, "")}))
    document, _problems = watched.rest()
    for each, noise in zip(document["curves"]["nps_region"]["lines"], (20, 5), strict=True):
        flat = noise**2 * 0.8 * 0.8  # Parseval: variance × area of a pixel
        curve = each["y"][2:]  # the trend takes some of the slowest
        assert np.mean(curve) == pytest.approx(flat, rel=0.1) and np.std(curve) < 0.2 * flat
    assert figure(document, "input", "nps_mean_A") == pytest.approx(0.625 / 2, rel=0.1)  # halfway to Nyquist


def test_figures_follow_a_region_that_is_moved_or_resized(watched, pair):
    before, after = pair
    a, _b = sides(before)
    first, _ = watched.next(lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (a, "")}))
    moved, _ = watched.next(lambda: a.SetCenterWorld(*world(before, (60, 40, 5))))
    assert figure(moved, "input", "mean_A") - figure(first, "input", "mean_A") == pytest.approx(100, abs=3)
    wide, _ = watched.next(lambda: a.SetSize(60, 22, 15))
    assert figure(wide, "input", "sd_A") > 40  # both halves are in it
    turned, _ = watched.next(lambda: a.SetAndObserveTransformNodeID(linear(shift=(0, 0, 300)).GetID()))
    assert turned["figures"] == [] and "lies outside" in watched.answers[-1][1][0]


def test_figures_follow_the_volume_its_voxels_and_its_transform(watched, pair):
    before, after = pair
    a, _b = sides(before)
    watched.next(lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (a, "")}))
    changed, _ = watched.next(lambda: slicer.util.updateVolumeFromArray(after, cube(5, 1) + 7))
    assert figure(changed, "after", "mean_A") == pytest.approx(47, abs=0.5)
    in_place = slicer.util.arrayFromVolume(after)
    in_place += 3
    again, _ = watched.next(lambda: slicer.util.arrayFromVolumeModified(after))
    assert figure(again, "after", "mean_A") == pytest.approx(50, abs=0.5)
    transform = linear()
    watched.next(lambda: before.SetAndObserveTransformNodeID(transform.GetID()))
    move = slicer.util.vtkMatrixFromArray(np.diag([1.0, 1, 1, 1]) + np.eye(4, k=3) * 400)
    gone = watched.next(lambda: transform.SetMatrixTransformToParent(move))
    assert "A lies outside the volume." in gone[1]


def test_an_undone_move_gives_the_former_figures(watched, pair, scene):
    before, after = pair
    a, _b = sides(before)
    a.SetUndoEnabled(True)
    scene.SetUndoOn()
    try:
        first, _ = watched.next(lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (a, "")}))
        scene.SaveStateForUndo()
        watched.next(lambda: a.SetCenterWorld(*world(before, (60, 40, 5))))
        back, _ = watched.next(scene.Undo)
        assert figure(back, "input", "mean_A") == pytest.approx(figure(first, "input", "mean_A"))
    finally:
        scene.ClearUndoStack()
        scene.SetUndoOff()


def test_a_segment_is_followed_while_it_is_painted_and_when_it_is_removed(watched, pair):
    before, after = pair
    mask = np.zeros((10, 80, 80), np.uint8)
    mask[3:7, 20:50, 5:30] = 1
    node, segment = segmentation(before, mask)
    first, _ = watched.next(
        lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (node, segment)})
    )
    assert figure(first, "input", "mean_A") == pytest.approx(40, abs=1)
    mask[3:7, 20:50, 45:70] = 1
    painted, _ = watched.next(lambda: slicer.util.updateSegmentBinaryLabelmapFromArray(mask, node, segment, before))
    assert figure(painted, "input", "mean_A") == pytest.approx(90, abs=1)
    gone = watched.next(lambda: node.GetSegmentation().RemoveSegment(segment))
    assert gone[0]["figures"] == [] and "Choose one of the segments" in gone[1][0]


def test_a_line_has_a_profile_through_every_image(watched, pair):
    before, after = pair
    drawn = line(world(before, (10, 40, 5)), world(before, (70, 40, 5)))
    volumes = {"input": before, "after": after, "reference": after}
    document, _ = watched.next(lambda: watched.live.follow(volumes, TITLES, {}, drawn))
    lines = document["curves"]["profile"]["lines"]
    assert [each["image"] for each in lines] == ["input", "after", "reference"]
    assert lines[0]["x"][-1] == pytest.approx(60 * 0.8)
    low, high = lines[1]["y"][:180].mean(), lines[1]["y"][220:].mean()
    assert high - low == pytest.approx(100, abs=6)
    moved, _ = watched.next(lambda: drawn.SetNthControlPointPositionWorld(1, *world(before, (30, 40, 5))))
    assert moved["curves"]["profile"]["lines"][1]["y"].max() < 70
    drawn.RemoveNthControlPoint(1)
    assert "needs two points" in watched.next()[1][0]


def test_a_region_that_is_too_small_for_a_spectrum_still_has_a_mean(watched, pair):
    before, after = pair
    small = roi(world(before, (19, 40, 5)), (4, 4, 4))
    document, problems = watched.next(
        lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (small, "")})
    )
    assert figure(document, "input", "mean_A") == pytest.approx(40, abs=10)
    assert "nps_region" not in document["curves"] and "too small" in problems[0]


def test_volumes_of_other_sizes_give_a_sentence_and_no_figures(watched, ct, pair):
    a, _b = sides(pair[0])
    document, problems = watched.next(
        lambda: watched.live.follow({"input": pair[0], "after": ct.volume("Small")}, TITLES, {"A": (a, "")})
    )
    assert document is None and "different sizes" in problems[0]


# nothing is left behind


def everything(pair):
    a, b = sides(pair[0])
    mask = np.zeros((10, 80, 80), np.uint8)
    mask[4, 5:30, 5:30] = 1
    node, segment = segmentation(pair[0], mask)
    drawn = line(world(pair[0], (10, 40, 5)), world(pair[0], (70, 40, 5)))
    watchedNodes = [*pair, a, b, node, node.GetSegmentation(), drawn, slicer.mrmlScene]
    return {"A": (a, ""), "B": (node, segment)}, drawn, watchedNodes


def test_nothing_is_observed_any_more_after_the_end(watched, pair):
    drawn, profile, nodes = everything(pair)
    before = observers(*nodes)
    watched.next(lambda: watched.live.follow({"input": pair[0], "after": pair[1]}, TITLES, drawn, profile))
    assert sum(observers(*nodes)) > sum(before)
    watched.live.follow({}, {}, {})
    assert observers(*nodes) == before
    number = len(watched.answers)
    drawn["A"][0].SetCenterWorld(*world(pair[0], (60, 40, 5)))
    watched.rest()
    assert len(watched.answers) == number and watched.answers[-1][0] is None


def test_a_removed_region_is_no_longer_measured_and_the_others_are(watched, pair):
    drawn, profile, _nodes = everything(pair)
    watched.next(lambda: watched.live.follow({"input": pair[0], "after": pair[1]}, TITLES, drawn, profile))
    document, _ = watched.next(lambda: slicer.mrmlScene.RemoveNode(drawn["A"][0]))
    assert {each["key"][-1] for each in document["figures"]} == {"B"} and "profile" in document["curves"]
    document, _ = watched.next(lambda: slicer.mrmlScene.RemoveNode(profile))
    assert document["curves"] == {}
    assert watched.next(lambda: slicer.mrmlScene.RemoveNode(pair[1])) == (None, [])


def test_closing_the_scene_ends_it(watched, pair):
    drawn, profile, _nodes = everything(pair)
    watched.next(lambda: watched.live.follow({"input": pair[0], "after": pair[1]}, TITLES, drawn, profile))
    before = observers(slicer.mrmlScene)[0]
    drawn["A"][0].SetCenterWorld(0, 0, 0)  # a measurement is due
    slicer.mrmlScene.Clear(0)
    assert watched.answers[-1] == (None, [])
    number = len(watched.answers)
    watched.rest()
    assert len(watched.answers) == number and observers(slicer.mrmlScene)[0] < before


# speed


def test_many_events_of_one_movement_make_one_measurement(watched, pair):
    before, after = pair
    a, _b = sides(before)
    watched.next(lambda: watched.live.follow({"input": before, "after": after}, TITLES, {"A": (a, "")}))
    watched.rest()
    number = len(watched.answers)
    for step in range(50):
        a.SetCenterWorld(*world(before, (19 + step / 10, 40, 5)))
    watched.next()
    assert len(watched.answers) == number + 1
    watched.rest()
    assert len(watched.answers) == number + 2, "and one more at rest, of the whole region"
