"""The numbers of a derived series: exact where nothing changed, within half a stored step where something did."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import derived_factory as made
import dicom_factory as factory
import numpy as np
import pytest
import vendor_headers as vendors
from derived_factory import denoised, derive
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.files import read_volume, write_volume

HOW_STORED = (
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "RescaleSlope", "RescaleIntercept",
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns",
)  # fmt: skip


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_an_unchanged_volume_has_the_same_stored_values_bit_by_bit(tmp_path: Path, vendor: str):
    for source, result in derive(vendors.VENDORS[vendor](), tmp_path).pairs:
        assert result.PixelData == source.PixelData
        for keyword in HOW_STORED:
            assert made.raw(result, keyword) == made.raw(source, keyword), keyword


def test_unchanged_values_are_the_same_also_where_hu_cannot_tell_neighbours_apart(tmp_path: Path):
    pixels = factory.stored_values() * 20  # steps finer than those of float32 at −1024 HU
    derived = derive(factory.ct_series(pixels, RescaleSlope="0.00003"), tmp_path)
    assert [result.PixelData for result in derived.results] == [plane.tobytes() for plane in pixels]


@pytest.mark.parametrize("vendor", vendors.VENDORS)
def test_denoised_values_come_back_within_half_a_stored_step(tmp_path: Path, vendor: str):
    derived = derive(vendors.VENDORS[vendor](), tmp_path, denoised)
    back = read_volume(derived.folder)
    assert np.abs(back.hu - derived.volume.hu)[_measured(derived.volume)].max() <= 0.5
    for (source, result), hu in zip(derived.pairs, derived.volume.hu, strict=True):
        assert np.abs(made.hu(result) - hu)[hu > -1024].max() <= 0.5
        for keyword in HOW_STORED:  # these values fit into the source's own type
            assert made.raw(result, keyword) == made.raw(source, keyword), keyword


def test_each_slice_keeps_its_own_slope_and_intercept(tmp_path: Path):
    series = factory.ct_series(factory.stored_values(3))
    for dataset, slope, intercept in zip(series, ("1", "0.5", "2.25"), ("-1024", "-1000", "-24.5"), strict=True):
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    derived = derive(series, tmp_path, lambda volume: volume.with_hu(volume.hu + np.float32(0.3)))
    for (source, result), hu in zip(derived.pairs, derived.volume.hu, strict=True):
        assert (result.RescaleSlope, result.RescaleIntercept) == (source.RescaleSlope, source.RescaleIntercept)
        assert np.abs(made.hu(result) - hu).max() <= 0.5 * float(result.RescaleSlope) + 1e-4


@pytest.mark.parametrize(
    ("vendor", "value"),
    [("philips", 4000), ("philips", -1500), ("somatom", -1025), ("somatom", 9000), ("siemens", -9000),
     ("siemens", 58000), ("ge", 33000), ("canon", 40000), ("canon", -32900)],
)  # fmt: skip
def test_values_beyond_the_sources_type_widen_it_for_the_whole_series(tmp_path: Path, vendor: str, value: int):
    def change(volume):
        values = volume.hu.copy()
        values[1, 18, 16] = value
        return volume.with_hu(values)

    derived = derive(vendors.VENDORS[vendor](), tmp_path, change)
    assert derived.volume.hu[1, 18, 16] == value
    kinds = {(r.BitsAllocated, r.BitsStored, r.HighBit, r.PixelRepresentation) for r in derived.results}
    assert len(kinds) == 1
    allocated, bits, high, signed = kinds.pop()
    assert allocated == 16 and high == bits - 1 and bits <= 16
    assert signed == derived.sources[0].PixelRepresentation or value != 4000  # more bits are enough there
    for result, hu in zip(derived.results, derived.volume.hu, strict=True):
        _fits(result)
        measured = hu > -1024 if value > 0 else hu < 5000
        assert np.abs(made.hu(result) - hu)[measured & ~_corner(hu.shape)].max() <= 0.5
    back = read_volume(derived.folder)
    assert back.hu[1, 18, 16] == value
    source = read_volume(tmp_path / "source")
    if source.padding is not None:
        np.testing.assert_array_equal(back.padding, source.padding)


@pytest.mark.parametrize(
    ("slopes", "ends"),
    [
        (("0.037", "1", "0.5"), (-1000.6, 8194.4)),
        (("2.5", "0.037", "0.5"), (-90000.0, 100.4)),
        (("1",) * 3, (-9e4, 9e4)),
        (("1", "0.037", "1"), (8000.0, 8194.4)),  # the padding far below goes to the very end of the new scale
    ],
)
def test_values_that_fit_on_no_scale_of_the_source_get_a_new_one_and_wrap_nowhere(tmp_path: Path, slopes, ends):
    series = factory.ct_series(factory.stored_values(3, 14, 12) % 2000, PixelPaddingValue=4095)
    for dataset, slope in zip(series, slopes, strict=True):
        dataset.RescaleSlope = slope
        pixels = made.stored(dataset).astype(np.uint16)
        pixels[:6, :6] = 4095
        dataset.PixelData = pixels.tobytes()

    def change(volume):
        values = np.maximum(volume.hu + np.float32(0.4), ends[0])
        values[0, 10, 4:6] = ends
        return volume.with_hu(values)

    derived = derive(series, tmp_path, change)
    for result, hu, padding in zip(derived.results, derived.volume.hu, derived.volume.padding, strict=True):
        slope = float(result.RescaleSlope)
        difference = np.abs(made.hu(result) - hu)[~padding]
        assert (difference > 0.5 * slope * (1 + 1e-6) + 0.01).sum() <= 2  # that had to step aside from the padding
        assert difference.max() <= 1.6 * slope
        assert set(made.stored(result)[padding]) == {result.PixelPaddingValue}
        assert not (made.stored(result)[~padding] == result.PixelPaddingValue).any()
    np.testing.assert_array_equal(read_volume(derived.folder).padding, derived.volume.padding)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int32", "uint32"])
def test_ct_images_have_16_bits_whatever_the_source_had(tmp_path: Path, kind: str):
    pixels = (factory.stored_values() % 100).astype(kind)
    derived = derive(factory.ct_series(pixels), tmp_path)
    for result, plane in zip(derived.results, pixels, strict=True):
        assert result.BitsAllocated == 16 and 12 <= result.BitsStored <= 16 and result.HighBit == result.BitsStored - 1
        np.testing.assert_array_equal(made.hu(result), plane.astype(float) - 1024)


@pytest.mark.parametrize("word", [None, "", "HU", "US"])
def test_the_rescale_type_is_hu_also_where_the_source_was_silent(tmp_path: Path, word):
    for result in derive(vendors.with_tags(vendors.philips(), RescaleType=word), tmp_path).results:
        assert result.RescaleType == "HU"


@pytest.mark.parametrize("word", ["MGML", "HU_MOD"])
def test_values_that_are_no_hu_are_not_called_hu(tmp_path: Path, word):
    result = derive(vendors.with_tags(vendors.philips(), RescaleType=word), tmp_path).results[0]
    assert result.RescaleType == word


@pytest.mark.parametrize("vendor", ["ge", "siemens"])
def test_extreme_values_of_the_source_are_not_kept(tmp_path: Path, vendor: str):
    series = vendors.VENDORS[vendor]()
    for dataset in series:
        vr = "SS" if dataset.PixelRepresentation else "US"
        dataset.add_new("SmallestPixelValueInSeries", vr, 3)
        dataset.add_new("LargestPixelValueInSeries", vr, 4)
    for result in derive(series, tmp_path, denoised).results:
        assert not [tag for tag in result if 0x00280104 <= tag.tag <= 0x00280111]


def test_what_was_made_from_the_old_pixels_goes(tmp_path: Path):
    series = vendors.ge()
    for dataset in series:
        dataset.IconImageSequence = [vendors.item(Rows=1, Columns=1, BitsAllocated=8, PixelData=b"\1\0")]
        dataset.MACParametersSequence = [vendors.item(MACIDNumber=1)]
        dataset.DigitalSignaturesSequence = [vendors.item(MACIDNumber=1, Signature=b"12")]
        dataset.DataSetTrailingPadding = b"\0" * 8
        dataset.add_new(0x00280000, "UL", 999)
    for result in derive(series, tmp_path, denoised).results:
        for keyword in ("IconImageSequence", "MACParametersSequence", "DigitalSignaturesSequence"):
            assert keyword not in result
        assert not [tag for tag in sorted(result.keys()) if tag.element == 0 or tag.group == 0xFFFC]


def test_graphics_in_the_unused_bits_go_with_the_element_that_announces_them(tmp_path: Path):
    series = vendors.philips()
    for dataset in series:
        pixels = np.frombuffer(dataset.PixelData, "<u2") | 0x8000
        dataset.PixelData = pixels.tobytes()
        for element, vr, value in ((0x10, "US", 36), (0x11, "US", 32), (0x100, "US", 16), (0x102, "US", 15)):
            dataset.add_new(0x60000000 + element, vr, value)
        dataset.add_new(0x60000040, "CS", "G")
        dataset.add_new(0x60000050, "SS", [1, 1])
    for source, result in derive(series, tmp_path).pairs:
        np.testing.assert_array_equal(made.stored(result), made.stored(source) & 0x0FFF)
        assert result.BitsStored == 12
        assert (0x6000, 0x0102) not in result or result[0x6000, 0x0102].value == 0
        assert (0x6000, 0x0010) not in result or (0x6000, 0x3000) in result


def test_values_that_are_no_numbers_are_refused_and_nothing_is_left(tmp_path: Path):
    volume = read_volume(factory.save(vendors.ge(), tmp_path / "source"))
    for wrong in (np.nan, np.inf):
        hu = volume.hu.copy()
        hu[2, 18, 16] = wrong
        with pytest.raises(InputError):
            write_volume(replace(volume, hu=hu), tmp_path / "derived")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def _measured(volume) -> np.ndarray:
    return np.ones(volume.shape, bool) if volume.padding is None else ~volume.padding


def _corner(shape: tuple[int, int]) -> np.ndarray:
    """Outside the round field of view of the vendors' pictures."""
    y, x = np.mgrid[: shape[0], : shape[1]] - (np.array(shape).reshape(2, 1, 1) - 1) / 2
    return np.hypot(x, y) > min(shape) / 2


def _fits(result) -> None:
    values = made.stored(result)
    lowest = -(2 ** (result.BitsStored - 1)) if result.PixelRepresentation else 0
    assert values.min() >= lowest and values.max() < lowest + 2**result.BitsStored
