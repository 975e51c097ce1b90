"""Flicker and jitter: closed forms, what the reference does too, missing faces, clips too short."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from frames import noisy, spoilt

from lsbench.errors import MetricError
from lsbench.face.track import OUTER_EYE_CORNERS, POINTS, FaceTrack, Region
from lsbench.generation import standins
from lsbench.media.clip import Clip, crop
from lsbench.media.files import read_clip, write_clip
from lsbench.metrics._base.landmarks import LIPS, LOST
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.flicker import Flicker, flicker, flicker_frames
from lsbench.metrics.jitter import Jitter, jitter, jitter_frames

Toy = tuple[Clip, FaceTrack]


def levels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def swinging(frames: np.ndarray, amplitude: float) -> np.ndarray:
    """Frames whose brightness swings by +-amplitude levels from one to the next."""
    signs = np.where(np.arange(len(frames)) % 2, 1, -1)[:, None, None, None]
    return levels(frames + amplitude * signs)


@pytest.fixture(scope="module")
def still() -> np.ndarray:
    """A picture that does not move: uint8 (6, 33, 47, 3)."""
    picture = np.random.default_rng(0).integers(60, 190, (33, 47, 3))
    return np.tile(picture.astype(np.uint8), (6, 1, 1, 1))


def test_identical_videos_and_constant_offsets_do_not_flicker(toy: Toy) -> None:
    frames = toy[0].frames // 2 + 40
    assert flicker(frames, frames) == 0
    assert flicker(frames, frames + np.uint8(20)) == 0
    assert (flicker_frames(frames, frames) == 0).all()


@pytest.mark.parametrize("cell", [1, 4, 64])
def test_a_swing_on_a_still_picture_reads_its_whole_width(still: np.ndarray, cell: int) -> None:
    for amplitude in (1, 3, 10):
        assert flicker_frames(still, swinging(still, amplitude), cell=cell) == pytest.approx(np.full(6, 2 * amplitude))


def test_one_odd_frame_shows_in_itself_and_half_in_its_neighbours(still: np.ndarray) -> None:
    odd = still.copy()
    odd[3] += 12
    assert flicker_frames(still, odd) == pytest.approx([0, 0, 6, 12, 6, 0])
    odd = still.copy()
    odd[0] += 12
    assert flicker_frames(still, odd) == pytest.approx([12, 6, 0, 0, 0, 0])


def test_colour_channels_count_by_their_share_and_cells_by_their_area(still: np.ndarray) -> None:
    red = still.copy()
    red[1::2, ..., 0] += 9
    assert flicker(still, red) == pytest.approx(9 / math.sqrt(3))
    half = np.concatenate([still[:, :32, :16], swinging(still, 5)[:, :32, 16:32]], axis=2)
    assert flicker(still[:, :32, :32], half) == pytest.approx(5)


def test_motion_that_the_reference_has_too_is_free(still: np.ndarray) -> None:
    assert flicker(swinging(still, 5), swinging(still, 5)) == 0
    assert flicker(swinging(still, 5), swinging(still, -5)) == 0
    assert flicker(swinging(still, 5), still) == 0
    assert flicker(swinging(still, 5), swinging(still, 8)) == pytest.approx(6)


def test_missing_motion_does_not_pay_for_flicker_elsewhere(still: np.ndarray) -> None:
    reference = np.concatenate([swinging(still, 10), still], axis=2)
    generated = np.concatenate([still, swinging(still, 4)], axis=2)
    assert flicker(reference, generated) == pytest.approx(4, rel=0.05)


def test_more_swing_and_more_noise_in_the_mouth_read_higher(toy: Toy) -> None:
    clip, track = toy
    reference = crop(clip.frames, track.box(Region.MOUTH))
    for change in (swinging, noisy):
        values = [flicker(reference, change(reference, strength)) for strength in (0, 1, 2, 4, 8)]
        assert values[0] == 0
        assert all(calm < restless for calm, restless in pairwise(values))


def test_blur_and_a_still_mouth_hardly_flicker(toy: Toy) -> None:
    clip, track = toy
    boxes = track.box(Region.MOUTH)
    reference = crop(clip.frames, boxes)
    calm = [crop(spoilt(render, clip, track), boxes) for render in (standins.blurred_mouth, standins.still_mouth)]
    swing = flicker(reference, swinging(reference, 2))
    assert all(flicker(reference, frames) < swing / 4 for frames in calm)
    assert flicker(reference, swinging(calm[1], 2)) > swing / 2


def test_a_single_frame_has_no_flicker(still: np.ndarray) -> None:
    metric = Flicker()
    pair = ClipPair(*(Clip("clip", still[:1], np.empty(0, np.float32), 25) for _ in range(2)))
    stats = metric.measure(pair)
    assert np.isnan(flicker_frames(still[:1], still[:1])).tolist() == [True]
    assert math.isnan(metric.compute(stats))
    assert metric.note(stats) == "undefined in 1 of 1 frames: clips of a single frame do not change"
    longer = metric.measure(ClipPair(*(Clip("clip", still, np.empty(0, np.float32), 25) for _ in range(2))))
    assert metric.fold([stats, longer])[0] == 0


def test_frames_and_cells_are_checked(still: np.ndarray) -> None:
    with pytest.raises(MetricError, match="flicker: generated is float64"):
        flicker(still, still / 255)
    with pytest.raises(MetricError, match="expected one shape"):
        flicker(still, still[1:])
    with pytest.raises(MetricError, match="cell=0; expected 1 px or more"):
        flicker(still, still, cell=0)


@pytest.mark.parametrize("clip_id", ["s1/bbaf2n", "s31/bgiq6p"])
def test_on_real_clips_encoding_reads_far_below_a_swing_of_one_level(grid: Path, clip_id: str, tmp_path: Path) -> None:
    frames = read_clip(grid / f"{clip_id}.mpg", clip_id).frames[:10]
    write_clip(tmp_path / "encoded.mp4", frames, np.empty(0, np.float32), 25, crf=23)
    encoded = read_clip(tmp_path / "encoded.mp4", clip_id, sound="optional").frames
    swing = flicker(frames, swinging(frames, 1))
    assert flicker(frames, encoded) < swing / 3
    assert flicker(frames, levels(frames + 10.0)) < swing / 50


def face(frames: int = 12, unit: float = 60.0) -> np.ndarray:
    """Landmarks that glide: float64 (T, 80, 2) px, outer eye corners `unit` px apart."""
    points = np.random.default_rng(1).uniform(60, 120, (POINTS, 2))
    left, right = OUTER_EYE_CORNERS
    points[left], points[right] = (60, 70), (60 + unit, 70)
    time = np.arange(frames)[:, None, None]
    return points + time * (0.7, -0.4) + np.sin(time / 4)


def test_the_same_landmarks_and_steady_drift_do_not_jitter() -> None:
    points = face()
    assert jitter(points, points) == 0
    assert jitter(points, points + 5) == pytest.approx(0, abs=1e-12)
    assert jitter(points, points[:1] + 0 * points) == 0
    glide = points[:1] + np.arange(12)[:, None, None] * np.array([2.0, 1.0])
    assert jitter(points, glide) == 0


@pytest.mark.parametrize("unit", ["interocular", "pixel"])
def test_a_tremble_of_the_lips_reads_four_times_its_amplitude(unit: str) -> None:
    still = np.repeat(face(1), 12, axis=0)
    trembling = still.copy()
    trembling[:, LIPS, 0] += np.where(np.arange(12) % 2, 1.5, -1.5)[:, None]
    scale = 60 if unit == "interocular" else 1
    # -a, +a, -a: the second difference is 4 a.
    assert jitter_frames(still, trembling, unit=unit) == pytest.approx(np.full(12, 6 / scale))
    assert jitter(trembling, trembling, unit=unit) == 0
    eyes_only = still.copy()
    eyes_only[::2, : LIPS.start] += 3
    assert jitter(still, eyes_only, unit=unit) == 0


def test_jitter_grows_with_noise_and_counts_beyond_the_reference_only() -> None:
    points = face(40)
    random = np.random.default_rng(0).normal(0, 1, points.shape)
    values = [jitter(points, points + sigma * random) for sigma in (0, 0.2, 0.5, 1, 2)]
    assert values[0] == 0
    assert all(calm < restless for calm, restless in pairwise(values))
    assert jitter(points + random, points) < values[1] / 4


def test_jitter_does_not_depend_on_the_size_of_the_face() -> None:
    points = face()
    shaken = points + np.random.default_rng(0).normal(0, 1, points.shape)
    assert jitter(3 * points, 3 * shaken) == pytest.approx(jitter(points, shaken))
    assert jitter(3 * points, 3 * shaken, unit="pixel") == pytest.approx(3 * jitter(points, shaken, unit="pixel"))


def tracked(points: np.ndarray, missing: tuple[int, ...] = ()) -> FaceTrack:
    landmarks = points.astype(np.float32)
    landmarks[list(missing)] = np.nan
    return FaceTrack(landmarks, np.isfinite(landmarks).all(axis=(1, 2)), 240, 240)


def tracks(reference: FaceTrack, generated: FaceTrack) -> ClipPair:
    clip = Clip("clip", np.zeros((len(reference), 240, 240, 3), np.uint8), np.empty(0, np.float32), 25)
    return ClipPair(clip, clip, landmarks=(reference, generated))


def test_a_lost_face_counts_in_every_difference_it_is_part_of() -> None:
    metric, points = Jitter(), face()
    shaken = points + np.random.default_rng(0).normal(0, 1, points.shape)
    stats = metric.measure(tracks(tracked(points), tracked(shaken, missing=(5,))))
    whole = metric.measure(tracks(tracked(points), tracked(shaken)))
    assert metric.per_frame(stats)[[4, 5, 6]].tolist() == [LOST] * 3
    rest = np.delete(whole["jitter"], [4, 5, 6])
    assert metric.compute(stats) == pytest.approx((rest.sum() + 3 * LOST) / 12)
    assert metric.note(stats) == (
        "face found in 11 of 12 generated frames, the others counted as 0.25 inter-ocular distances each"
    )
    assert metric.note(whole) is None
    nobody = tracked(face(), missing=tuple(range(12)))
    assert metric.compute(metric.measure(tracks(tracked(face()), nobody))) == LOST


def test_a_gap_of_the_reference_leaves_out_every_difference_it_is_part_of() -> None:
    metric, points = Jitter(), face()
    shaken = points + np.random.default_rng(0).normal(0, 1, points.shape)
    stats = metric.measure(tracks(tracked(points, missing=(5,)), tracked(shaken, missing=(5,))))
    assert np.flatnonzero(np.isnan(metric.per_frame(stats))).tolist() == [4, 5, 6]
    undefined = "undefined in 3 of 12 frames: it takes the reference's face in three running"
    assert metric.note(stats) == f"face found in 11 of 12 reference frames, the others left out; {undefined}"
    whole = metric.measure(tracks(tracked(points), tracked(shaken)))
    assert metric.compute(stats) == pytest.approx(np.delete(whole["jitter"], [4, 5, 6]).mean())


def test_jitter_without_faces_or_frames_is_undefined() -> None:
    metric = Jitter()
    nobody = metric.measure(tracks(tracked(face(), missing=tuple(range(12))), tracked(face())))
    short = metric.measure(tracks(tracked(face(2)), tracked(face(2))))
    for stats in (nobody, short):
        assert math.isnan(metric.compute(stats))
        assert "it takes the reference's face in three running" in (metric.note(stats) or "")
    with pytest.raises(MetricError, match="clip clip: jitter needs the landmarks of both clips"):
        metric.measure(ClipPair(*[tracks(tracked(face()), tracked(face())).reference] * 2))


@pytest.mark.parametrize("bad", [np.zeros((3, 80, 2), int), np.zeros((3, 68, 2)), np.zeros((0, 80, 2)), [[0.0]]])
def test_landmarks_are_checked(bad: object) -> None:
    with pytest.raises(MetricError, match="jitter: generated landmarks are"):
        jitter(face(3), bad)  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="3 reference frames, 4 generated; expected as many"):
        jitter(face(3), face(4))
    with pytest.raises(MetricError, match="unit=metre; expected one of interocular, pixel"):
        jitter(face(3), face(3), unit="metre")
