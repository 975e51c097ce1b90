"""Naturalness: blinks and speeds that are known, at any frame rate; closeness to real clips; what is not known."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import lsbench
from lsbench.errors import MetricError, WeightsError
from lsbench.face.expression import BLENDSHAPES
from lsbench.face.track import INNER_LIPS, MOUTH_CORNERS, OUTER_EYE_CORNERS, POINTS, FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._natural.blinks import LIDS, blinks
from lsbench.metrics._natural.rate import Rate
from lsbench.metrics._natural.real_rates import REAL_RATES
from lsbench.metrics._natural.speed import speed
from lsbench.metrics.naturalness import (
    BlinkRate,
    BrowMotion,
    HeadMotion,
    LipDynamics,
    blink_rate,
    brow_motion,
    head_motion,
    lip_dynamics,
)
from lsbench.networks import weights

RATES = (15.0, 25.0, 29.97, 60.0)
KINDS = (BlinkRate, BrowMotion, HeadMotion, LipDynamics)


def eyes(course: np.ndarray, other: np.ndarray | None = None) -> np.ndarray:
    """Blendshapes of lids that close like this: float32 (T, 52)."""
    shapes = np.zeros((len(course), len(BLENDSHAPES)), np.float32)
    shapes[:, LIDS] = np.stack([course, course if other is None else other], axis=1)
    return shapes


def blink(time: np.ndarray, at: float, closing: float = 0.07, opening: float = 0.18, shut: float = 0.0) -> np.ndarray:
    """How far a blink closes the eyes, 0 to 1: it begins at a time, s, and they stay shut for a while."""
    since = time - at
    return np.asarray(np.clip(np.minimum(since / closing, 1 - (since - closing - shut) / opening), 0, 1))


def turning(degrees: np.ndarray) -> np.ndarray:
    """Rotations by so many degrees about a slanted axis: float32 (T, 3, 3)."""
    axis = np.array([0.6, 0.8, 0.0])
    return Rotation.from_rotvec(np.outer(degrees, axis), degrees=True).as_matrix().astype(np.float32)


def clips(metric: Metric, fps: float, *tracks: FaceTrack, sound: bool = True) -> ClipPair:
    """A pair of blank clips with these faces, the generated one last."""
    speech = np.random.default_rng(0).normal(0, 0.1, round(len(tracks[0]) * 16000 / fps)).astype(np.float32)
    frames = np.zeros((len(tracks[0]), 8, 8, 3), np.uint8)
    clip = Clip("s1/a", frames, speech if sound else speech[:0], fps)
    return ClipPair(clip, clip, landmarks=(tracks[0], tracks[-1]))


def track(frames: int, shapes: np.ndarray | None = None, pose: np.ndarray | None = None) -> FaceTrack:
    points = np.zeros((frames, POINTS, 2), np.float32)
    points[:, OUTER_EYE_CORNERS[1], 0] = 50
    return FaceTrack(points, np.ones(frames, bool), 100, 100, blendshapes=shapes, pose=pose)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize(("level", "depth"), [(0.02, 0.6), (0.15, 0.5), (0.02, 0.34)])
def test_blinks_are_counted_at_any_frame_rate_and_level(fps: float, level: float, depth: float) -> None:
    rng = np.random.default_rng(int(fps))
    time = np.arange(60 * fps) / fps
    starts = np.arange(20) * 2.9 + rng.uniform(0.5, 2.5, 20)
    course = level + 0.05 * np.sin(time / 3) + depth * sum(blink(time, at, shut=rng.uniform(0, 0.1)) for at in starts)
    shapes = eyes(course + rng.normal(0, 0.01, len(time)))
    found = np.flatnonzero(blinks(shapes, fps)) / fps
    assert len(found) == len(starts)
    assert np.abs(found - starts - 0.12).max() < 0.12
    assert blink_rate(shapes, fps=fps) == pytest.approx(20 * 60 / (len(time) / fps), rel=1e-9)


@pytest.mark.parametrize("fps", RATES)
def test_what_is_no_blink_does_not_count(fps: float) -> None:
    time = np.arange(6 * fps) / fps
    closed = {
        "a wink": (0.6 * blink(time, 2), 0 * time),
        "a nap": (0.6 * blink(time, 2, shut=1.0),),
        "eyes shut for a while": (0.6 * blink(time, 2, shut=0.5),),
        "a look downwards": (0.35 * np.clip((time - 2) / 0.1, 0, 1),),
        "a flutter": (0.05 + 0.12 * blink(time, 2),),
        "closed from the start": (0.6 * (time < 0.5),),
    }
    for name, course in closed.items():
        assert not blinks(eyes(*course), fps).any(), name
    hanging = 0.42 * blink(time, 1, shut=3.5) + 0.3 * blink(time, 3)
    assert blinks(eyes(hanging), fps).sum() == 1


def test_one_frame_of_many_a_second_is_a_glitch() -> None:
    course = np.zeros(120)
    course[60] = 0.6
    assert blinks(eyes(course), 25).sum() == 1
    assert blinks(eyes(course), 60).sum() == 0


def test_two_blinks_in_a_row_are_two_and_a_falter_is_one() -> None:
    time = np.arange(100) / 25
    assert blinks(eyes(0.6 * (blink(time, 1) + blink(time, 1.32))), 25).sum() == 2
    assert blinks(eyes(0.6 * np.maximum(blink(time, 1), 0.8 * blink(time, 1.12))), 25).sum() == 1


@pytest.mark.parametrize("fps", RATES)
def test_a_head_that_turns_evenly_has_its_speed_everywhere(fps: float) -> None:
    """At the ends and beside a gap too."""
    time = np.arange(3 * fps) / fps
    pose = turning(12 * time)
    pose[round(fps) : round(fps) + 2] = np.nan
    measured = HeadMotion(real="none").by_frame(
        clips(HeadMotion(), fps, track(len(time))).generated, track(len(time), pose=pose)
    )
    gap = np.isnan(pose[:, 0, 0])
    assert np.array_equal(np.isnan(measured), gap)
    assert measured[~gap] == pytest.approx(12, rel=0.01)
    assert head_motion(pose, fps=fps) == pytest.approx(12, rel=0.01)


def test_frame_rates_agree_on_what_moves() -> None:
    """Nods and syllables of 1 to 3 a second, from 15 to 60 frames a second."""
    found = []
    for fps in RATES:
        time = np.arange(30 * fps) / fps
        course = sum(np.sin(2 * np.pi * hz * time + hz) / hz for hz in (1.0, 1.7, 3.0))
        shapes = np.zeros((len(time), len(BLENDSHAPES)))
        shapes[:, BLENDSHAPES.index("browInnerUp")] = 0.3 + 0.1 * course
        points = track(len(time)).landmarks.astype(np.float64)
        points[:, INNER_LIPS.start + 5, 1] = 10 + 5 * course
        points[:, MOUTH_CORNERS[1], 0] = 25 + 3 * course
        sound = np.random.default_rng(0).normal(0, 0.1, 30 * 16000)
        found.append(
            (
                head_motion(turning(4 * course), fps=fps),
                brow_motion(shapes, fps=fps),
                lip_dynamics(points, sound, fps=fps),
            )
        )
    assert np.allclose(found, found[1], rtol=0.02)
    head, brow, lips = found[1]
    assert brow / head == pytest.approx(0.1 / 4, rel=0.01)
    assert lips > math.hypot(5, 3) / 50 * head / 4  # they are smoothed less


def test_slopes_are_exact_and_noise_is_quenched() -> None:
    time = np.arange(200) / 25
    line = np.stack([3 * time, 4 * time], axis=1)
    assert speed(line, 25, 0.08) == pytest.approx(5)
    noise = np.random.default_rng(0).normal(0, 1, (20000, 1))
    # The error of a slope under unit noise: the square root of sum(w^2 t^2) over sum(w t^2).
    steps = np.arange(-6, 7) / 25
    weight = np.exp(-0.5 * (steps / 0.08) ** 2)
    expected = math.sqrt(np.sum(weight**2 * steps**2)) / np.sum(weight * steps**2)
    assert np.mean(speed(noise, 25, 0.08)) == pytest.approx(expected * math.sqrt(2 / math.pi), rel=0.03)
    few = np.full((50, 1), np.nan)
    few[[10, 30, 31]] = 1.0
    assert np.isnan(speed(few, 25, 0.08)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_clip_is_as_close_to_itself_as_can_be(kind: type[Rate]) -> None:
    time = np.arange(150) / 25
    shapes = eyes(0.6 * blink(time, 2))
    shapes[:, BLENDSHAPES.index("browInnerUp")] = 0.2 + 0.1 * np.sin(5 * time)
    face = track(150, shapes, turning(5 * np.sin(3 * time)))
    face.landmarks[:, INNER_LIPS.start + 5, 1] = 10 + 5 * np.sin(9 * time)
    metric = kind()
    assert metric.compute(metric.measure(clips(metric, 25, face))) == 1
    assert metric.better == "higher"
    assert metric.paired


@pytest.mark.parametrize(("times", "expected"), [(0, 0), (0.5, 0.5), (1, 1), (1.5, 0.5), (2, 0), (3, -1)])
def test_closeness_falls_alike_to_both_sides(times: float, expected: float) -> None:
    time = np.arange(75) / 25
    real, made = (track(75, pose=turning(turn * time)) for turn in (10, 10 * times))
    metric = HeadMotion()
    stats = metric.measure(clips(metric, 25, real, made))
    assert metric.compute(stats) == pytest.approx(expected, abs=0.01)
    assert metric.note(stats) == f"generated {10 * times:.3g} degrees a second; reference 10 degrees a second"


def test_blinks_are_counted_over_the_time_of_all_clips() -> None:
    """One in 3 s and none in 27 s are 2 a minute, where the mean of both rates is 10."""
    metric = BlinkRate(real="none")
    time = np.arange(75) / 25
    short = metric.measure(clips(metric, 25, track(75, eyes(0.6 * blink(time, 1)))))
    long = metric.measure(clips(metric, 50, track(1350, eyes(np.zeros(1350)))))
    assert metric.compute(short + long) == pytest.approx(2)
    assert metric.note(short + long) == "generated 2 blinks a minute (1 in 30 s)"
    parts = metric.segments(long, np.array([0, 600, 1350]), np.ones(1350, bool))
    assert parts is not None
    assert [part["seconds"].sum() for part in parts] == pytest.approx([12, 15])


def test_what_real_clips_are_is_an_option() -> None:
    assert [kind().without_truth() for kind in KINDS] == [kind(real="none") for kind in KINDS]
    assert BlinkRate(real="grid").without_truth() == BlinkRate(real="grid")
    metric = lsbench.metric("head_motion:real=grid")
    assert (metric.better, metric.paired, metric.signature) == ("higher", False, "head_motion.1|real:grid")
    pose = turning(REAL_RATES["grid"]["head_motion"] / 2 * np.arange(75) / 25)
    stats = metric.measure(clips(metric, 25, track(75, pose=pose)))
    assert metric.compute(stats) == pytest.approx(0.5, abs=0.01)
    assert metric.note(stats) == "generated 1.96 degrees a second; real clips of GRID 3.91 degrees a second"
    raw = lsbench.metric("head_motion:real=none")
    assert (raw.better, raw.paired, raw.compute(stats)) == ("none", False, pytest.approx(1.957, rel=0.01))
    assert raw.note(stats) is None
    values = raw.per_frame(stats)
    assert values is not None
    assert np.mean(values) == pytest.approx(1.957, rel=0.01)
    assert metric.per_frame(stats) is None
    with pytest.raises(MetricError, match="option real=lrs2; expected one of reference, grid, none"):
        HeadMotion(real="lrs2")


@pytest.mark.parametrize("kind", KINDS)
def test_frames_without_a_face_are_neither_done_nor_time(kind: type[Rate]) -> None:
    time = np.arange(150) / 25
    shapes, pose = eyes(0.6 * blink(time, 1)), turning(5 * np.sin(3 * time))
    shapes[:, BLENDSHAPES.index("browInnerUp")] = 0.2 + 0.1 * np.sin(5 * time)
    shapes[100:], pose[100:] = np.nan, np.nan
    whole = track(150, shapes, pose)
    whole.landmarks[:, INNER_LIPS.start + 5, 1] = 10 + 5 * np.sin(9 * time)
    lost = replace(whole, found=np.arange(150) < 100)
    metric = kind(real="none")
    stats, first = (metric.measure(clips(metric, 25, each)) for each in (lost, whole.cut(0, 100)))
    assert metric.compute(stats) == pytest.approx(metric.compute(first), rel=1e-9)
    assert "no face in 50 of 150 generated frames, left out" in (metric.note(stats) or "")
    nobody = replace(whole, found=np.zeros(150, bool))
    stats = kind().measure(clips(metric, 25, nobody, whole))
    assert math.isnan(kind().compute(stats))
    assert "reference undefined: no face found" in (kind().note(stats) or "")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (BlinkRate, "its blendshapes are not known"),
        (BrowMotion, "its blendshapes are not known in enough frames running"),
        (HeadMotion, "the head's rotation is not known in enough frames running"),
        (LipDynamics, "no speech is heard while it is seen"),
    ],
)
def test_what_is_not_known_is_named(kind: type[Rate], reason: str) -> None:
    """As of exact side-cars, which tell where a face is alone; and of silent films."""
    metric = kind()
    stats = metric.measure(clips(metric, 25, track(75), sound=False))
    assert math.isnan(metric.compute(stats))
    assert metric.note(stats) == f"generated undefined: {reason}; reference undefined: {reason}"


def test_real_clips_that_never_blink_tell_nothing() -> None:
    metric = BlinkRate()
    time = np.arange(75) / 25
    stats = metric.measure(clips(metric, 25, track(75, eyes(0 * time)), track(75, eyes(0.6 * blink(time, 1)))))
    assert math.isnan(metric.compute(stats))
    assert (metric.note(stats) or "").endswith("undefined: nothing of the kind in the reference")


def test_a_cut_is_no_motion() -> None:
    pose = np.concatenate([turning(np.zeros(40)), turning(np.full(40, 30.0))])
    jump, cut = track(80, pose=pose), replace(track(80, pose=pose), shots=np.repeat([0, 1], 40))
    metric = HeadMotion(real="none")
    assert metric.compute(metric.measure(clips(metric, 25, jump))) > 5
    assert metric.compute(metric.measure(clips(metric, 25, cut))) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("wrong", [np.zeros((5, 51)), np.zeros((0, 52)), np.zeros((5, 52), int), [[0.0] * 52]])
def test_other_arrays_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(MetricError, match=r"blink_rate: .*; expected floats \('frames', 52\)"):
        blink_rate(wrong, fps=25)


@pytest.mark.slow
def test_blinks_that_were_counted_by_eye_on_real_clips(grid: Path) -> None:
    """Of eyes enlarged, frame by frame: s4 closes his eyes little, s3 looks down for a while."""
    try:
        tracker = FaceTracker(*weights.require("face_landmarker"))
    except WeightsError as error:
        pytest.skip(f"no face landmarker here: {error}")
    for clip_id, first, near in (("s1/swwj1a", 0, [4, 40, 51, 67]), ("s4/bbal5p", 40, [55]), ("s3/bbaz2n", 50, [])):
        clip = read_clip(grid / f"{clip_id}.mpg", clip_id)
        face = tracker.measure(clip.cut(first, len(clip)))
        assert face.blendshapes is not None
        found = first + np.flatnonzero(blinks(face.blendshapes, clip.fps))
        assert len(found) == len(near)
        assert all(np.abs(found - near) <= 2)
    still = np.repeat(clip.frames[:1], 25, axis=0).astype(np.float64)
    noisy = np.clip(still + np.random.default_rng(0).normal(0, 2, still.shape), 0, 255).astype(np.uint8)
    face = tracker.measure(replace(clip, frames=noisy))
    assert face.pose is not None
    assert head_motion(face.pose, fps=25) < 2.0  # the floor; real heads of GRID turn by 3.9
