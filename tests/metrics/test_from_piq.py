"""MS-SSIM, GMSD, FSIM, VIF and HaarPSI: against piq frame by frame, their laws, the bits they promise, bad inputs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import piq
import pytest
import torch
from frames import noisy
from scipy.ndimage import gaussian_filter

from lsbench.errors import MetricError
from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import Clip
from lsbench.metrics import from_piq as perceptual
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.from_piq import FSIM, GMSD, MSSSIM, VIF, HaarPSI, PiqMetric

KINDS: list[type[PiqMetric]] = [MSSSIM, GMSD, FSIM, VIF, HaarPSI]
PEERS: dict[str, Callable[..., torch.Tensor]] = {
    "ms_ssim": piq.multi_scale_ssim,
    "gmsd": piq.gmsd,
    "fsim": piq.fsim,
    "vif": piq.vif_p,
    "haarpsi": piq.haarpsi,
}
# What separates piq frame by frame from piq in batches: other kernels of PyTorch, in float32.
TOLERANCE = {"ms_ssim": 1e-6, "gmsd": 1e-6, "fsim": 1e-6, "vif": 3e-6, "haarpsi": 1e-5}
IDEAL = {"ms_ssim": 1.0, "gmsd": 0.0, "fsim": 1.0, "vif": 1.0, "haarpsi": 1.0}

every_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


def textured(height: int, width: int, frames: int = 4) -> np.ndarray:
    """Moving blocks of colour: uint8 (T, H, W, 3)."""
    blocks = np.random.default_rng(0).integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    picture = gaussian_filter(blocks.repeat(8, axis=0).repeat(8, axis=1), (1, 1, 0))
    return np.stack([picture[i % 8 : height + i % 8, i % 6 : width + i % 6] for i in range(frames)])


def by_piq(name: str, reference: np.ndarray, generated: np.ndarray, **options: Any) -> np.ndarray:
    """piq itself, a frame at a time."""
    x, y = (torch.from_numpy(frames).permute(0, 3, 1, 2) / 255 for frames in (generated, reference))
    return np.array([PEERS[name](a[None], b[None], **options).item() for a, b in zip(x, y, strict=True)])


def pair_of(reference: np.ndarray, generated: np.ndarray) -> ClipPair:
    both = (Clip("s1/a", frames, np.zeros(0, np.float32), 25.0) for frames in (reference, generated))
    return ClipPair(*both)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """One thread, so that piq does not wait for cores that are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@every_kind
@pytest.mark.parametrize("size", [(165, 163), (61, 97), (50, 64)])
def test_agrees_with_piq(kind: type[PiqMetric], size: tuple[int, int]) -> None:
    metric = kind()
    if min(size) < metric.smallest:
        pytest.skip(f"{kind.name} needs {metric.smallest} px")
    reference = textured(*size)
    for levels in (3, 40):
        generated = noisy(reference, levels)
        found = metric.frames(reference, generated)
        assert np.abs(found - by_piq(kind.name, reference, generated)).max() < TOLERANCE[kind.name]
        number = getattr(perceptual, kind.name)(reference, generated)
        assert isinstance(number, float) and number == pytest.approx(found.mean(), rel=1e-12)


@pytest.mark.parametrize(
    ("metric", "options"),
    [
        (MSSSIM(kernel_size=9, kernel_sigma=2.0), {"kernel_size": 9, "kernel_sigma": 2.0}),
        (FSIM(chromatic=False, scales=3), {"chromatic": False, "scales": 3}),
        (VIF(sigma_n_sq=0.4), {"sigma_n_sq": 0.4}),
        (HaarPSI(subsample=False, c=5.0), {"subsample": False, "c": 5.0}),
    ],
    ids=lambda value: value.name if isinstance(value, PiqMetric) else "",
)
def test_options_reach_piq(metric: PiqMetric, options: dict[str, Any]) -> None:
    reference = textured(161, 161, 2)
    generated = noisy(reference, 20)
    expected = by_piq(metric.name, reference, generated, **options)
    assert metric.frames(reference, generated) == pytest.approx(expected, abs=TOLERANCE[metric.name])
    assert not np.allclose(expected, by_piq(metric.name, reference, generated), atol=1e-4)


@every_kind
def test_identical_frames_have_the_ideal_value(kind: type[PiqMetric]) -> None:
    frames = textured(162, 180)
    found = kind().frames(frames, frames.copy())
    assert np.abs(found - IDEAL[kind.name]).max() < 5e-6
    assert kind.name not in ("ms_ssim", "gmsd") or np.array_equal(found, np.full(len(frames), IDEAL[kind.name]))


@every_kind
def test_is_symmetric_but_for_vif(kind: type[PiqMetric]) -> None:
    reference = textured(161, 161)
    generated = noisy(reference, 25)
    there, back = kind().frames(reference, generated), kind().frames(generated, reference)
    assert np.allclose(there, back, rtol=0, atol=1e-6) == (kind is not VIF)


@pytest.mark.slow
@every_kind
def test_noise_and_blur_make_it_worse(kind: type[PiqMetric]) -> None:
    reference = textured(161, 161)
    number = getattr(perceptual, kind.name)
    noise = [number(reference, noisy(reference, levels)) for levels in (0, 4, 15, 50)]
    blur = [number(reference, reference)]
    blur += [number(reference, gaussian_filter(reference, (0, sigma, sigma, 0))) for sigma in (0.7, 1.5, 4)]
    for values in (noise, blur):
        assert values == sorted(values, reverse=kind.better == "higher")
        assert abs(values[0] - values[-1]) > 0.01


@every_kind
def test_bits_depend_on_neither_threads_nor_batches(kind: type[PiqMetric], monkeypatch: pytest.MonkeyPatch) -> None:
    metric = kind()
    side = max(metric.smallest, 61)
    reference = textured(side, side + 30, 9)
    generated = noisy(reference, 20)
    expected = metric.frames(reference, generated)
    for count in (2, 4):
        torch.set_num_threads(count)
        assert np.array_equal(metric.frames(reference, generated), expected)
    for most in (3, 5):
        monkeypatch.setattr(perceptual, "_BATCH_FRAMES", most)
        assert np.array_equal(metric.frames(reference, generated), expected)
    alone = [float(metric.frames(reference[i], generated[i])[0]) for i in range(3)]
    assert np.array_equal(alone, expected[:3])


@every_kind
def test_values_on_a_device_are_those_of_the_cpu(kind: type[PiqMetric]) -> None:
    side = max(kind().smallest, 61)
    reference = textured(side, side + 30, 5)
    pair = pair_of(reference, noisy(reference, 20))
    expected, ours = (kind().measure(replace(pair, device=device))[kind.name] for device in ("cpu", "cpu:0"))
    assert ours.dtype == np.float64 and ours == pytest.approx(expected, abs=TOLERANCE[kind.name])


@pytest.mark.slow
@every_kind
def test_bits_hold_for_whole_frames(kind: type[PiqMetric]) -> None:
    reference = textured(288, 360, 7)
    generated = noisy(reference, 20)
    expected = kind().frames(reference, generated)
    torch.set_num_threads(2)
    assert np.array_equal(kind().frames(reference, generated), expected)
    assert np.array_equal(kind().frames(reference[4:], generated[4:]), expected[4:])


@every_kind
def test_small_crops_have_no_value(kind: type[PiqMetric]) -> None:
    metric = kind()
    least = metric.smallest
    assert np.isfinite(metric.frames(*[textured(least, least + 3, 2)] * 2)).all()
    small = textured(least - 1, least + 3, 2)
    stats = metric.measure(pair_of(small, noisy(small, 9)))
    assert np.isnan(stats[kind.name]).all() and np.isnan(metric.compute(stats))
    assert metric.note(stats) == f"undefined: in 2 of 2 frames the crop is under {least} px"
    with pytest.raises(
        MetricError, match=rf"{kind.name}: frames are {least + 3} x {least - 1}; expected at least {least}"
    ):
        getattr(perceptual, kind.name)(small, small)


def test_least_sizes_are_those_of_the_definitions() -> None:
    assert [kind().smallest for kind in KINDS] == [161, 6, 48, 41, 16]
    assert MSSSIM(kernel_size=7).smallest == 97
    assert FSIM(scales=3).smallest == 24


@pytest.mark.parametrize("kind", [FSIM, VIF, HaarPSI], ids=lambda kind: kind.name)
@pytest.mark.parametrize("level", [0, 90])
def test_flat_references_have_no_value(kind: type[PiqMetric], level: int) -> None:
    reference = textured(64, 64, 3)
    reference[1] = level
    for generated in (reference, noisy(reference, 20)):
        metric = kind()
        stats = metric.measure(pair_of(reference, generated))
        assert np.isnan(stats[kind.name]).tolist() == [False, True, False]
        assert metric.note(stats) == "undefined: in 1 of 3 frames there is no structure to compare"


@every_kind
def test_metric_measures_the_region(kind: type[PiqMetric], toy: tuple[Clip, FaceTrack]) -> None:
    clip, track = toy
    generated = Clip(clip.id, noisy(clip.frames, 20), clip.speech, clip.fps)
    pair = ClipPair(clip, generated, track)
    for region in Region:
        metric = kind(region=region)
        both = pair.crop(region)
        stats = metric.measure(pair)
        assert stats.rows == len(clip) and stats[kind.name].dtype == np.float64
        if min(both[0].shape[1:3]) < metric.smallest:
            assert np.isnan(metric.per_frame(stats)).all() and metric.note(stats)
        else:
            assert np.array_equal(metric.per_frame(stats), metric.frames(*both)) and metric.note(stats) is None


def test_signatures_say_what_piq_does() -> None:
    assert MSSSIM().signature == (
        f"ms_ssim.1|region:whole|piq:{piq.__version__}|data_range:0-1|color:rgb-mean|downsample:2x2-mean"
        "|scale_weights:0.0448+0.2856+0.3001+0.2363+0.1333|kernel_size:11|kernel_sigma:1.5|k1:0.01|k2:0.03"
    )
    assert HaarPSI(subsample=False).spec == "haarpsi:subsample=no"
    for kind in KINDS:
        with pytest.raises(MetricError, match="option data_range=0-255; expected one of 0-1"):
            kind().with_options("data_range=0-255")


@pytest.mark.parametrize("spec", ["ms_ssim:kernel_size=10", "ms_ssim:k1=0", "fsim:scales=-1", "vif:sigma_n_sq=nan"])
def test_refuses_bad_options(spec: str) -> None:
    with pytest.raises(MetricError, match=spec.split(":")[1]):
        catalogue.metrics([spec], [Region.WHOLE])


BAD = {
    "generated is float64": lambda good: good / 255,
    "generated is float32": lambda good: np.full(good.shape, np.nan, np.float32),
    "Grey to RGB": lambda good: good[..., 0],
    "RGBA to RGB": lambda good: np.concatenate([good, good[..., :1]], axis=-1),
    "expected one shape": lambda good: good[:1],
    "none of them 0": lambda good: good[:0],
    "float32": lambda frames: torch.from_numpy(frames).float(),
}


@every_kind
@pytest.mark.parametrize("message", BAD)
def test_refuses_bad_frames(kind: type[PiqMetric], message: str) -> None:
    reference = textured(170, 170, 2)
    with pytest.raises(MetricError, match=message):
        getattr(perceptual, kind.name)(reference, BAD[message](reference))


def test_naming_the_metrics_imports_neither_torch_nor_piq() -> None:
    code = (
        "import sys, lsbench.metrics.from_piq, lsbench.metrics.lpips; "
        "sys.exit(', '.join({'torch', 'piq', 'lpips', 'torchvision'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
