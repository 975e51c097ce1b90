"""Average keypoint distance: closed forms, missing faces, units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lsbench.face.track import OUTER_EYE_CORNERS, POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.landmarks import LOST
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.akd import AKD, akd, akd_frames
from lsbench.metrics.lmd import lmd

FRAMES = 6


def landmarks(seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).uniform(20, 80, (FRAMES, POINTS, 2)).astype(np.float32)
    points[:, OUTER_EYE_CORNERS[0]] = 30, 40
    points[:, OUTER_EYE_CORNERS[1]] = 70, 70  # 50 px apart
    return points


def test_a_face_elsewhere_counts_in_full() -> None:
    """Where lmd sees lips of the same shape."""
    reference = landmarks()
    moved = reference + np.arange(FRAMES, dtype=np.float32)[:, None, None] * np.float32([3, 4])
    assert akd_frames(reference, moved, unit="pixel") == pytest.approx(5.0 * np.arange(FRAMES), abs=1e-4)
    assert akd(reference, moved) == pytest.approx(12.5 / 50, abs=1e-6)
    assert lmd(reference, moved) == pytest.approx(0, abs=1e-6)
    assert akd(reference, reference) == 0


def test_interocular_units_do_not_depend_on_the_size_of_the_clip() -> None:
    reference, generated = landmarks(), landmarks(1)
    assert akd(2 * reference, 2 * generated) == pytest.approx(akd(reference, generated), rel=1e-6)
    expected = np.linalg.norm(generated.astype(np.float64) - reference, axis=2).mean()
    assert akd(reference, generated, unit="pixel") == pytest.approx(expected, rel=1e-9)


def test_errors_that_point_anywhere_are_two_over_pi_in_the_literatures_unit() -> None:
    """Siarohin et al. take the mean of |dx| and |dy|."""
    errors = np.random.default_rng(0).normal(0, 1, (200, POINTS, 2))
    ratio = np.abs(errors).mean() / np.linalg.norm(errors, axis=2).mean()
    assert ratio == pytest.approx(2 / math.pi, rel=0.01)


def test_a_lost_face_counts_and_one_that_is_not_expected_does_not() -> None:
    points = landmarks()
    clip = Clip("s1/a", np.zeros((FRAMES, 100, 100, 3), np.uint8), np.zeros(0, np.float32), 25)
    found = [~np.isin(np.arange(FRAMES), missing) for missing in ([0], [0, 1])]
    pair = ClipPair(clip, clip, landmarks=tuple(FaceTrack(points, each, 100, 100) for each in found))
    metric = AKD()
    stats = metric.measure(pair)
    assert stats["distance"].tolist()[1:] == [LOST, 0, 0, 0, 0]
    assert metric.compute(stats) == pytest.approx(LOST / 5)
    assert "face found in 4 of 5 generated frames" in (metric.note(stats) or "")
