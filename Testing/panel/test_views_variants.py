"""Two to six variants in a grid; blinded, no name is to be found until they are revealed."""

import numpy as np
import pytest
import slicer
import slicer.util
from LDCTDenoisePanel.user_error import UserError
from view_cases import case, denoised_of, our_nodes, state_of_users_views
from view_pixels import composite, difference_from_voxels, index_of_pixels, sharp, widget


def variants(ct, count):
    before = case(ct).before
    made = [denoised_of(before, f"Secret {index}", strength=str(index / 10), seed=index) for index in range(count)]
    for index, volume in enumerate(made):
        slicer.util.arrayFromVolume(volume)[:] += 15 * index
    sharp(*made)
    return before, made, [f"Method {index}" for index in range(count)]


def tags(count):
    return [f"LDCTVariant{index + 1}" for index in range(count)]


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_a_grid_shows_every_variant_at_the_same_place(count, ct, comparison, host):
    _, volumes, names = variants(ct, count)
    comparison.showVariants(volumes, names)
    host.settle()
    assert comparison.mode == "variants"
    scales = []
    for tag, volume, name in zip(tags(count), volumes, names, strict=True):
        assert difference_from_voxels(host, tag, volume) <= 1
        assert np.abs(index_of_pixels(tag, volume)[2] - 5).max() < 1e-6
        assert widget(tag).sliceView().cornerAnnotation().GetText(7) == name
        node = widget(tag).mrmlSliceNode()
        scales.append(node.GetFieldOfView()[0] / node.GetDimensions()[0])
    assert np.ptp(scales) < 1e-9
    volumes[-1].GetDisplayNode().SetWindowLevel(222, 11)
    assert volumes[0].GetDisplayNode().GetWindow() == 222


def everythingThatCanBeRead(count):
    """Texts in the views, names of the nodes that they show, names in selectors, and the views' own names."""
    found = []
    for tag in tags(count):
        annotation = widget(tag).sliceView().cornerAnnotation()
        found += [annotation.GetText(position) or "" for position in range(8)]
        shown = slicer.mrmlScene.GetNodeByID(composite(tag).GetBackgroundVolumeID())
        attributes = [shown.GetAttribute(name) or "" for name in shown.GetAttributeNames() or ()]
        found += [shown.GetName(), shown.GetDescription() or "", shown.GetDisplayNode().GetName(), *attributes]
        found += [widget(tag).mrmlSliceNode().GetName(), composite(tag).GetName()]
        assert shown.GetHideFromEditors()
        assert not shown.GetSaveWithScene()
        roles = [shown.GetNthNodeReferenceRole(index) for index in range(shown.GetNumberOfNodeReferenceRoles())]
        assert not any("LDCT" in role for role in roles)
    return found


def test_blinded_variants_tell_their_names_nowhere(ct, comparison, host):
    _, volumes, names = variants(ct, 4)
    comparison.showVariants(volumes, names, blinded=True, seed=3)
    host.settle()
    host.view("LDCTVariant1").wheel(1)
    host.settle()
    read = everythingThatCanBeRead(4)
    assert "Variant A" in read
    assert not [line for line in read if "Secret" in line or "Method" in line or "RDDM" in line]
    assert comparison.blinded


def test_the_order_is_random_but_the_same_for_the_same_seed(ct, comparison, host):
    _, volumes, names = variants(ct, 5)
    orders = []
    for seed in (7, 7, 8, 9, 10):
        comparison.showVariants(volumes, names, blinded=True, seed=seed)
        assert comparison.seed == seed
        orders.append(tuple(comparison.reveal()))
    assert orders[0] == orders[1]
    assert len(set(orders)) > 2
    assert all(sorted(order) == names for order in orders)
    comparison.showVariants(volumes, names, blinded=True)
    assert isinstance(comparison.seed, int)


def test_blinded_views_show_the_voxels_without_a_copy_and_revealing_keeps_the_picture(ct, comparison, host):
    _, volumes, names = variants(ct, 3)
    comparison.showVariants(volumes, names, blinded=True, seed=5)
    host.settle()
    host.view("LDCTVariant2").wheel(1, ctrl=True)
    shown = [slicer.mrmlScene.GetNodeByID(composite(tag).GetBackgroundVolumeID()) for tag in tags(3)]
    shown[1].GetDisplayNode().SetWindowLevel(333, 22)
    host.settle()
    pictures = [host.grab(tag)[60:-60] for tag in tags(3)]
    arrays = [slicer.util.arrayFromVolume(node) for node in shown]
    order = comparison.reveal()
    host.settle()
    assert not comparison.blinded
    for tag, name, picture, array in zip(tags(3), order, pictures, arrays, strict=True):
        volume = volumes[names.index(name)]
        assert np.shares_memory(array, slicer.util.arrayFromVolume(volume))
        assert composite(tag).GetBackgroundVolumeID() == volume.GetID()
        assert widget(tag).sliceView().cornerAnnotation().GetText(7) == name
        assert np.array_equal(host.grab(tag)[60:-60], picture)
    assert comparison.reveal() == order


def test_leaving_removes_the_neutral_nodes_and_gives_the_views_back(ct, comparison, host):
    _, volumes, names = variants(ct, 6)
    found = state_of_users_views()
    comparison.showVariants(volumes, names, blinded=True, seed=1)
    host.settle()
    comparison.leave()
    host.settle()
    assert our_nodes() == []
    assert state_of_users_views() == found
    assert volumes[0].GetDisplayNode().GetWindow() == 1500


def test_a_blinded_view_follows_its_volume(ct, comparison, host):
    _, volumes, names = variants(ct, 2)
    comparison.showVariants(volumes, names, blinded=True, seed=1)
    host.settle()
    slicer.util.updateVolumeFromArray(volumes[0], slicer.util.arrayFromVolume(volumes[0]) + np.int16(70))
    host.settle()
    window = slicer.mrmlScene.GetNodeByID(composite("LDCTVariant1").GetBackgroundVolumeID()).GetDisplayNode()
    volumes[0].GetDisplayNode().SetWindowLevel(window.GetWindow(), window.GetLevel())
    order = [names.index(name) for name in comparison._blinding.names]
    assert difference_from_voxels(host, tags(2)[order.index(0)], volumes[0]) <= 1


def test_the_flip_shows_the_original_in_every_variant(ct, comparison, host):
    before, volumes, names = variants(ct, 3)
    comparison.showVariants(volumes, names, blinded=True, seed=2)
    host.settle()
    comparison.flip(True)
    host.settle()
    for tag in tags(3):
        assert difference_from_voxels(host, tag, before, slice(None)) <= 1


def test_removing_a_blinded_volume_ends_it(ct, comparison, host, scene):
    _, volumes, names = variants(ct, 3)
    comparison.showVariants(volumes, names, blinded=True, seed=2)
    host.settle()
    scene.RemoveNode(volumes[1])
    host.settle()
    assert comparison.mode is None
    assert our_nodes() == []


def test_too_few_too_many_or_unnamed_variants_are_refused(ct, comparison):
    volume = ct.volume()
    for volumes, names in (([volume], ["a"]), ([volume] * 7, list("abcdefg")), ([volume] * 2, ["a"])):
        with pytest.raises(UserError, match="2 to 6"):
            comparison.showVariants(volumes, names)
    assert comparison.mode is None
