"""The same slice gives the same HU whatever the orientation it is stored in."""

from itertools import permutations, product

import numpy as np
import pytest
from fakes import Noisy
from LDCTDenoiseLib import CTVolume
from LDCTDenoiseLib.inference.devices import Setup
from LDCTDenoiseLib.inference.engine import Settings, denoise_volume
from LDCTDenoiseLib.orientation import Orientation, acquisition_axis, standard_orientation
from LDCTDenoiseLib.simulation.low_dose import Scanner, simulate_low_dose
from LDCTDenoiseLib.volume import Source

STORAGES = [
    Orientation(order, flipped)
    for order in permutations(range(3))
    for flipped in product((False, True), repeat=3)
]  # fmt: skip


def turned(degrees: float, axis: int) -> np.ndarray:
    """A rotation about an axis of the body."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [i for i in range(3) if i != axis]
    matrix = np.eye(3)
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


DIRECTIONS = {
    "plain": np.eye(3),
    "oblique": turned(25, 0) @ turned(10, 1) @ turned(-15, 2),
    "left-handed": np.diag([1.0, 1.0, -1.0]),
    "at 45 degrees": turned(45, 0),
    "at 45 degrees twice": turned(45, 2) @ turned(45, 0),
}


def a_volume(direction=None, padding: bool = True) -> CTVolume:
    """A volume in standard orientation (but for how far it is turned): 5 slices of 16 × 24, a corner of padding."""
    rng = np.random.default_rng(3)
    hu = rng.normal(40, 100, (5, 16, 24)).astype(np.float32)
    mask = np.zeros(hu.shape, bool)
    mask[:, :3, :4] = padding
    hu[mask] = -2000
    direction = np.eye(3) if direction is None else direction
    return CTVolume(hu, (0.7, 0.8, 2.5), (-10.0, 20.0, 30.0), direction, mask if padding else None)


class AsSeen(Noisy):
    """An answer that depends on everything a method is told: place in the slice, spacing and seed."""

    def denoise(self, slices_hu, *, seeds, spacing=None):
        assert slices_hu.flags.c_contiguous
        rows, columns = slices_hu.shape[1:]
        place = np.arange(rows)[:, None] * spacing[1] + np.arange(columns) * spacing[0] ** 2
        return super().denoise(slices_hu, seeds=seeds) * 0.5 + place.astype(np.float32)


def place_of(volume: CTVolume, index: np.ndarray) -> np.ndarray:
    """LPS mm of voxels; index [n, 3] of slices, rows, columns."""
    return volume.origin + (index[:, ::-1] * volume.spacing) @ volume.direction.T


def values_by_place(volume: CTVolume, hu: np.ndarray) -> dict[tuple, float]:
    index = np.stack(np.meshgrid(*(range(n) for n in volume.shape), indexing="ij"), axis=-1).reshape(-1, 3)
    keys = place_of(volume, index).round(4) + 0.0
    return dict(zip(map(tuple, keys.tolist()), hu.ravel().tolist(), strict=True))


@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_there_and_back_again(storage):
    array = np.arange(24).reshape(2, 3, 4)
    seen = storage.apply(array)
    assert np.shares_memory(seen, array)
    np.testing.assert_array_equal(storage.inverse.apply(seen), array)
    assert storage.inverse.inverse == storage


@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_a_volume_stored_otherwise_lies_where_it_lay(storage):
    volume = a_volume(DIRECTIONS["oblique"])
    assert values_by_place(volume.reoriented(storage), storage.apply(volume.hu)) == values_by_place(volume, volume.hu)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_every_storage_has_the_same_standard_orientation(storage, direction):
    stored = a_volume(direction).reoriented(storage)
    standard, expected = stored.standard(), a_volume(direction).standard()
    assert np.shares_memory(standard.hu, stored.hu)
    np.testing.assert_array_equal(standard.hu, expected.hu)
    np.testing.assert_array_equal(standard.padding, expected.padding)
    np.testing.assert_allclose(standard.direction, expected.direction, atol=1e-12)
    np.testing.assert_allclose(standard.origin, expected.origin, atol=1e-9)
    assert standard.spacing == expected.spacing


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_the_same_slice_gives_the_same_hu_in_every_storage(storage, direction):
    expected = denoise_volume(a_volume(direction), AsSeen(), Settings(seed=5, draws=3, strength=0.7))
    stored = a_volume(direction).reoriented(storage)
    result = denoise_volume(stored, AsSeen(), Settings(seed=5, draws=3, strength=0.7), setup=Setup(batch=2))
    np.testing.assert_array_equal(result.volume.standard().hu, expected.volume.standard().hu)
    np.testing.assert_array_equal(result.spread.standard().hu, expected.spread.standard().hu)
    assert (result.volume.hu[stored.padding] == -2000).all() and not result.spread.hu[stored.padding].any()
    assert (result.volume.spacing, result.volume.origin) == (stored.spacing, stored.origin)
    np.testing.assert_array_equal(result.volume.direction, stored.direction)
    assert result.volume.shape == stored.shape


@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_a_range_of_slices_counts_as_stored_and_lies_where_it_lay(storage):
    stored = a_volume(DIRECTIONS["oblique"]).reoriented(storage)
    axis = stored.orientation.slice_axis
    whole = denoise_volume(stored, AsSeen(), Settings(seed=5)).volume
    part = denoise_volume(stored, AsSeen(), Settings(seed=5, slices=(1, 3))).volume
    np.testing.assert_array_equal(part.hu, np.take(whole.hu, [1, 2], axis))
    assert values_by_place(part, part.hu).items() <= values_by_place(whole, whole.hu).items()


@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_a_part_alone_gives_what_it_gives_in_the_whole(storage):
    stored = a_volume().reoriented(storage)
    axis = stored.orientation.slice_axis
    whole = denoise_volume(stored, AsSeen(), Settings(seed=5)).volume
    one = stored.slices(3, 4, axis)
    found = denoise_volume(one, AsSeen(), Settings(seed=5, first_slice=3, total_slices=5)).volume
    np.testing.assert_array_equal(found.hu, np.take(whole.hu, [3], axis))
    np.testing.assert_allclose(found.origin, one.origin)


@pytest.mark.parametrize("first,total", [(-1, 9), (5, 9), (0, 4), (1, 5)])
def test_a_part_that_does_not_lie_in_its_whole_is_refused(first, total):
    with pytest.raises(ValueError, match="do not lie in a volume"):
        denoise_volume(a_volume(), AsSeen(), Settings(first_slice=first, total_slices=total))


def test_axial_coronal_and_sagittal_storage_know_their_axis_of_slices():
    assert acquisition_axis(np.eye(3)) == acquisition_axis(np.diag([-1, -1, 1])) == 0
    assert acquisition_axis(np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])) == 1  # coronal: rows run from head to feet
    assert acquisition_axis(np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]])) == 1  # sagittal, as scanners store it
    assert acquisition_axis(np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])) == 2


def test_a_plain_axial_volume_is_its_own_standard():
    assert standard_orientation(np.eye(3)) == Orientation()
    assert standard_orientation(DIRECTIONS["oblique"]) == Orientation()


def test_a_tilted_scan_keeps_its_slices():
    assert acquisition_axis(turned(30, 0)) == 0
    assert acquisition_axis(turned(-40, 1)) == 0


def test_the_files_of_slices_turn_with_them():
    source = Source(files=("a", "b", "c", "d", "e"))
    volume = CTVolume(a_volume().hu, source=source)
    assert volume.reoriented(Orientation(flipped=(True, False, False))).source.files == ("e", "d", "c", "b", "a")
    assert volume.reoriented(Orientation((1, 0, 2))).source.files == ()
    assert volume.slices(1, 3).source.files == ("b", "c")
    assert volume.slices(1, 3, axis=1).source.files == source.files


def test_a_reformatted_volume_is_noticed():
    said = []
    plain = CTVolume(np.zeros((2, 16, 16)), (0.8, 0.8, 3.0))
    denoise_volume(plain, Noisy(), Settings(), notice=said.append)
    assert not said
    sagittal = CTVolume(np.zeros((2, 16, 16)), (0.8, 0.8, 3.0), direction=np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0]]))
    denoise_volume(sagittal, Noisy(), Settings(), notice=said.append)
    assert len(said) == 1 and "reformatted" in said[0]


@pytest.mark.parametrize("storage", STORAGES[::5], ids=str)
def test_simulated_noise_does_not_depend_on_the_storage(storage):
    hu = np.random.default_rng(0).normal(40, 5, (2, 32, 32)).astype(np.float32)
    volume = CTVolume(hu, (0.8, 0.8, 3.0))
    expected = simulate_low_dose(volume, 0.25, scanner=Scanner(views=60))
    found = simulate_low_dose(volume.reoriented(storage), 0.25, scanner=Scanner(views=60))
    np.testing.assert_array_equal(found.standard().hu, expected.hu)


@pytest.mark.parametrize("storage", [Orientation(), Orientation((2, 0, 1), (True, False, True))], ids=str)
def test_beside_input_and_output_hardly_any_memory_is_taken(storage):
    import tracemalloc

    hu = np.zeros((40, 64, 64), np.float32)
    padding = np.zeros(hu.shape, bool)
    padding[:, :4] = True
    stored = CTVolume(hu, padding=padding).reoriented(storage)
    tracemalloc.start()
    denoise_volume(stored, Noisy(), Settings(strength=0.5))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * hu.nbytes


@pytest.fixture(scope="module", params=["rddm-balanced", "nlm", "bilateral", "tv", "anisotropic-diffusion", "median"])
def shipped_method(request):
    """A method as users have it; real ones are pickier about memory than fakes (torch takes no negative stride)."""
    from LDCTDenoiseLib.methods import load_denoiser
    from LDCTDenoiseLib.weights.store import find_card

    if request.param == "rddm-balanced":
        pytest.importorskip("torch")
    if request.param in ("nlm", "tv"):
        pytest.importorskip("skimage")
    return load_denoiser(find_card(request.param))


@pytest.mark.parametrize("storage", STORAGES, ids=str)
def test_what_is_shipped_gives_the_same_hu_in_every_storage(storage, shipped_method):
    settings = Settings(seed=5)
    expected = denoise_volume(a_volume(), shipped_method, settings, setup=Setup())
    result = denoise_volume(a_volume().reoriented(storage), shipped_method, settings, setup=Setup())
    np.testing.assert_array_equal(result.volume.standard().hu, expected.volume.standard().hu)
