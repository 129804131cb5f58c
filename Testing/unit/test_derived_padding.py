"""Padding in a derived series: what was no measurement stays so untouched, and no measurement becomes one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import derived_factory as made
import numpy as np
import pytest
import vendor_headers as vendors
from derived_factory import denoised, derive
from LDCTDenoiseLib.files import read_volume

PADDED = ("ge", "siemens", "somatom", "canon")


@pytest.mark.parametrize("vendor", PADDED)
def test_padded_pixels_keep_their_stored_value_and_the_header_its_padding_value(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised)
    for (source, result), padding in zip(derived.pairs, derived.volume.padding, strict=True):
        assert padding.any()
        np.testing.assert_array_equal(made.stored(result)[padding], made.stored(source)[padding])
        assert set(made.stored(result)[padding]) == {result.PixelPaddingValue}
        assert made.raw(result, "PixelPaddingValue") == made.raw(source, "PixelPaddingValue")
        assert ("SS" if result.PixelRepresentation else "US") == result["PixelPaddingValue"].VR


@pytest.mark.parametrize("vendor", PADDED)
def test_the_reader_finds_the_padding_of_the_source_in_the_result(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised)
    np.testing.assert_array_equal(read_volume(derived.folder).padding, read_volume(tmp_path / "source").padding)


@pytest.mark.parametrize("vendor", PADDED)
def test_padded_pixels_are_the_sources_even_if_the_volume_has_other_values_there(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, lambda volume: replace(volume, hu=volume.hu + 50))
    for (source, result), padding in zip(derived.pairs, derived.volume.padding, strict=True):
        np.testing.assert_array_equal(made.stored(result)[padding], made.stored(source)[padding])


@pytest.mark.parametrize("vendor", PADDED)
@pytest.mark.parametrize("fraction", [0.0, 0.4, -0.4])
def test_a_measured_voxel_never_becomes_padding_by_rounding(tmp_path: Path, vendor: str, fraction: float):
    def change(volume):
        values = volume.hu.copy()
        values[:, 17:19, 12:20] = volume.hu[volume.padding].max() + fraction
        return volume.with_hu(values)

    derived = derive(vendors.VENDORS[vendor](), tmp_path, change)
    for result in derived.results:
        inside = made.stored(result)[17:19, 12:20]
        assert not (inside == result.PixelPaddingValue).any()
        side = 1 if fraction >= 0 or result.PixelPaddingValue == 0 else -1  # the nearer one, unless the type ends there
        assert set(inside.ravel() - result.PixelPaddingValue) <= ({side} if fraction else {1, -1})


@pytest.mark.parametrize("vendor", PADDED)
def test_neither_does_it_become_a_value_of_the_padding_range(tmp_path: Path, vendor: str):
    series = vendors.VENDORS[vendor]()
    for dataset in series:
        dataset.add_new("PixelPaddingRangeLimit", "SS" if dataset.PixelRepresentation else "US", 0)
        dataset.PixelPaddingRangeLimit = dataset.PixelPaddingValue + 5

    def change(volume):
        values = volume.hu.copy()
        values[:, 17, 12:20] = volume.hu[volume.padding].max() + np.arange(-1, 7)
        return volume.with_hu(values)

    derived = derive(series, tmp_path, change)
    for source, result in derived.pairs:
        assert result.PixelPaddingRangeLimit == source.PixelPaddingRangeLimit
        inside = made.stored(result)[17, 12:20]
        assert not ((inside >= result.PixelPaddingValue) & (inside <= result.PixelPaddingRangeLimit)).any()


@pytest.mark.parametrize(("vendor", "wrong"), [("ge", "US"), ("canon", "US"), ("siemens", "SS"), ("somatom", "SS")])
def test_a_padding_value_of_the_wrong_sign_is_told_in_the_pixels_own(tmp_path: Path, vendor: str, wrong: str):
    series = vendors.VENDORS[vendor]()
    for dataset in series:
        pattern = dataset.PixelPaddingValue % 0x10000
        del dataset.PixelPaddingValue
        dataset.add_new("PixelPaddingValue", wrong, pattern)
    derived = derive(series, tmp_path, denoised)
    for (_, result), padding in zip(derived.pairs, derived.volume.padding, strict=True):
        assert ("SS" if result.PixelRepresentation else "US") == result["PixelPaddingValue"].VR
        assert set(made.stored(result)[padding]) == {result.PixelPaddingValue}


def test_clipped_air_that_shares_the_padding_value_stays_as_it_is_where_nothing_changed(tmp_path: Path):
    series = vendors.somatom()
    for dataset in series:
        pixels = made.stored(dataset).astype(np.uint16)
        pixels[18, 16] = 0  # one clipped voxel amid the body is a measurement
        dataset.PixelData = pixels.tobytes()
    derived = derive(series, tmp_path)
    assert not derived.volume.padding[:, 18, 16].any()
    for source, result in derived.pairs:
        assert result.PixelData == source.PixelData


def test_a_plateau_that_no_header_declares_stays_too(tmp_path: Path):
    derived = derive(vendors.with_tags(vendors.ge(), PixelPaddingValue=None), tmp_path, denoised)
    padding = derived.volume.padding
    assert padding.any()
    for (source, result), outside in zip(derived.pairs, padding, strict=True):
        assert "PixelPaddingValue" not in result
        np.testing.assert_array_equal(made.stored(result)[outside], made.stored(source)[outside])
    np.testing.assert_array_equal(read_volume(derived.folder).padding, padding)


def test_no_measured_voxel_joins_that_plateau(tmp_path: Path):
    def change(volume):
        values = denoised(volume).hu.copy()
        values[:, 17, 12:20] = -3024 + np.linspace(-0.45, 0.45, 8)
        return volume.with_hu(values)

    derived = derive(vendors.with_tags(vendors.ge(), PixelPaddingValue=None), tmp_path, change)
    assert not derived.volume.padding[:, 17, 12:20].any()
    for result in derived.results:
        assert set(made.stored(result)[17, 12:20]) <= {-2001, -1999}
