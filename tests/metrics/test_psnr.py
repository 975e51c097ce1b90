"""PSNR against closed forms, then against scikit-image."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from frames import noisy

from lsbench.media.clip import Clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics.psnr import PSNR, psnr, psnr_frames


def flat(*levels: int, size: int = 16) -> np.ndarray:
    return np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), size, size, 3)).copy()


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def pair(reference: np.ndarray, generated: np.ndarray) -> ClipPair:
    return ClipPair(*(Clip("a", frames, np.zeros(0, np.float32), 25) for frames in (reference, generated)))


@pytest.mark.parametrize("color", ["rgb", "luma"])
@pytest.mark.parametrize("error", [1, 7, 128, 255])
def test_a_constant_error_has_its_closed_form(error: int, color: str) -> None:
    expected = 20 * math.log10(255 / error)
    # Both signs: a difference of uint8 would wrap around, and read 255 - 0 as 1 one way round.
    assert psnr(flat(0), flat(error), color=color) == pytest.approx(expected, abs=1e-12)
    assert psnr(flat(error), flat(0), color=color) == pytest.approx(expected, abs=1e-12)


def test_a_small_wrong_box_is_diluted_by_the_area_ratio() -> None:
    reference, generated = noise(1, 60, 80), noise(1, 60, 80)
    generated[:, 10:30, 20:50] = noise(1, 20, 30, seed=1)
    box = psnr(reference[:, 10:30, 20:50], generated[:, 10:30, 20:50])
    assert psnr(reference, generated) - box == pytest.approx(10 * math.log10(60 * 80 / (20 * 30)), abs=1e-9)


def test_pooled_error_is_over_all_samples_of_all_sizes() -> None:
    metric = PSNR(pooling="mse")
    small, large = (flat(0, size=10), flat(10, size=10)), (flat(0, size=30), flat(20, size=30))
    stats = metric.measure(pair(*small)) + metric.measure(pair(*large))
    error = (100 * 10**2 + 900 * 20**2) / 1000
    assert metric.compute(stats) == pytest.approx(10 * math.log10(255**2 / error), abs=1e-12)
    by_frame = PSNR().compute(stats)
    assert by_frame == pytest.approx((20 * math.log10(25.5) + 20 * math.log10(12.75)) / 2, abs=1e-12)
    assert psnr(flat(0, 0), flat(10, 20), pooling="mse") < psnr(flat(0, 0), flat(10, 20))


def test_identical_frames_are_infinite_and_said_so() -> None:
    reference = noise(4, 16, 16)
    generated = reference.copy()
    generated[3] ^= 1
    assert np.array_equal(np.isinf(psnr_frames(reference, generated)), [True, True, True, False])
    assert math.isnan(psnr(reference, generated))  # a mean with infinite terms
    assert psnr(reference, reference) == math.inf
    assert psnr(reference, reference, pooling="mse") == math.inf
    stats = PSNR().measure(pair(reference, generated))
    assert PSNR().note(stats) == (
        "3 of 4 frames are identical to the reference (infinite PSNR), so there is no mean; see psnr:pooling=mse"
    )
    assert PSNR(pooling="mse").note(stats) is None and math.isfinite(PSNR(pooling="mse").compute(stats))
    assert PSNR().note(PSNR().measure(pair(reference, noise(4, 16, 16, seed=1)))) is None


def test_any_order_of_frames_gives_the_same_bits() -> None:
    reference = noise(50, 8, 8)
    stats = PSNR().measure(pair(reference, noisy(reference, 9)))
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(stats.rows)
        shuffled = Stats(**{name: column[order] for name, column in stats.items()})
        for metric in (PSNR(), PSNR(pooling="mse")):
            assert metric.compute(shuffled) == metric.compute(stats)


def test_errors_are_whole_numbers() -> None:
    reference, generated = noise(3, 33, 47), noise(3, 33, 47, seed=1)
    difference = reference.astype(np.int64) - generated
    rgb, luma = (PSNR(color=color).measure(pair(reference, generated)) for color in ("rgb", "luma"))
    assert np.array_equal(rgb["squared_error"], (difference**2).sum(axis=(1, 2, 3)))
    assert np.array_equal(luma["squared_error"], ((difference @ [299, 587, 114]) ** 2).sum(axis=(1, 2)))
    assert rgb["samples"].tolist() == [33 * 47 * 3] * 3 and luma["samples"].tolist() == [33 * 47] * 3


def agrees_with_skimage(reference: np.ndarray, generated: np.ndarray) -> None:
    oracle = pytest.importorskip("skimage.metrics").peak_signal_noise_ratio
    frames = list(zip(reference, generated, strict=True))
    expected = [oracle(x, y, data_range=255) for x, y in frames]
    assert psnr_frames(reference, generated) == pytest.approx(expected, abs=1e-9)
    assert psnr(reference, generated) == pytest.approx(np.mean(expected), abs=1e-9)
    luma = np.array([0.299, 0.587, 0.114])
    expected = [oracle(x @ luma, y @ luma, data_range=255) for x, y in frames]
    assert psnr_frames(reference, generated, color="luma") == pytest.approx(expected, abs=1e-9)
    pooled = oracle(reference, generated, data_range=255)
    assert psnr(reference, generated, pooling="mse") == pytest.approx(pooled, abs=1e-9)


@pytest.mark.parametrize("shape", [(3, 96, 96), (2, 288, 360), (4, 1, 1), (1, 7, 13)])
def test_agrees_with_skimage_on_noise(shape: tuple[int, ...]) -> None:
    agrees_with_skimage(noise(*shape), noise(*shape, seed=1))


def test_agrees_with_skimage_on_real_clips(grid: Path) -> None:
    from lsbench.media.files import read_clip

    frames = read_clip(grid / "s1" / "bbaf2n.mpg", "s1/bbaf2n").frames[:20]
    agrees_with_skimage(frames, noisy(frames, 4))
    agrees_with_skimage(frames[:-1], frames[1:])
