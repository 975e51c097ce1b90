"""sync_peak, the shipped model, zero=corpus, intervals within a clip: closed forms, the toy corpus, real clips."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import MetricError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import find_clips, read_clip
from lsbench.metrics._base import catalogue
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync import shipped
from lsbench.metrics._sync.agreement import chance, correlations, interval_of_mean, standard_error, summit
from lsbench.metrics._sync.corpus_zero import CorpusZero
from lsbench.metrics.sync import SyncCorr, SyncLag, SyncPeak, measure_sync, sync_corr, sync_lag, sync_peak

BENCH = Path(__file__).parents[2] / "bench"
RATE = 16000


def courses(seed: int, frames: int, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Two smooth courses of six signals whose correlation is the share."""
    random = np.random.default_rng(seed)
    one, noise = (gaussian_filter1d(random.normal(size=(frames + 100, 6)), 3, axis=0)[50:-50] for _ in range(2))
    return one, share * one + math.sqrt(1 - share**2) * noise


def toy(speaker: int, fps: float = 25.0, seconds: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    clip, track = synthetic.render(speaker, 0, frames=round(seconds * fps), size=48, fps=fps)
    return track.landmarks, clip.speech


def late(landmarks: np.ndarray, speech: np.ndarray, frames: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    samples = round(abs(frames) * RATE / fps)
    if frames >= 0:
        return landmarks[: len(landmarks) - frames], speech[samples:]
    return landmarks[-frames:], speech[: len(speech) - samples]


def row(landmarks: np.ndarray, speech: np.ndarray, fps: float) -> dict[str, float]:
    stats = measure_sync(landmarks, speech, None, fps, RATE, asked=True)
    return {name: float(column[0]) for name, column in stats.items()}


def pair(landmarks: np.ndarray, speech: np.ndarray, fps: float = 25.0) -> ClipPair:
    clip = Clip("t1/a0", np.zeros((len(landmarks), 4, 4, 3), np.uint8), speech, fps)
    track = FaceTrack(landmarks, np.isfinite(landmarks).all(axis=(1, 2)), 48, 48)
    return ClipPair(clip, clip, landmarks=(track, track))


@pytest.mark.parametrize(("frames", "share"), [(150, 0.0), (150, 0.6), (400, 0.4)])
def test_intervals_within_a_clip_hold_the_truth_as_often_as_they_say(frames: int, share: float) -> None:
    held = []
    for seed in range(200):
        one, other = courses(seed, frames, share)
        found = correlations(one, other, np.array([0]))
        error, freedom = standard_error(one, other, 0, 50)
        low, high = interval_of_mean(found, np.array([error]), np.array([freedom]))
        held.append(low <= share <= high)
    assert 0.9 <= np.mean(held) <= 0.99


def test_the_error_is_that_of_a_moving_block_bootstrap() -> None:
    one, other = courses(5, 500, 0.5)
    error, _ = standard_error(one, other, 0, 50)
    random, blocks = np.random.default_rng(0), 10
    drawn = []
    for _ in range(1500):
        places = (random.integers(0, 451, blocks)[:, None] + np.arange(50)).ravel()
        drawn.append(correlations(one[places], other[places], np.array([0]))[0])
    assert error * math.sqrt(1 - 1 / blocks) == pytest.approx(np.std(drawn), rel=0.12)
    assert math.isnan(standard_error(one[:99], other[:99], 0, 50)[0])


def test_chance_is_the_spread_of_what_has_nothing_to_do_with_each_other() -> None:
    pairs = [courses(seed, 300, 0.0) for seed in range(200)]
    found = [correlations(*each, np.array([0]))[0] for each in pairs]
    assert np.mean([chance(*each, 50) for each in pairs]) == pytest.approx(np.std(found), rel=0.15)


def test_a_summit_lies_between_places() -> None:
    at = np.arange(9)
    assert summit(1 - (at - 4.3) ** 2) == pytest.approx(4.3)
    assert summit(-(at.astype(float))) == 0 and summit(np.array([np.nan, 1.0, 3.0])) == 2


@pytest.mark.parametrize("fps", [15.0, 25.0, 29.97, 60.0])
def test_injected_lags_move_the_peak_by_as_much(fps: float) -> None:
    landmarks, speech = toy(1, fps)
    own = row(landmarks, speech, fps)
    for frames in (-4, -1, 2, 5):
        moved = row(*late(landmarks, speech, frames, fps), fps)
        assert round(moved["lag_frames"] - own["lag_frames"]) == frames
        if abs(moved["lag_frames"]) < 0.3 * fps:
            assert moved["peak"] == pytest.approx(own["peak"], abs=0.1)
        assert sync_lag(*late(landmarks, speech, frames, fps), fps=fps) == round(moved["lag_frames"])


def test_the_course_at_steps_does_not_depend_on_the_frame_rate() -> None:
    at_25, at_50 = (shipped.mouth_course(toy(1, fps)[0], fps)[5:-5] for fps in (25.0, 50.0))
    length = min(map(len, (at_25, at_50)))
    for signal in range(3):
        assert np.corrcoef(at_25[:length, signal], at_50[:length, signal])[0, 1] > 0.97
    assert len(shipped.mouth_course(toy(1, 60.0)[0], 60.0)) == 200


def test_frames_without_a_face_leave_steps_unknown_and_no_more() -> None:
    landmarks, _ = toy(1)
    holes = landmarks.copy()
    holes[40:50] = np.nan
    whole, course = shipped.mouth_course(landmarks, 25.0), shipped.mouth_course(holes, 25.0)
    unknown = np.flatnonzero(np.isnan(course[:, 0]))
    assert unknown.min() >= 79 and unknown.max() <= 100 and len(unknown) >= 18
    assert course[110:, 5] == pytest.approx(whole[110:, 5])


def test_what_says_nothing_reads_nothing() -> None:
    landmarks, speech = toy(1)
    noise = np.random.default_rng(0).normal(0, 0.1, len(speech)).astype(np.float32)
    still = np.repeat(landmarks[:1], len(landmarks), axis=0)
    assert abs(sync_peak(landmarks, noise, fps=25)) < 0.25
    assert sync_peak(still, speech, fps=25) == 0 and math.isnan(SyncLag().compute(measured(still, speech)))
    assert math.isnan(sync_peak(landmarks, 0 * speech, fps=25))
    assert math.isnan(sync_peak(landmarks[:9], speech, fps=25))
    brief = SyncPeak().measure(pair(toy(1, 60.0)[0][:20], speech, 60.0))
    assert SyncPeak().note(brief) == "undefined for 1 of 1 clips: less than 0.5 s that shows the mouth"


def measured(landmarks: np.ndarray, speech: np.ndarray) -> Stats:
    return SyncLag().measure(pair(landmarks, speech))


def test_without_clips_of_others_the_shipped_model_stands_in_and_the_note_says_so() -> None:
    landmarks, speech = toy(1)
    taught, asked = SyncCorr(), SyncCorr(model="shipped")
    stats = taught.measure(pair(landmarks, speech))
    assert taught.compute(stats) == asked.compute(asked.measure(pair(landmarks, speech))) > 0.2
    assert taught.compute(stats) == sync_corr(landmarks, speech, fps=25)
    said = "by the model that comes with lsbench, fitted on GRID, in 1 of 1 clips: no clip of others to learn from"
    assert said in str(taught.note(stats)) and asked.note(asked.measure(pair(landmarks, speech))) is None
    silent = {"clips": np.array(0), "silent": np.array(True)}
    assert taught.learner is not None
    unspoken = replace(pair(landmarks, speech), models={taught.learner.signature: silent})
    assert "the reference clips are silent" in str(taught.note(taught.measure(unspoken)))
    low, high = taught.within([stats])
    assert low < taught.compute(stats) < high


def test_signatures_say_which_model_there_is() -> None:
    digest = hashlib.sha256(shipped.FILE.read_bytes()).hexdigest()[:8]
    assert SyncCorr().signature == f"sync_corr.1|model:protocol|shipped:{digest}"
    assert catalogue.metric("sync_lag:zero=corpus").signature == (
        f"sync_lag.1|model:protocol|zero:corpus|shipped:{digest}"
    )
    assert SyncPeak().signature == f"sync_peak.1|model:shipped|shipped:{digest}"
    assert catalogue.metric("sync_corr:model=shipped").learner is None
    with pytest.raises(MetricError, match="expected one of protocol, shipped"):
        catalogue.metric("sync_corr:model=own")


def test_lags_from_the_corpus_own_zero() -> None:
    learner, metric, fps = CorpusZero(), SyncLag(zero="corpus"), 25.0
    groups = {}
    for speaker in (2, 3):
        landmarks, speech = late(*toy(speaker), 3, fps)
        clip = Clip(f"t{speaker}/a0", np.zeros((len(landmarks), 4, 4, 3), np.uint8), speech, fps)
        track = FaceTrack(landmarks, np.ones(len(landmarks), bool), 48, 48)
        groups[f"t{speaker}"] = learner.moments(learner.learn(clip, track))
    zero = learner.solve(groups)
    assert zero["clips"] == 2 and 0.08 <= zero["zero_s"] <= 0.16
    here = replace(pair(*late(*toy(1), 3, fps)), models={learner.signature: zero})
    stats = metric.measure(here)
    own = row(*toy(1), fps)["lag_frames"]
    assert stats["lag_frames"][0] == round(own + 3 - float(zero["zero_s"]) * fps)
    assert "from the median lag of others' reference clips" in str(metric.note(stats))
    nobody = metric.measure(pair(*toy(1)))
    assert math.isnan(metric.compute(nobody)) and "no lag of a reference clip of others" in str(metric.note(nobody))
    assert not metric.self_taught and SyncLag().self_taught


@pytest.fixture(scope="module")
def bench() -> Iterator[None]:
    sys.path.insert(0, str(BENCH))
    yield
    sys.path.remove(str(BENCH))


@pytest.mark.slow
def test_real_clips_and_how_the_model_is_made(grid: Path, bench: None, real_weights: object) -> None:
    import sync_model

    path = real_weights("face_landmarker")  # type: ignore[operator]
    tracker = FaceTracker(path, hashlib.sha256(path.read_bytes()).hexdigest())
    talks: list[Any] = []
    for clip_id, source in find_clips(grid).items():
        if len(talks) < 4 and clip_id.split("/")[0] not in {talk.speaker for talk in talks}:
            clip = read_clip(source, clip_id)
            talks.append(sync_model.Talk(clip_id, tracked_landmarks(tracker.measure(clip)), clip.speech, clip.fps))
    made, again = sync_model.fit(talks, 2), sync_model.fit(talks, 2)
    assert {name: values.tobytes() for name, values in made.items()} == {
        name: values.tobytes() for name, values in again.items()
    }
    kept = shipped.shipped_model()
    assert {name: values.shape for name, values in made.items()} == {name: each.shape for name, each in kept.items()}
    assert made["spread"] == pytest.approx(kept["spread"], rel=0.5) and kept["clips"] == 43
    for talk in talks:
        speech = talk.speech.astype(np.float64)
        length = len(shipped.mouth_course(talk.landmarks, talk.fps))
        ours, theirs = (shipped.expected_course(model, speech, length, RATE) for model in (made, kept))
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.7
        own = row(talk.landmarks, talk.speech, talk.fps)
        assert own["peak"] > 0.2 and abs(own["lag_frames"]) <= 1
        moved = row(*late(talk.landmarks, talk.speech, 5, talk.fps), talk.fps)
        assert abs(moved["lag_frames"] - own["lag_frames"] - 5) <= 1
        assert own["peak"] > sync_peak(talk.landmarks, talk.speech[::-1].copy(), fps=talk.fps)
