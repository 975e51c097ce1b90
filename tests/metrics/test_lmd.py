"""Landmark distance: closed forms, missing faces, units."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lsbench.errors import MetricError
from lsbench.face.track import OUTER_EYE_CORNERS, POINTS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.landmarks import LIPS, LOST
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics.lmd import LMD, lmd, lmd_frames

FRAMES = 6


def landmarks(seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).uniform(20, 80, (FRAMES, POINTS, 2)).astype(np.float32)
    points[:, OUTER_EYE_CORNERS[0]] = 30, 40
    points[:, OUTER_EYE_CORNERS[1]] = 70, 70  # 50 px apart
    return points


def pair(reference: np.ndarray, generated: np.ndarray, lost: tuple[list[int], list[int]] = ([], [])) -> ClipPair:
    clip = Clip("s1/a", np.zeros((FRAMES, 100, 100, 3), np.uint8), np.zeros(0, np.float32), 25)
    tracks = []
    for points, missing in zip((reference, generated), lost, strict=True):
        found = ~np.isin(np.arange(FRAMES), missing)
        tracks.append(FaceTrack(points, found, 100, 100))
    return ClipPair(clip, clip, landmarks=(tracks[0], tracks[1]))


def test_scaled_lips_have_a_closed_form() -> None:
    reference = landmarks()
    generated = reference.copy()
    lips = reference[:, LIPS].astype(np.float64)
    centred = lips - lips.mean(axis=1, keepdims=True)
    generated[:, LIPS] = lips + 0.1 * centred
    expected = 0.1 * np.linalg.norm(centred, axis=2).mean(axis=1)
    assert lmd_frames(reference, generated, unit="pixel") == pytest.approx(expected, abs=1e-5)
    assert lmd_frames(reference, generated) == pytest.approx(expected / 50, abs=1e-6)
    assert lmd(reference, generated) == pytest.approx(expected.mean() / 50, abs=1e-6)


def test_only_the_shape_of_the_lips_counts() -> None:
    reference = landmarks()
    generated = landmarks(1)
    generated[:, LIPS] = reference[:, LIPS] + np.arange(FRAMES)[:, None, None]
    assert lmd(reference, reference) == 0
    assert lmd(reference, generated) == pytest.approx(0, abs=1e-6)


def test_interocular_units_do_not_depend_on_the_size_of_the_clip() -> None:
    reference, generated = landmarks(), landmarks(1)
    assert lmd(2 * reference, 2 * generated) == pytest.approx(lmd(reference, generated), rel=1e-6)
    double = lmd(2 * reference, 2 * generated, unit="pixel")
    assert double == pytest.approx(2 * lmd(reference, generated, unit="pixel"), rel=1e-6)
    assert lmd(reference, generated, unit="pixel") == lmd(generated, reference, unit="pixel")


@pytest.mark.parametrize("interpolated", [True, False])
def test_a_frame_that_loses_the_face_counts_and_one_of_the_reference_does_not(interpolated: bool) -> None:
    reference, generated = landmarks(), landmarks(1)
    if not interpolated:
        reference[2], generated[[0, 2]] = np.nan, np.nan
    stats = LMD().measure(pair(reference, generated, ([2], [0, 2])))
    shown, kept = [1, 3, 4, 5], [0, 1, 3, 4, 5]
    assert np.flatnonzero(~np.isnan(LMD().per_frame(stats))).tolist() == kept
    frames = LMD().per_frame(stats)
    assert frames[0] == LOST
    assert frames[shown].mean() == pytest.approx(lmd(landmarks()[shown], landmarks(1)[shown]), abs=1e-12)
    assert LMD().compute(stats) == pytest.approx(frames[kept].mean(), abs=1e-12)
    assert LMD().note(stats) == (
        "face found in 4 of 5 generated frames, the others counted as 0.25 inter-ocular distances each; "
        "face found in 5 of 6 reference frames, the others left out"
    )
    in_pixels = LMD(unit="pixel").measure(pair(reference, generated, ([2], [0, 2])))
    assert in_pixels["distance"][0] == pytest.approx(LOST * 50, rel=1e-6)


def test_no_face_in_the_reference_is_undefined_and_none_generated_is_the_worst() -> None:
    nothing, every = np.full_like(landmarks(), np.nan), list(range(FRAMES))
    stats = LMD().measure(pair(nothing, landmarks(), (every, [])))
    assert math.isnan(LMD().compute(stats)) and math.isnan(lmd(nothing, landmarks()))
    assert LMD().note(stats) == "face found in 0 of 6 reference frames, the others left out"
    assert LMD().compute(LMD().measure(pair(landmarks(), nothing, ([], every)))) == LOST == lmd(landmarks(), nothing)


def test_complete_landmarks_need_no_note() -> None:
    assert LMD().note(LMD().measure(pair(landmarks(), landmarks(1)))) is None
    assert LMD().signature == "lmd.2|unit:interocular" and LMD().key == "lmd"


def test_refused_input_says_what_was_expected() -> None:
    good = landmarks()
    bad = {"list": good.tolist(), "int": good.astype(int), "68, 2": good[:, :68], "80, 2": good[0], "0, 80": good[:0]}
    for says, points in bad.items():
        with pytest.raises(MetricError, match=rf"{says}.*expected a floating point NumPy array \(frames, 80, 2\)"):
            lmd(points, good)  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="6 reference frames, 5 generated"):
        lmd(good, good[:5])
    with pytest.raises(MetricError, match="unit=metre"):
        lmd(good, good, unit="metre")
    clip = Clip("s1/a", np.zeros((1, 8, 8, 3), np.uint8), np.zeros(0, np.float32), 25)
    with pytest.raises(MetricError, match=r"clip s1/a: lmd needs the landmarks"):
        LMD().measure(ClipPair(clip, clip))
