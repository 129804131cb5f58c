"""The Fréchet inception distance: the formula, the network's variant, and the weights that a user brings."""

import numpy as np
import pytest
from LDCTDenoiseLib.errors import InputError
from LDCTDenoiseLib.quality.likeness.fid import (
    FEATURES,
    distance_of_features,
    fid,
    frechet_distance,
    inception_features,
    sample_size_warning,
    to_colours,
)

torch = pytest.importorskip("torch")
from LDCTDenoiseLib.networks import fid_inception  # noqa: E402
from LDCTDenoiseLib.weights.fid_weights import load_fid_inception  # noqa: E402
from LDCTDenoiseLib.weights.safetensors_file import write_tensors  # noqa: E402


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return fid_inception.FIDInception().eval()


@pytest.fixture(scope="module")
def state(network) -> dict:
    """As the file has them, in half precision to be quick."""
    return {name: v.half() if v.is_floating_point() else v for name, v in network.state_dict().items()}


@pytest.fixture(scope="module")
def a_file(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("fid") / "pt_inception.pth"
    torch.save(state, path)
    return path


def test_the_distance_of_normal_distributions_is_the_analytic_one():
    # where the covariances commute: |m₁ − m₂|² + Σ (σ₁ − σ₂)²
    m1, m2 = np.array([0.0, 1.0, 2.0]), np.array([1.0, 1.0, 0.0])
    s1, s2 = np.array([1.0, 2.0, 0.0]), np.array([3.0, 0.5, 2.0])
    expected = 5 + 4 + 2.25 + 4
    assert frechet_distance(m1, np.diag(s1**2), m2, np.diag(s2**2)) == pytest.approx(expected)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turned = frechet_distance(turn @ m1, turn @ np.diag(s1**2) @ turn.T, turn @ m2, turn @ np.diag(s2**2) @ turn.T)
    assert turned == pytest.approx(expected)


def test_covariances_that_do_not_commute_agree_with_the_matrix_root():
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(1)
    a, b = (v @ v.T for v in rng.normal(size=(2, 5, 5)))
    expected = np.trace(a + b - 2 * sqrtm(a @ b).real)
    assert frechet_distance(np.zeros(5), a, np.zeros(5), b) == pytest.approx(expected)


@pytest.mark.parametrize("slices", [(8, 12), (12, 12), (200, 150)])
def test_the_short_way_over_the_features_gives_the_distance_of_their_covariances(slices):
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(slices[0], 40)), rng.normal(0.3, 1.5, size=(slices[1], 40))
    long = frechet_distance(first.mean(0), np.cov(first, rowvar=False), second.mean(0), np.cov(second, rowvar=False))
    assert distance_of_features(first, second) == pytest.approx(long, rel=1e-5)
    assert distance_of_features(first, first) == pytest.approx(0, abs=1e-9)


def test_few_samples_of_one_distribution_seem_far_apart_and_many_do_not():
    rng = np.random.default_rng(3)
    few, many = (distance_of_features(*rng.normal(size=(2, n, 30))) for n in (10, 3000))
    assert many < 0.5 < 10 < few
    assert "biased" in sample_size_warning(40) and str(FEATURES) in sample_size_warning(FEATURES)
    assert sample_size_warning(FEATURES + 1) is None


def test_a_volume_is_shown_in_the_stated_window_in_three_equal_colours():
    hu = np.array([[[-1000, -160, 40, 240, 3000]]], np.float32)
    shown = to_colours(hu)
    assert shown.shape == (1, 3, 1, 5) and shown.dtype == np.float32
    assert np.allclose(shown, [0, 0, 0.5, 1, 1])
    with pytest.raises(InputError, match="choose one of full, soft"):
        to_colours(hu, "liver")


def test_the_same_slices_have_no_distance_and_others_have_one():
    rng = np.random.default_rng(4)
    hu = rng.normal(40, 30, (6, 16, 16)).astype(np.float32)
    seen = []

    def features(images):
        seen.append(images.shape)
        return images.mean(axis=1).reshape(len(images), -1)

    assert fid(hu, hu, features) == pytest.approx(0, abs=1e-9)
    assert sum(shape[0] for shape in seen) == 12
    assert fid(hu + 20, hu, features) == pytest.approx(256 * (20 / 400) ** 2, rel=0.05)
    with pytest.raises(InputError, match="two slices"):
        fid(hu[:1], hu[:1], features)
    with pytest.raises(InputError, match="shape"):
        fid(hu, hu[:3], features)


def test_the_network_has_the_tensors_of_the_published_one(network):
    # 21 785 568 of Inception v3 without its auxiliary branch, and 2048 × 1008 + 1008 of the classifier
    assert sum(p.numel() for p in network.parameters()) == 21_785_568 + 2_065_392
    shapes = {name: tuple(v.shape) for name, v in network.state_dict().items()}
    assert shapes["Mixed_6b.branch7x7dbl_4.conv.weight"] == (128, 128, 7, 1)
    assert shapes["Mixed_7c.branch3x3dbl_3a.bn.running_var"] == (384,)
    assert shapes["fc.weight"] == (1008, FEATURES)


def test_the_features_are_2048_whatever_the_size_and_a_constant_does_not_feel_the_border(network):
    images = torch.rand(1, 3, 40, 60)
    with torch.inference_mode():
        features = network(images)
    assert features.shape == (1, FEATURES) and torch.isfinite(features).all() and (features >= 0).all()
    flat = torch.ones(1, 1, 5, 5)
    assert torch.equal(fid_inception._average(flat), flat)  # the padding does not count


def test_the_last_block_pools_by_the_maximum_and_the_one_before_by_the_average(network):
    pools = {"Mixed_7b": fid_inception._average, "Mixed_7c": lambda x: torch.nn.functional.max_pool2d(x, 3, 1, 1)}
    for name, pool in pools.items():
        block = getattr(network, name)
        x = torch.randn(1, block.branch1x1.conv.in_channels, 4, 4)
        with torch.inference_mode():
            assert torch.allclose(block(x)[:, -192:], block.branch_pool(pool(x)), atol=1e-6), name


def test_the_weights_load_from_both_kinds_of_file_and_give_the_same_features(a_file, state, tmp_path):
    loaded = load_fid_inception(a_file)
    other = tmp_path / "inception.safetensors"
    other.write_bytes(write_tensors({k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}))
    again = load_fid_inception(other)
    assert not loaded.training and not any(p.requires_grad for p in loaded.parameters())
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), again.parameters(), strict=True))
    assert torch.equal(loaded.Mixed_7c.branch_pool.bn.running_var, state["Mixed_7c.branch_pool.bn.running_var"].float())
    found = inception_features(loaded)(np.random.default_rng(0).random((1, 3, 32, 32), dtype=np.float32))
    assert found.shape == (1, FEATURES) and np.isfinite(found).all()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("fc.bias"), "missing .first fc.bias"),
        (lambda s: s.update(extra=torch.zeros(1)), "unknown"),
        (
            lambda s: s.update({"fc.weight": torch.zeros(1000, 2048)}),
            "1000×2048 and not 1008×2048, so this is another network",
        ),
        (lambda s: s["fc.bias"].fill_(float("nan")), "not all finite"),
        (lambda s: [s.pop(k) for k in list(s)[:400]], "is not Inception v3 for FID"),
    ],
)
def test_other_weights_are_refused_in_a_sentence(state, change, sentence, tmp_path):
    # a view of the large tensors, which are the same in every case
    changed = {name: v.clone() if v.ndim == 1 else v for name, v in state.items()}
    change(changed)
    path = tmp_path / "inception.safetensors"
    path.write_bytes(write_tensors({k: v for k, v in changed.items() if not k.endswith("num_batches_tracked")}))
    with pytest.raises(InputError, match=sentence):
        load_fid_inception(path)


def test_files_that_hold_no_weights_are_refused_in_a_sentence(tmp_path):
    for name, content in (("a.pth", b"<html>"), ("b.safetensors", b"no tensors here"), ("c.pth", b"")):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(InputError):
            load_fid_inception(path)
    with pytest.raises(InputError, match="could not be read"):
        load_fid_inception(tmp_path / "none.safetensors")
    torch.save([torch.zeros(2)], tmp_path / "list.pth")
    with pytest.raises(InputError, match="without named tensors"):
        load_fid_inception(tmp_path / "list.pth")
