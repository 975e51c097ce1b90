"""Leaks: closed forms at several frame rates, lost faces, what is refused, and real mouths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from lsbench.errors import MetricError
from lsbench.face.track import OUTER_EYE_CORNERS, POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.landmarks import LIP_MIDDLES
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.aperture import MouthApertureCorr
from lsbench.metrics.leaks import LeakCorr, LipLeak, lip_leak

RATE = 16000


def face(apertures: Sequence[float] | np.ndarray) -> np.ndarray:
    points = np.zeros((len(apertures), POINTS, 2), np.float32)
    points[:, OUTER_EYE_CORNERS[1], 0] = 50
    points[:, LIP_MIDDLES[0], 1] = 50 * np.asarray(apertures)
    return points + 20


def silence(frames: int, fps: float = 25) -> np.ndarray:
    return np.zeros(round(frames * RATE / fps), np.float32)


def pair(points: np.ndarray, sound: np.ndarray, fps: float = 25, missing: Sequence[int] = ()) -> ClipPair:
    clip = Clip("s1/a", np.zeros((len(points), 8, 8, 3), np.uint8), sound, fps)
    track = FaceTrack(points, ~np.isin(np.arange(len(points)), missing), 8, 8)
    return ClipPair(clip, clip, landmarks=(track, track))


@pytest.mark.parametrize("fps", [10, 24, 25, 29.97, 50, 60])
@pytest.mark.parametrize(("speed", "leaks"), [(0.19, 0.0), (0.21, 1.0)])
def test_the_mouth_moves_above_a_fifth_of_the_eyes_distance_a_second(fps: float, speed: float, leaks: float) -> None:
    frames = round(2 * fps)
    opening = speed / fps * np.arange(frames)
    assert lip_leak(face(opening), silence(frames, fps), fps=fps) == leaks
    assert lip_leak(2 * face(opening), silence(frames, fps), fps=fps) == leaks
    assert lip_leak(face(opening), silence(frames, fps), fps=fps, above=speed / 2) == 1


def test_a_step_moves_the_frames_that_see_it_within_a_fifth_of_a_second() -> None:
    """Windows of five frames, shifted at the ends to lie in the clip: those of 3 to 6 hold both 4 and 5."""
    opening = np.where(np.arange(12) < 5, 0.1, 0.2)
    metric = LipLeak()
    stats = metric.measure(pair(face(opening), silence(12)))
    assert "".join(str(int(moves)) for moves in stats["moves"]) == "000111100000"
    assert metric.compute(stats) == pytest.approx(4 / 12)
    assert metric.per_frame(stats) is stats["moves"] and metric.note(stats) is None
    first = np.where(np.arange(12) < 1, 0.1, 0.2)
    moves = metric.measure(pair(face(first), silence(12)))["moves"]
    assert "".join(str(int(each)) for each in moves) == "111000000000"


def test_speech_is_not_looked_at_and_what_moves_in_it_leaks_into_no_silence() -> None:
    sound = silence(30)
    sound[10 * 640 : 20 * 640] = 0.3 * np.random.default_rng(0).standard_normal(6400)
    opening = np.zeros(30)
    opening[11:19:2] = 0.3
    stats = LipLeak().measure(pair(face(opening), sound))
    assert np.isnan(stats["moves"][11:20]).all()
    assert LipLeak().compute(stats) == 0
    assert lip_leak(face(opening), sound, fps=25) == 0


def test_a_frame_without_a_face_moves_and_its_neighbours_go_by_the_rest() -> None:
    metric = LipLeak()
    stats = metric.measure(pair(face([0.1] * 10), silence(10), missing=(2, 3)))
    assert metric.compute(stats) == pytest.approx(0.2)
    assert metric.note(stats) == "face found in 8 of 10 silent frames, the others counted as moving"
    nobody = metric.measure(pair(face([0.1] * 10), silence(10), missing=range(10)))
    assert metric.compute(nobody) == 1


def test_undefined_without_silence_or_sound_and_odd_sounds() -> None:
    metric = LipLeak()
    loud = 0.3 * np.random.default_rng(0).standard_normal(16000).astype(np.float32)
    for sound, said in (
        (loud, "undefined: the speech never falls 30 dB"),
        (loud[:0], "no sound in 25 frames; undefined"),
    ):
        stats = metric.measure(pair(face([0.1] * 25), sound))
        assert math.isnan(metric.compute(stats)) and (metric.note(stats) or "").startswith(said)
    for rate in (8000, 48000):
        assert lip_leak(face([0.1] * 25), np.zeros(rate, np.float32), fps=25, sample_rate=rate) == 0
    assert lip_leak(face([0.1]), np.zeros(1, np.float32), fps=25) != 0  # too short for a silence: NaN
    for above in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(MetricError, match="option above=.*; expected more than 0"):
            LipLeak(above=above)


def test_leak_corr_is_mouth_aperture_corr_over_the_frames_that_both_have() -> None:
    random = np.random.default_rng(0)
    shown, own = face(random.uniform(0, 0.3, 40)), face(random.uniform(0, 0.3, 30))
    both = pair(shown[:30], silence(30))
    assert both.landmarks is not None
    tracks = (pair(shown, silence(40)).landmarks or ())[0], (pair(own, silence(30)).landmarks or ())[0]
    longer = replace(both, landmarks=tracks)
    stats = LeakCorr().measure(longer)
    expected = MouthApertureCorr().measure(replace(both, landmarks=(tracks[0].cut(0, 30), tracks[1])))
    assert LeakCorr().compute(stats) == MouthApertureCorr().compute(expected)
    assert LeakCorr().compute(LeakCorr().measure(both)) == pytest.approx(1)
    assert (
        LeakCorr().compute(
            LeakCorr().measure(replace(both, landmarks=(tracks[0], pair(face([0.1] * 30), silence(30)).landmarks[1])))
        )
        == 0
    )
    assert LeakCorr.better == "zero" and LeakCorr.of_silence
