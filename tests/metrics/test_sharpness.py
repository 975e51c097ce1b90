"""Sharpness: closed forms of single waves, blur and noise in both directions, small crops, flat references."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from frames import noisy, spoilt
from scipy.ndimage import gaussian_filter

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import FaceTrack, Region
from lsbench.face.tracker import FaceTracker, fill_gaps
from lsbench.generation import standins
from lsbench.media.clip import Clip, crop
from lsbench.media.files import content_sha256, read_clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.sharpness import Sharpness, sharpness, sharpness_frames
from lsbench.networks import weights

Toy = tuple[Clip, FaceTrack]


def waves(amplitudes: tuple[float, ...], length: float = 8, size: int = 64) -> np.ndarray:
    """Grey waves of a length in px, one amplitude a frame: uint8 (T, size, size, 3)."""
    wave = np.sin(2 * np.pi * np.arange(size) / length)
    frames = 128 + np.multiply.outer(amplitudes, np.broadcast_to(wave, (size, size)))
    return np.rint(np.stack([frames] * 3, axis=3)).astype(np.uint8)


def blurred(frames: np.ndarray, sigma: float) -> np.ndarray:
    return np.rint(gaussian_filter(frames.astype(float), (0, sigma, sigma, 0), mode="nearest")).astype(np.uint8)


def mouths(toy: Toy) -> np.ndarray:
    clip, track = toy
    return crop(clip.frames, track.box(Region.MOUTH))


def test_identical_frames_are_as_sharp(toy: Toy) -> None:
    assert sharpness(mouths(toy), mouths(toy)) == 1
    assert (sharpness_frames(mouths(toy), mouths(toy)) == 1).all()


def test_half_the_amplitude_is_a_quarter_of_the_energy() -> None:
    assert sharpness(waves((100,)), waves((50,))) == pytest.approx(0.25, rel=3e-2)
    assert sharpness(waves((50,)), waves((100,))) == pytest.approx(0.25, rel=3e-2)
    assert sharpness(waves((100,)), 255 - waves((100,))) == pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize("sigma", [1.0, 1.5, 2.0])
def test_the_band_is_that_of_two_gaussians(sigma: float) -> None:
    metric = Sharpness(sigma=sigma)
    for length in (6 * sigma, 8 * sigma, 16 * sigma):
        frames = waves((100,), length, 192)
        detail = metric.energies(frames, frames)["reference"][0] / 192**2
        rate = (2 * np.pi * sigma / length) ** 2 / 2
        assert detail == pytest.approx(100**2 / 2 * (math.exp(-rate) - math.exp(-4 * rate)) ** 2, rel=0.05)


def test_more_blur_is_worse_and_so_is_more_noise(toy: Toy) -> None:
    clip = toy[0]
    for changed in (
        [blurred(clip.frames, sigma) for sigma in (0, 0.5, 1, 2, 4)],
        [noisy(clip.frames, sigma) for sigma in (0, 4, 8, 16, 32)],
    ):
        values = [sharpness(clip.frames, frames) for frames in changed]
        assert values[0] == 1
        assert all(better > worse > 0 for better, worse in pairwise(values))


def test_too_much_in_one_frame_does_not_make_up_for_too_little_in_another() -> None:
    reference, generated = waves((60, 60)), waves((40, 75))
    stats = Sharpness().energies(reference, generated)
    energies = stats["reference"], stats["generated"]
    assert energies[1].sum() / energies[0].sum() == pytest.approx(1, abs=0.02)
    expected = np.minimum(*energies).sum() / np.maximum(*energies).sum()
    assert sharpness(reference, generated) == pytest.approx(expected)
    assert expected < 0.65
    assert sharpness_frames(reference, generated) == pytest.approx([(40 / 60) ** 2, (60 / 75) ** 2], rel=2e-2)


def test_the_note_tells_noise_from_blur(toy: Toy) -> None:
    metric, frames = Sharpness(region=Region.MOUTH), mouths(toy)
    assert metric.note(metric.energies(frames, blurred(frames, 2))) is None
    assert "times the reference's detail: noise or over-sharpening" in (
        metric.note(metric.energies(frames, noisy(frames, 60))) or ""
    )


def test_a_flat_reference_is_undefined_and_left_out() -> None:
    metric, flat = Sharpness(), np.full((2, 30, 40, 3), (201, 77, 13), np.uint8)
    for generated in (flat, noisy(flat, 5)):
        assert math.isnan(sharpness(flat, generated))
        assert np.isnan(sharpness_frames(flat, generated)).all()
        note = metric.note(metric.energies(flat, generated))
        assert note == "undefined in 2 of 2 frames: the reference is flat there"
    textured = metric.energies(waves((100,)), waves((50,)))
    assert metric.compute(textured + metric.energies(flat, noisy(flat, 5))) == metric.compute(textured)


def test_small_crops_and_single_images_have_a_value(toy: Toy) -> None:
    frames = toy[0].frames[:, 60:68, 40:50]
    assert 0 < sharpness(frames, blurred(frames, 1)) < 1
    assert sharpness(frames[0], frames[0]) == 1


def test_frames_and_options_are_checked(toy: Toy) -> None:
    frames = toy[0].frames
    with pytest.raises(MetricError, match="sharpness: reference is float64"):
        sharpness(frames / 255, frames)
    with pytest.raises(MetricError, match="expected one shape"):
        sharpness(frames, frames[:, 1:])
    for sigma in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(MetricError, match=r"sharpness: sigma=.*; expected a positive number of pixels"):
            sharpness(frames, frames, sigma=sigma)


def test_the_mouth_shows_the_blur_that_the_whole_frame_hides(toy: Toy) -> None:
    clip, track = toy
    generated = Clip(clip.id, spoilt(standins.blurred_mouth, clip, track), clip.speech, clip.fps)
    whole, face, mouth = (
        metric.compute(metric.measure(ClipPair(clip, generated, track)))
        for metric in (Sharpness(region=region) for region in Region)
    )
    assert mouth < 0.2 < face < whole


@pytest.mark.parametrize("clip_id", ["s1/bbaf2n", "s26/bgbsza"])
def test_on_real_mouths_blur_reads_low_and_noise_of_two_levels_does_not(grid: Path, clip_id: str) -> None:
    try:
        tracker = FaceTracker(*weights.require("face_landmarker", offline=True))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    path = grid / f"{clip_id}.mpg"
    clip = read_clip(path, clip_id).cut(0, 8)
    track = fill_gaps(tracker.measure_cached(clip, content_sha256(path)), clip_id)
    boxes = track.box(Region.MOUTH)
    before, after = crop(clip.frames, boxes), crop(spoilt(standins.blurred_mouth, clip, track), boxes)
    assert sharpness(before, after) < 0.15
    assert sharpness(before, noisy(before, 2)) > 0.95
