"""What a network must compute, what the machine can, and by which kinds of operation the time goes."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from LDCTDenoiseLib.commands.benchmark import peaks, profile  # noqa: E402
from LDCTDenoiseLib.commands.benchmark.floor import floor_of, rate_of  # noqa: E402
from LDCTDenoiseLib.commands.benchmark.profile import kind_of, seconds_by_kind, work  # noqa: E402
from LDCTDenoiseLib.networks.cost import CONVOLUTION, PRODUCT, multiply_adds, operations  # noqa: E402
from torch.nn import functional as F  # noqa: E402


def test_a_convolution_costs_its_kernel_at_every_output():
    layer = torch.nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2)
    (one,) = operations(lambda: layer(torch.zeros(2, 6, 10, 12)))
    assert one.kind == CONVOLUTION and one.multiply_adds == 2 * 8 * 5 * 6 * 3 * 9
    assert one.weights == 8 * 3 * 9 and one.moved == 2 * 6 * 10 * 12 + 2 * 8 * 5 * 6


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_products_cost_the_same_in_every_mode(mode):
    a, b, layer = torch.zeros(3, 4, 5), torch.zeros(3, 5, 6), torch.nn.Linear(5, 7)
    with mode():
        found = operations(lambda: (a @ b, layer(a), torch.addmm(torch.zeros(6), a[0], b[0])))
    assert [one.multiply_adds for one in found] == [3 * 4 * 5 * 6, 3 * 4 * 5 * 7, 4 * 5 * 6]
    assert {one.kind for one in found} == {PRODUCT}


def test_attention_costs_two_products():
    q, k, v = (torch.zeros(1, 2, length, 8) for length in (3, 5, 5))
    with torch.inference_mode():
        found = operations(lambda: F.scaled_dot_product_attention(q, k, v))
    assert sum(one.multiply_adds for one in found) == 2 * (2 * 3 * 5 * 8)


def test_the_count_is_that_of_torch():
    from LDCTDenoiseLib.networks import RDDMUNet
    from torch.utils.flop_counter import FlopCounterMode

    network, x = RDDMUNet(width=16, multipliers=(1, 2), blocks=1).eval(), torch.zeros(1, 1, 32, 32)
    theirs = FlopCounterMode(display=False)
    with torch.no_grad(), theirs:
        network(x, x)
    assert multiply_adds(network, x, x) == theirs.get_total_flops() // 2


def test_the_floor_takes_the_slower_of_arithmetic_and_memory_in_each_layer():
    layers = [[CONVOLUTION, 1000, 0, 10], [PRODUCT, 10, 40, 1000]]
    floor = floor_of(layers, "float32", 4, {"float32": 1000.0, "bytes": 4000.0})
    assert floor.arithmetic == pytest.approx(1 + 0.01)
    assert floor.memory == pytest.approx(0.01 + 1.01)
    assert floor.roofline == pytest.approx(1 + 1.01)
    assert floor_of(layers, "bfloat16", 4, {"bfloat16": 1.0, "bytes": 4000.0}).memory == pytest.approx(1.02 / 2)
    assert rate_of(layers, {CONVOLUTION: 0.3, PRODUCT: 0.2, "norm": 9.0}) == pytest.approx(2 * 1010 / 0.5)
    assert rate_of(layers, {}) == 0


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("aten::mkldnn_convolution", "convolution"),
        ("mkldnn::_convolution_pointwise", "convolution"),
        ("sm90_xmma_fprop_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_tilesize128x128x64", "convolution"),
        ("void cutlass__5x_cudnn::Kernel<cutlass_tensorop_f16_s16816fprop_optimized_f16_128x64>", "convolution"),
        ("aten::native_group_norm", "norm"),
        ("void at::native::(anonymous namespace)::RowwiseMomentsCUDAKernel<float>(long, float)", "norm"),
        ("_norm_silu_kernel", "norm"),
        ("aten::silu_", "activation"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::silu_kernel", "activation"),
        ("aten::addmm", "matrix product"),
        ("aten::bmm", "matrix product"),
        ("nvjet_hsh_128x256_64x4_1x2_h_bz_coopA_NTT", "matrix product"),
        ("aten::addcmul_", "arithmetic"),
        ("aten::mul", "arithmetic"),
        ("void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>>", "arithmetic"),
        ("aten::cat", "copies"),
        ("aten::copy_", "copies"),
        ("Memcpy HtoD (Pinned -> Device)", "copies"),
        ("aten::upsample_nearest2d", "resampling"),
        ("_chunks", "scan"),
        ("cudaGraphLaunch", "other"),
    ],
)  # fmt: skip
def test_operations_and_kernels_have_kinds(name, kind):
    assert kind_of(name) == kind


class Smoother:
    """A method of one convolution."""

    id, uses_device, is_random = "smoother", True, False

    def denoise(self, slices_hu, *, seeds, spacing=None):
        x = torch.from_numpy(slices_hu)[:, None]
        with torch.inference_mode():
            return F.silu(F.conv2d(x, torch.full((1, 1, 3, 3), 1 / 9), padding=1))[:, 0].numpy()


def a_row(device="cpu", slices=3):
    method, hu, diary = Smoother(), np.ones((slices, 64, 64), np.float32), []

    def compute(count):
        diary.append(count)
        return method.denoise(hu[:count], seeds=range(count))

    return SimpleNamespace(
        hu=hu, device=device, batch=2, spacing=(1, 1, 1), one_by_one=compute, round=compute, diary=diary
    )


def test_the_work_of_a_slice_is_counted_and_a_scan_not_computed(monkeypatch):
    from LDCTDenoiseLib.networks import dadiff_blocks

    row = a_row()
    assert [one[0] for one in work(row)["operations"]] == [CONVOLUTION] and row.diary == [1]

    def scanning(count):
        u = torch.ones(1, 4, 10)
        assert not dadiff_blocks.selective_scan(u, u, torch.ones(4, 2)).any()

    real = dadiff_blocks.selective_scan
    assert work(SimpleNamespace(one_by_one=scanning)) == {"operations": [[profile.SCAN, 0, 0, 40 + 40 + 40 + 8]]}
    assert dadiff_blocks.selective_scan is real


def test_the_time_of_a_slice_is_told_by_kind():
    found = seconds_by_kind(a_row())
    kinds = found["kinds"]
    assert kinds["convolution"] > 0 and kinds["activation"] > 0
    assert sum(kinds.values()) == pytest.approx(found["whole"], rel=0.02)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_scan_is_seen_as_one_in_all_its_threads(threads):
    from LDCTDenoiseLib.networks import dadiff_blocks, dadiff_quick_blocks

    def rand(*shape):
        return torch.rand(*shape)

    quick = rand(1, 4096, 4, 8), rand(1, 4096, 4, 8), -rand(4, 8, 4), rand(1, 4096, 4, 4), rand(1, 4096, 4, 4)
    plain = rand(1, 32, 512), rand(1, 32, 512), -rand(32, 4), rand(1, 4, 4, 512), rand(1, 4, 4, 512)

    def scanning(count):
        with torch.inference_mode():
            dadiff_quick_blocks.bulk_scan(*quick, torch.ones(4, 8), torch.ones(4, 8))
            dadiff_blocks.selective_scan(*plain, torch.ones(32), torch.ones(32))

    before, real = torch.get_num_threads(), (dadiff_blocks.selective_scan, dadiff_quick_blocks.bulk_scan)
    torch.set_num_threads(threads)
    try:
        found = seconds_by_kind(SimpleNamespace(hu=[0], device="cpu", batch=1, denoiser=None, one_by_one=scanning))
    finally:
        torch.set_num_threads(before)
    kinds = found["kinds"]
    assert kinds[profile.SCAN] > 0 and not {"arithmetic", "activation", "matrix product"} & set(kinds)
    assert sum(kinds.values()) == pytest.approx(found["whole"], rel=0.02)
    assert real == (dadiff_blocks.selective_scan, dadiff_quick_blocks.bulk_scan)


def test_on_a_gpu_kernels_count_and_what_asked_for_them_does_not(monkeypatch):
    events = [
        SimpleNamespace(key="aten::conv2d", device_type="DeviceType.CPU", self_device_time_total=9e6),
        SimpleNamespace(key="sm90_xmma_fprop", device_type="DeviceType.CUDA", self_device_time_total=3e-3),
        SimpleNamespace(key="Memcpy HtoD", device_type="DeviceType.CUDA", self_cuda_time_total=1.5e-3),
    ]

    class Profiler:
        def __init__(self, activities):
            assert torch.profiler.ProfilerActivity.CUDA in activities

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def key_averages(self):
            return events

    monkeypatch.setattr(torch.profiler, "profile", Profiler)
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(profile, "quickest", lambda action, device: 0.5 * action())
    row = a_row("cuda:0", slices=3)
    row.denoiser = SimpleNamespace(begin=lambda slices, seeds, spacing: len(slices), compute=lambda begun: 10 * begun)
    found = seconds_by_kind(row)
    kinds = found["kinds"]
    assert found["on_device"] == 5.0  # a batch of two in ten seconds
    assert kinds["convolution"] == pytest.approx(1e-9) and kinds["copies"] == pytest.approx(0.5e-9)
    assert row.diary == [3, 3]  # the volume, once for warmth


def test_peaks_are_measured_for_every_precision(monkeypatch):
    monkeypatch.setattr(peaks, "_CONVOLUTIONS", ((8, 16),))
    monkeypatch.setattr(peaks, "_SIDE", {"cpu": 64})
    monkeypatch.setattr(peaks, "_COPIED", {"cpu": 1 << 16})
    found = peaks.measured_peaks("cpu", ["float32", "bfloat16"])
    assert set(found) == {"bytes", "float32", "bfloat16"} and all(rate > 0 for rate in found.values())


def test_a_gpu_is_timed_by_its_own_clock(monkeypatch):
    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            pass

        def elapsed_time(self, ended):
            return 250.0  # ms

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    assert peaks.quickest(lambda: None, "cuda:0") == 0.25
