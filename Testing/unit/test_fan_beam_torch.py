"""The fan beam on a torch device gives what the processor gives, and the processor goes on where a device cannot."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from dataclasses import replace  # noqa: E402

from LDCTDenoiseLib import CTVolume, InputError, write_volume  # noqa: E402
from LDCTDenoiseLib.cli import main  # noqa: E402
from LDCTDenoiseLib.commands import simulation_place  # noqa: E402
from LDCTDenoiseLib.commands.simulation_place import chosen_place  # noqa: E402
from LDCTDenoiseLib.inference import devices  # noqa: E402
from LDCTDenoiseLib.simulation import fan_beam_torch  # noqa: E402
from LDCTDenoiseLib.simulation.fan_beam import FanBeam, FanGeometry  # noqa: E402
from LDCTDenoiseLib.simulation.fan_beam_torch import TorchArrays, torch_place  # noqa: E402
from LDCTDenoiseLib.simulation.fan_scanner import TYPICAL, DoseSimulator  # noqa: E402
from LDCTDenoiseLib.simulation.low_dose import simulate_low_dose  # noqa: E402
from LDCTDenoiseLib.simulation.place import Place  # noqa: E402
from LDCTDenoiseLib.training import noise_bank  # noqa: E402

COARSE = FanGeometry(views=240, channels=92, channel_width=8 * 1.2858, offset=0.25)
SCANNER = replace(TYPICAL, geometry=COARSE, photons=2e4, kernel=0.05)


@pytest.fixture(scope="module")
def beam() -> FanBeam:
    return FanBeam((44, 53), (5.0, 6.0), COARSE, (12.0, -7.0))


@pytest.fixture(scope="module")
def there(beam) -> FanBeam:
    return beam.on(TorchArrays("cpu"))


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def assert_same(found: np.ndarray, wanted: np.ndarray) -> None:
    assert found.dtype == wanted.dtype == np.float32 and found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-4 * wanted.std()


def bodies(count: int = 3) -> CTVolume:
    y, x = np.mgrid[:48, :56] - 24.0
    slices = [np.where((x - 4) ** 2 + y**2 < (12 + 3 * n) ** 2, 40.0, -1000.0) for n in range(count)]
    return CTVolume(np.stack(slices) + 8 * random(count, 48, 56), (6.0, 6.0, 3.0))


class Failing(TorchArrays):
    """A device whose memory is full after so many reconstructions."""

    def __init__(self, succeeds: int):
        super().__init__("cpu")
        self.device, self.left, self.matrices = "cuda:0", succeeds, 0

    def put(self, values):
        self.matrices += hasattr(values, "indptr")
        self.device, own = "cpu", self.device
        try:
            return super().put(values)
        finally:
            self.device = own

    def zeros(self, shape):
        return torch.zeros(shape)

    def spectrum_to_image(self, spectrum):
        self.left -= 1
        if self.left < 0:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1 GiB left.")
        return super().spectrum_to_image(spectrum)


def test_line_integrals_are_those_of_the_processor(beam, there):
    image, response = random(44, 53), np.exp(-((beam.frequency / 0.03) ** 2))
    assert_same(there.project(image), beam.project(image))
    assert_same(there.project(image, response), beam.project(image, response))


def test_reconstructions_are_those_of_the_processor(beam, there):
    rays, kernel = random(240, 92), np.exp(-((beam.frequency / 0.03) ** 2))
    assert_same(there.reconstruct(rays), beam.reconstruct(rays))
    assert_same(there.reconstruct(rays, kernel), beam.reconstruct(rays, kernel))
    assert_same(there.parallel(rays), beam.parallel(rays))


@pytest.mark.parametrize("where", ["beam", "there"])
def test_several_draws_at_once_are_each_what_they_are_alone(where, request):
    beam = request.getfixturevalue(where)
    images, draws = random(3, 44, 53), random(2, 3, 240, 92)
    assert_same(beam.project(images)[2], beam.project(images[2]))
    assert_same(beam.reconstruct(draws)[1, 0], beam.reconstruct(draws[1, 0]))


def test_what_is_given_stays_as_it_was(there):
    image, rays = random(44, 53), random(240, 92)
    there.project(image), there.reconstruct(rays)
    np.testing.assert_array_equal(image, random(44, 53))
    np.testing.assert_array_equal(rays, random(240, 92))


def test_an_image_that_may_not_be_written_is_read_all_the_same(beam, there, recwarn):
    image = random(44, 53)
    image.flags.writeable = False
    assert_same(there.project(image), beam.project(image))
    assert not recwarn.list


def test_a_seed_gives_the_same_noise_at_every_place():
    hu = bodies().hu[0]
    here, away = (DoseSimulator(hu, (6.0, 6.0), SCANNER, place) for place in (None, torch_place("cpu")))
    assert_same(away.noise(0.2, np.random.default_rng(3)), here.noise(0.2, np.random.default_rng(3)))


def test_a_volume_is_the_same_at_every_place():
    volume = bodies()
    wanted = simulate_low_dose(volume, 0.2, scanner=SCANNER).hu
    found = simulate_low_dose(volume, 0.2, scanner=SCANNER, place=torch_place("cpu")).hu
    np.testing.assert_allclose(found, wanted, atol=0.01)
    assert np.abs(wanted - volume.hu).std() > 1


def test_all_slices_share_the_matrices_on_the_device():
    arrays = Failing(succeeds=99)
    simulate_low_dose(bodies(4), 0.2, scanner=SCANNER, place=Place(arrays))
    assert arrays.matrices == 2 and arrays.left == 95


def test_when_memory_is_short_the_processor_goes_on_and_that_is_said_once():
    volume, heard = bodies(4), []
    place = Place(Failing(succeeds=2), heard.append)
    found = simulate_low_dose(volume, 0.2, scanner=SCANNER, place=place).hu
    np.testing.assert_allclose(found, simulate_low_dose(volume, 0.2, scanner=SCANNER).hu, atol=0.01)
    assert heard == ["The simulation goes on with the processor: cuda:0 failed (CUDA out of memory)."]
    assert place.device == "cpu"


def test_an_error_of_the_processor_is_no_devices_fault(beam):
    heard = []

    def fails(_):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        Place(notice=heard.append).compute(beam, fails)
    assert not heard


def test_training_noise_is_the_same_at_every_place(monkeypatch):
    """Within the float16 that it is kept in: a cache does not tell where it was made."""
    monkeypatch.setattr(noise_bank, "TYPICAL", SCANNER)
    used = Failing(succeeds=999)
    wanted, found = (noise_bank.make_noise(bodies(2), 1, place=place)[1] for place in (None, Place(used)))
    assert 999 - used.left == 2 * 15 + 2 * noise_bank.FIELDS  # to find the scanner, and to make the noise
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-3)


def test_a_device_without_the_mathematics_is_refused_in_a_sentence(monkeypatch):
    def lacks(self, image):
        raise NotImplementedError("The operator 'aten::_fft_c2c' is not implemented for it. You may open an issue.")

    monkeypatch.setattr(TorchArrays, "image_to_spectrum", lacks)
    with pytest.raises(
        InputError, match=r"cannot be simulated on cpu with this torch \(.+ not implemented for it\)\.$"
    ):
        torch_place("cpu")


@pytest.mark.parametrize("error", [0.01, np.nan])
def test_a_device_that_computes_something_else_is_refused(error, monkeypatch):
    right = TorchArrays.spectrum_to_image
    monkeypatch.setattr(TorchArrays, "spectrum_to_image", lambda self, s: right(self, s) * (1 + error))
    with pytest.raises(InputError, match="not simulated on cpu"):
        torch_place("cpu")


@pytest.fixture
def a_machine_with(monkeypatch):
    """As if the driver and these devices were there; a place on them is only named."""

    def machine(*names: str):
        monkeypatch.setattr(simulation_place, "has_gpu_driver", lambda: True)
        monkeypatch.setattr(devices, "available_devices", lambda: [*names, "cpu"])
        monkeypatch.setattr(fan_beam_torch, "torch_place", lambda name, notice: Place(Named(name), notice))

    class Named:
        def __init__(self, device):
            self.device = device

    return machine


@pytest.mark.parametrize(
    ("wanted", "names", "device"),
    [
        ("auto", ["cuda:0", "cuda:1"], "cuda:0"),
        ("auto", ["mps"], "cpu"),  # nobody has tried whether that is quicker
        ("auto", [], "cpu"),
        ("cpu", ["cuda:0"], "cpu"),
        ("cuda", ["cuda:0", "cuda:1"], "cuda:0"),
        ("cuda:1", ["cuda:0", "cuda:1"], "cuda:1"),
        ("mps", ["mps"], "mps"),
    ],
)
def test_the_place_is_the_wanted_device_and_by_itself_only_a_cuda_one(wanted, names, device, a_machine_with):
    a_machine_with(*names)
    assert chosen_place(wanted).device == device


@pytest.mark.parametrize(("wanted", "words"), [("cuda:3", "no device cuda:3 here"), ("tpu", "no device tpu")])
def test_a_device_that_is_not_there_is_refused(wanted, words, a_machine_with):
    a_machine_with("cuda:0")
    with pytest.raises(InputError, match=words):
        chosen_place(wanted)


def test_without_a_driver_torch_is_not_even_asked(monkeypatch):
    monkeypatch.setattr(simulation_place, "has_gpu_driver", lambda: False)
    monkeypatch.setattr(devices, "available_devices", lambda: pytest.fail("torch was asked"))
    assert chosen_place("auto").device == "cpu"


def test_without_torch_a_device_is_refused_and_the_processor_works(monkeypatch):
    monkeypatch.setattr(simulation_place, "has_torch", lambda: False)
    monkeypatch.setattr(simulation_place, "has_gpu_driver", lambda: True)
    assert chosen_place("auto").device == "cpu"
    with pytest.raises(InputError, match="pip install torch"):
        chosen_place("cuda")


def test_by_itself_a_device_that_fails_its_check_is_left_for_the_processor(a_machine_with, monkeypatch):
    a_machine_with("cuda:0")

    def fails(name, notice):
        raise InputError(f"Noise is not simulated on {name}.")

    monkeypatch.setattr(fan_beam_torch, "torch_place", fails)
    heard = []
    assert chosen_place("auto", heard.append).device == "cpu"
    assert heard == ["Noise is not simulated on cuda:0. The processor does it."]
    with pytest.raises(InputError, match="not simulated on cuda:0"):
        chosen_place("cuda")


def simulate(tmp_path, *options: str) -> int:
    source = write_volume(bodies(2), tmp_path / "in.nrrd", overwrite=True)
    fixed = ["--dose", "0.2", "--photons", "2e4", "--kernel", "0.1", "--progress", "json"]
    return main(["simulate", str(source), str(tmp_path / "low.nrrd"), *fixed, *options])


def test_simulate_says_where_it_has_computed(tmp_path, capsys, a_machine_with, monkeypatch):
    a_machine_with("cuda:0")
    monkeypatch.setattr(fan_beam_torch, "torch_place", lambda name, notice: Place(Failing(99), notice))
    assert simulate(tmp_path, "--views", "240") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["device"] == "cuda:0"
    monkeypatch.setattr(fan_beam_torch, "torch_place", lambda name, notice: Place(Failing(1), notice))
    assert simulate(tmp_path, "--views", "240", "--overwrite") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["device"] == "cpu" and any("out of memory" in line.get("text", "") for line in lines)


def test_parallel_beams_take_no_device(tmp_path, capsys):
    assert simulate(tmp_path, "--geometry", "parallel", "--device", "cuda") != 0
    assert "computed on the processor" in capsys.readouterr().out
