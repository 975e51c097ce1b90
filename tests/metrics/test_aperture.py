"""Mouth motion against the reference: closed forms, invariances, lost faces, true apertures, real words."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import OUTER_EYE_CORNERS, POINTS, FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.generation import standins
from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.metrics._base.landmarks import LIP_MIDDLES, LOST, LandmarkMetric, aperture
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.aperture import (
    ClosureF1,
    MouthApertureCorr,
    MouthApertureError,
    closure_f1,
    mouth_aperture_corr,
    mouth_aperture_error,
)
from lsbench.metrics.coverage import Coverage, coverage
from lsbench.metrics.jitter import Jitter
from lsbench.metrics.lmd import LMD
from lsbench.networks import weights

EYES = 60.0  # px apart
METRICS = [MouthApertureCorr(), MouthApertureError(), ClosureF1(), Coverage(), LMD(), Jitter()]
talking = 0.1 + 0.08 * np.sin(np.arange(20) * 0.7)


def lips(apertures: np.ndarray) -> np.ndarray:
    """Landmarks of a face that sways, with the given apertures: float64 (T, 80, 2) px."""
    points = np.repeat(np.random.default_rng(0).uniform(20, 80, (1, POINTS, 2)), len(apertures), axis=0)
    lower, upper = LIP_MIDDLES
    left, right = OUTER_EYE_CORNERS
    points[:, left], points[:, right] = (30, 40), (30 + EYES, 40)
    points[:, upper] = 60, 70
    points[:, lower] = np.stack([np.full(len(apertures), 60), 70 + EYES * np.asarray(apertures)], axis=1)
    return points + np.arange(len(apertures))[:, None, None] * (0.3, -0.2)


def lost(points: np.ndarray, *frames: int) -> np.ndarray:
    points = points.copy()
    points[list(frames)] = np.nan
    return points


def pair(reference: np.ndarray, generated: np.ndarray) -> ClipPair:
    clip = Clip("s1/a", np.zeros((len(reference), 100, 100, 3), np.uint8), np.zeros(0, np.float32), 25)
    tracks = [
        FaceTrack(points.astype(np.float32), np.isfinite(points).all(axis=(1, 2)), 100, 100)
        for points in (reference, generated)
    ]
    return ClipPair(clip, clip, landmarks=(tracks[0], tracks[1]))


def test_the_aperture_is_what_was_drawn() -> None:
    assert aperture(lips(talking)) == pytest.approx(talking, abs=1e-12)
    assert np.isnan(aperture(lost(lips(talking), 3))).tolist() == [i == 3 for i in range(20)]


@pytest.mark.parametrize("measure", [mouth_aperture_corr, mouth_aperture_error, closure_f1])
def test_size_place_and_turn_of_either_face_do_not_count(measure: Callable[..., float]) -> None:
    reference, generated = lips(talking), lips(np.roll(talking, 2))
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    expected = measure(reference, generated)
    assert measure(3 * reference @ turn, generated) == pytest.approx(expected, rel=1e-9)
    assert measure(reference, 0.5 * generated + 40) == pytest.approx(expected, rel=1e-9)


def test_the_correlation_is_pearsons() -> None:
    other = 5 * np.roll(talking, 2) ** 2
    expected = np.corrcoef(talking, other)[0, 1]
    assert mouth_aperture_corr(lips(talking), lips(other)) == pytest.approx(expected, rel=1e-9)
    assert mouth_aperture_corr(lips(talking), lips(0.3 * talking + 0.02)) == pytest.approx(1, rel=1e-9)
    assert mouth_aperture_corr(lips(talking), lips(0.2 - talking)) == pytest.approx(-1, rel=1e-9)
    assert mouth_aperture_corr(lips(talking), lips(0.1 * talking + 0.02)) == pytest.approx(0.4, rel=1e-9)


def test_clips_of_a_correlation_count_by_how_much_the_reference_moves() -> None:
    metric = MouthApertureCorr()
    lively, calm = talking - talking.mean(), (talking - talking.mean()) / 10
    stats = [
        metric.measure(pair(lips(0.1 + lively), lips(0.12 + lively))),
        metric.measure(pair(lips(0.2 + calm), lips(0.2 - calm))),
    ]
    assert [metric.compute(one) for one in stats] == pytest.approx([1, -1], rel=1e-4)
    assert metric.fold(stats)[0] == pytest.approx(0.99 / 1.01, rel=1e-4)


def test_lips_that_keep_still_follow_nothing_and_a_still_reference_says_nothing() -> None:
    metric, still = MouthApertureCorr(), np.full(20, 0.1)
    assert mouth_aperture_corr(lips(talking), lips(still)) == pytest.approx(0, abs=1e-12)
    assert math.isnan(mouth_aperture_corr(lips(still), lips(talking)))
    stats = metric.measure(pair(lips(still), lips(talking)))
    assert math.isnan(metric.compute(stats)) and metric.note(stats) == "undefined: the reference's lips do not move"
    half = np.where(np.arange(20) < 10, 1, -1) * 0.05
    # A lost half is at the mean of the other: the covariance halves, and so does one of the two variances.
    assert mouth_aperture_corr(lips(0.1 + np.roll(half, 5)), lost(lips(0.1 + np.roll(half, 5)), *range(10))) == (
        pytest.approx(math.sqrt(0.5), rel=1e-9)
    )


def test_the_error_is_the_mean_difference_and_a_lost_face_a_quarter() -> None:
    reference, generated = lips(talking), lips(talking + np.where(np.arange(20) % 2, 0.03, -0.01))
    assert mouth_aperture_error(reference, generated) == pytest.approx(0.02, rel=1e-9)
    expected = (10 * 0.03 + 8 * 0.01 + 2 * LOST) / 20
    assert mouth_aperture_error(reference, lost(generated, 4, 8)) == pytest.approx(expected, rel=1e-9)
    assert mouth_aperture_error(lost(reference, 4, 8), generated) == pytest.approx(0.38 / 18, rel=1e-9)


def drawn(text: str) -> np.ndarray:
    """Apertures: '_' shut, 'o' open."""
    return np.array([0.1 if letter == "o" else 0.004 for letter in text])


@pytest.mark.parametrize(
    ("reference", "generated", "precision", "recall"),
    [
        ("oo__oooo__oo", "oo__oooo__oo", 1, 1),
        ("oo__oooo__oo", "ooo__oooo__o", 1, 1),  # a frame late
        ("oo__oooo__oo", "oooooooo__oo", 1, 1 / 2),  # one of two closures missed
        ("oo__oooo__oo", "oo__oo______", 6 / 8, 1),  # frames 6 and 11 are more than one off
        ("oo__oooooooo", "oooooooo__oo", 0, 0),
        ("oooo____oooo", "oooooooooooo", 0, 0),
    ],
)
def test_closures_are_counted(reference: str, generated: str, precision: float, recall: float) -> None:
    expected = 2 * precision * recall / (precision + recall) if precision else 0
    assert closure_f1(lips(drawn(reference)), lips(drawn(generated))) == pytest.approx(expected, rel=1e-12)
    if "_" in generated:
        assert closure_f1(lips(drawn(generated)), lips(drawn(reference))) == pytest.approx(expected, rel=1e-12)


def test_a_lost_face_is_wrong_whether_the_lips_should_be_shut_or_open() -> None:
    reference = lips(drawn("oo__oooo__oo"))
    assert closure_f1(reference, lost(reference, 2)) == pytest.approx(2 * 0.75 / 1.75)  # P 1, R 3/4
    assert closure_f1(reference, lost(reference, 5, 6)) == pytest.approx(2 * (4 / 6) / (10 / 6))  # P 4/6, R 1
    assert closure_f1(reference, lost(reference, *range(12))) == 0
    assert closure_f1(lost(reference, 2, 3), lips(drawn("oo__oooo__oo"))) == 1


def test_f1_is_of_the_counts_of_all_clips() -> None:
    metric = ClosureF1()
    texts = [("oo__oooo__oo", "oo__oooo__oo"), ("oooooooooooo", "____oooooooo")]
    stats = [metric.measure(pair(lips(drawn(one)), lips(drawn(other)))) for one, other in texts]
    assert metric.compute(stats[0]) == 1 and math.isnan(metric.compute(stats[1]))
    assert metric.note(stats[1]) == "undefined: the reference's lips never shut"
    assert metric.fold(stats) == (pytest.approx(2 * 0.5 / 1.5), None)
    with pytest.raises(MetricError, match=r"closure_f1: shut=0.0.*expected more than 0"):
        ClosureF1(shut=0.0)
    with pytest.raises(MetricError, match="tolerance_frames=-1"):
        ClosureF1(tolerance_frames=-1)


def test_coverage_counts_where_the_reference_has_a_face() -> None:
    reference = lips(talking)
    assert coverage(reference, reference) == 1
    assert coverage(reference, lost(reference, 0, 1, 2, 3, 4)) == 0.75
    assert coverage(lost(reference, 0, 1, 2, 3), lost(reference, 3, 4)) == 15 / 16
    assert math.isnan(coverage(lost(reference, *range(20)), reference))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("noise_px", [0, 0.3])
def test_the_more_frames_lose_the_face_the_worse(metric: LandmarkMetric, noise_px: float) -> None:
    reference = lips(drawn("__oo__oo__oo__oo__oo"))
    generated = reference + np.random.default_rng(1).normal(0, noise_px, reference.shape)
    stats = [metric.measure(pair(reference, lost(generated, *range(count)))) for count in (0, 2, 6, 20)]
    values = [metric.compute(one) if metric.better == "higher" else -metric.compute(one) for one in stats]
    assert all(better > worse for better, worse in pairwise(values))
    assert metric.note(stats[0]) is None
    assert (metric.note(stats[1]) or "").startswith("face found in 18 of 20 generated frames, the others ")


def test_refused_input_says_what_was_expected() -> None:
    good = lips(talking)
    for measure in (mouth_aperture_corr, mouth_aperture_error, closure_f1, coverage):
        with pytest.raises(MetricError, match=rf"{measure.__name__}: generated landmarks are .* expected a floating"):
            measure(good, good[:, :68])
        with pytest.raises(MetricError, match="20 reference frames, 19 generated"):
            measure(good, good[:19])
    clip = Clip("s1/a", np.zeros((1, 8, 8, 3), np.uint8), np.zeros(0, np.float32), 25)
    with pytest.raises(MetricError, match=r"clip s1/a: coverage needs the landmarks"):
        Coverage().measure(ClipPair(clip, clip))


@pytest.fixture(scope="module")
def tracker() -> FaceTracker:
    try:
        return FaceTracker(*weights.require("face_landmarker", offline=True))
    except WeightsError as missing:
        pytest.skip(str(missing))


@pytest.mark.slow
def test_apertures_of_the_toy_corpus_are_recovered(tracker: FaceTracker) -> None:
    """Within 0.04 inter-ocular distances in every frame, 0.025 on average, and in step."""
    for speaker in (1, 2, 3, 4):
        clip, truth = synthetic.render(speaker, 0, frames=16)
        measured = tracker.measure(clip).landmarks
        error = np.abs(aperture(measured) - aperture(truth.landmarks))
        assert error.max() < 0.04 and error.mean() < 0.025
        assert mouth_aperture_corr(truth.landmarks, measured) > 0.95
        assert mouth_aperture_error(truth.landmarks, measured) == pytest.approx(error.mean())


def test_true_apertures_rank_a_late_and_a_still_mouth() -> None:
    points = synthetic.render(1, 0, frames=40, size=96)[1].landmarks
    late = points[np.maximum(np.arange(40) - standins.LATE_FRAMES, 0)]
    still = np.repeat(points[:1], 40, axis=0)
    assert 1 == mouth_aperture_corr(points, points) > 0.8 > mouth_aperture_corr(points, late)
    assert mouth_aperture_corr(points, still) == pytest.approx(0, abs=1e-9)
    assert 0 == mouth_aperture_error(points, points) < mouth_aperture_error(points, late)
    assert 1 == closure_f1(points, points) > closure_f1(points, late)


@pytest.mark.parametrize("clip_id", ["s1/bbaf2n", "s31/prwa4n"])
def test_lips_of_real_clips_shut_for_b_and_p(grid: Path, tracker: FaceTracker, clip_id: str) -> None:
    apertures = aperture(tracker.measure(read_clip(grid / f"{clip_id}.mpg", clip_id)).landmarks)
    onsets = [line.split() for line in (grid / f"{clip_id}.align").read_text().splitlines()]
    labials = [round(int(start) / 1000) for start, _, word in onsets if word[0] in "bp"]
    assert labials
    for onset in labials:
        assert apertures[onset - 3 : onset + 4].min() < ClosureF1().shut
    assert np.percentile(apertures, 75) > 2 * ClosureF1().shut
