"""sync_corr and sync_lag: features and regression against oracles, true lags of the toy corpus, what is undefined."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from threadpoolctl import threadpool_limits

from lsbench.corpus.toy import render as synthetic
from lsbench.errors import LsbenchError, MediaError, WeightsError
from lsbench.face.track import FaceTrack
from lsbench.face.tracker import FaceTracker
from lsbench.media.clip import Clip
from lsbench.media.files import content_sha256, find_clips, read_clip, write_clip
from lsbench.media.film import Film
from lsbench.media.spectra import LOG_MEL_BANDS, _log_mel_bands, log_mel
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.learner import Model
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync.mouth_signals import mouth_signals, standardised
from lsbench.metrics._sync.sync_ridge import FEATURES, FOLDS, PENALTIES, PENALTY, SyncRidge, fit
from lsbench.metrics.sync import SyncCorr, SyncLag, correlations, measure_sync, sync_corr, sync_lag
from lsbench.networks import weights
from lsbench.protocol import protocol
from lsbench.protocol.context import Context
from lsbench.run import learn

FRAMES, FPS, RATE = 50, 25.0, 16000
Talks = dict[str, list[tuple[Clip, FaceTrack]]]


def taught(talks: Talks, without: str, fps: float = FPS) -> Model:
    others = {name: clips for name, clips in talks.items() if name != without}
    return fit(
        {name: [(tracked_landmarks(track), clip.speech) for clip, track in clips] for name, clips in others.items()},
        fps=fps,
    )


def rendered(fps: float, speakers: int, clips: int) -> Talks:
    frames = round(2 * fps)
    return {
        f"t{speaker}": [synthetic.render(speaker, clip, frames=frames, size=48, fps=fps) for clip in range(clips)]
        for speaker in range(1, speakers + 1)
    }


@pytest.fixture(scope="module")
def talks() -> Talks:
    """Three toy speakers, two clips of two seconds each."""
    return rendered(FPS, 3, 2)


@pytest.fixture(scope="module")
def model(talks: Talks) -> Model:
    """What t2 and t3 teach, said to be from many clips."""
    return {**taught(talks, "t1"), "clips": np.array(20.0)}


@pytest.fixture(scope="module")
def talk(talks: Talks) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks and speech of t1/a0."""
    clip, track = talks["t1"][0]
    return track.landmarks, clip.speech


def late(landmarks: np.ndarray, speech: np.ndarray, frames: int, fps: float) -> tuple[np.ndarray, np.ndarray]:
    """The clip with its pictures late by so many frames, cut to what both have."""
    samples = round(abs(frames) * RATE / fps)
    if frames >= 0:
        return landmarks[: len(landmarks) - frames], speech[samples:]
    return landmarks[-frames:], speech[: len(speech) - samples]


def paired(landmarks: np.ndarray, speech: np.ndarray, model: Model | None, reference: Clip | None = None) -> ClipPair:
    clip = Clip("t1/a0", np.zeros((len(landmarks), 4, 4, 3), np.uint8), speech, FPS)
    track = FaceTrack(landmarks, np.isfinite(landmarks).all(axis=(1, 2)), 48, 48)
    models = {} if model is None else {SyncRidge().signature: model}
    return ClipPair(reference or clip, clip, landmarks=(track, track), models=models)


def test_log_mel_agrees_with_librosa() -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, RATE)
    emphasised = np.append(speech[0], speech[1:] - 0.97 * speech[:-1])
    power = librosa.feature.melspectrogram(
        y=emphasised,
        sr=RATE,
        n_fft=1024,
        win_length=800,
        hop_length=640,
        center=False,
        power=2,
        n_mels=40,
        fmin=55,
        fmax=7600,
        norm=None,
    ).T
    centres_s = (512 + 640 * np.arange(len(power))) / RATE
    assert log_mel(speech, centres_s) == pytest.approx(np.log(np.maximum(power / power.max(), 1e-6)), abs=1e-5)


@pytest.mark.parametrize(("rate", "bins"), [(16000, 1024), (44100, 4096), (8000, 512)])
def test_mel_bands_are_those_of_librosa(rate: int, bins: int) -> None:
    expected = librosa.filters.mel(
        sr=rate, n_fft=bins, n_mels=LOG_MEL_BANDS, fmin=55, fmax=min(7600, rate / 2), norm=None, dtype=np.float64
    )
    assert np.array_equal(_log_mel_bands(rate, bins), expected)


def test_log_mel_at_the_ends_in_silence_and_at_any_loudness() -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, RATE)
    times_s = np.array([[-1.0, 0.0, 0.025], [0.975, 1.0, 9.0]])
    heard = log_mel(speech, times_s)
    assert heard.shape == (2, 3, 40)
    assert np.array_equal(heard[0, 0], heard[0, 2]) and np.array_equal(heard[1, 0], heard[1, 2])
    assert log_mel(speech / 512, times_s) == pytest.approx(heard, abs=1e-9)
    for nothing in (np.zeros(RATE), np.ones(3), np.zeros(0)):
        assert np.array_equal(log_mel(nothing, times_s), np.full((2, 3, 40), math.log(1e-6)))
    with pytest.raises(MediaError, match="finite floats"):
        log_mel(np.full(RATE, np.nan), times_s)


def test_mouth_signals_are_the_toys_shape(talks: Talks) -> None:
    _, track = talks["t1"][0]
    gap, width = synthetic.mouth_shape(track)
    signals = mouth_signals(track.landmarks, FPS)
    assert signals[:, 3] == pytest.approx(np.gradient(gap) * FPS, abs=1e-9)
    assert signals[:, 5] == pytest.approx(np.gradient(width) * FPS, abs=1e-9)
    slow = gap - signals[:, 0]
    assert slow.std() < 0.3 * gap.std() and slow.mean() == pytest.approx(gap.mean(), rel=0.1)
    moved = 1.7 * track.landmarks.astype(np.float64) + 40
    assert mouth_signals(moved, FPS) == pytest.approx(signals, abs=1e-9)


def test_frames_without_a_face_are_nan_and_no_one_invents_them(talks: Talks) -> None:
    landmarks = talks["t1"][0][1].landmarks.copy()
    landmarks[[0, 20]] = np.nan
    signals = mouth_signals(landmarks, FPS)
    assert np.flatnonzero(np.isnan(signals[:, :3]).any(axis=1)).tolist() == [0, 20]
    assert np.flatnonzero(np.isnan(signals[:, 3:]).any(axis=1)).tolist() == [0, 1, 19, 20, 21]
    unit = standardised(signals)
    whole = np.isfinite(signals).all(axis=1)
    assert np.array_equal(np.isfinite(unit).all(axis=1), whole)
    assert unit[whole].mean(axis=0) == pytest.approx(0, abs=1e-12) and unit[whole].std(axis=0) == pytest.approx(1)


def made_up(seed: int, frames: int) -> Stats:
    """Learned frames of a clip in which the mouth follows the speech in part; one frame has no face."""
    random = np.random.default_rng(seed)
    speech = random.normal(0, 1, (frames, FEATURES)).astype(np.float32)
    motion = speech[:, :6] + 0.5 * speech[:, 6:12] + random.normal(0, 2, (frames, 6))
    motion[3] = np.nan
    return Stats(speech=speech, motion=motion)


def explicit(parts: list[Stats]) -> tuple[np.ndarray, np.ndarray]:
    """The training rows of several clips as the formula of SyncRidge has them."""
    speech, motion = [], []
    for part in parts:
        shown = np.isfinite(part["motion"]).all(axis=1)
        x, y = part["speech"][shown].astype(np.float64), part["motion"][shown]
        speech.append(x - x.mean(axis=0))
        motion.append((y - y.mean(axis=0)) / y.std(axis=0))
    return np.concatenate(speech), np.concatenate(motion)


def oracle(parts: list[Stats], penalty: float) -> np.ndarray:
    speech, motion = explicit(parts)
    alpha = penalty * np.square(speech).sum() / FEATURES
    return np.asarray(Ridge(alpha=alpha, fit_intercept=False, solver="svd").fit(speech, motion).coef_.T)


def test_the_regression_is_scikit_learns() -> None:
    parts, learner = [made_up(seed, 40 + seed) for seed in range(3)], SyncRidge()
    moments = [learner.moments(part) for part in parts]
    model = learner.solve({"s1": {name: np.sum([one[name] for one in moments], axis=0) for name in moments[0]}})
    assert model["penalty"] == PENALTY and model["clips"] == 3
    assert model["weights"] == pytest.approx(oracle(parts, PENALTY), abs=1e-9)
    spreads = [part["motion"][np.isfinite(part["motion"][:, 0])].std(axis=0) for part in parts]
    assert model["spread"] == pytest.approx(np.mean(spreads, axis=0))


@pytest.mark.slow
def test_the_penalty_is_the_best_on_held_out_speakers() -> None:
    talks, learner = {f"s{speaker}": [made_up(speaker, 60)] for speaker in range(7)}, SyncRidge()
    model = learner.solve({name: learner.moments(parts[0]) for name, parts in talks.items()})
    scores = []
    for penalty in PENALTIES:
        correlation = []
        for fold in range(FOLDS):
            held = sorted(talks)[fold::FOLDS]
            rest = [part for name in talks if name not in held for part in talks[name]]
            speech, motion = explicit([part for name in held for part in talks[name]])
            guess = speech @ oracle(rest, penalty)
            correlation.append(np.sum(guess * motion) / np.linalg.norm(guess) / np.linalg.norm(motion))
        scores.append(np.mean(correlation))
    assert model["penalty"] == PENALTIES[int(np.argmax(scores))]
    every = [part for parts in talks.values() for part in parts]
    assert model["weights"] == pytest.approx(oracle(every, float(model["penalty"])), abs=1e-9)


def test_neither_the_order_of_speakers_nor_threads_move_a_bit(talks: Talks) -> None:
    models = []
    for order, threads in ((sorted(talks), 1), (sorted(talks)[::-1], 2)):
        with threadpool_limits(threads):
            models.append(taught({name: talks[name] for name in order}, "t1"))
    for name in models[0]:
        assert np.asarray(models[0][name]).tobytes() == np.asarray(models[1][name]).tobytes()


def test_correlations_are_of_the_overlap() -> None:
    random = np.random.default_rng(0)
    expected, motion = random.normal(size=(2, 40, 6))
    motion[7] = np.nan
    lags = np.array([-30, -5, 0, 5])
    found = correlations(expected, motion, lags)
    assert math.isnan(found[0])  # ten frames overlap: fewer than half
    for lag, value in zip(lags[1:], found[1:], strict=True):
        pairs = [(k, k + lag) for k in range(40) if 0 <= k + lag < 40 and k + lag != 7]
        one, other = expected[[a for a, _ in pairs]], motion[[b for _, b in pairs]]
        one, other = (one - one.mean(axis=0)).ravel(), (other - other.mean(axis=0)).ravel()
        assert value == pytest.approx(one @ other / np.sqrt(one @ one * (other @ other)), abs=1e-12)


@pytest.mark.parametrize(("fps", "shifts"), [(25.0, range(-8, 9)), (29.97, (-7, 0, 3)), (50.0, (-12, 0, 5))])
def test_injected_lags_are_recovered_exactly(talks: Talks, fps: float, shifts: tuple[int, ...]) -> None:
    these = talks if fps == FPS else rendered(fps, 2, 2)
    for speaker, clips in these.items():
        model = taught(these, speaker, fps)
        for clip, track in clips:
            found = [sync_lag(*late(track.landmarks, clip.speech, shift, fps), model, fps=fps) for shift in shifts]
            assert found == list(shifts)
            assert sync_corr(track.landmarks, clip.speech, model, fps=fps) > 0.6


def test_late_swapped_and_still_rank_below_the_real(talks: Talks) -> None:
    for speaker, clips in talks.items():
        model = taught(talks, speaker)
        for clip, track in clips:
            real = sync_corr(track.landmarks, clip.speech, model, fps=FPS)
            held = track.landmarks[np.maximum(np.arange(FRAMES) - 4, 0)]
            still = np.repeat(track.landmarks[:1], FRAMES, axis=0)
            jitter = np.random.default_rng(0).normal(0, 0.05, still.shape).astype(np.float32)
            values = [sync_corr(points, clip.speech, model, fps=FPS) for points in (held, still, still + jitter)]
            values += [
                sync_corr(track.landmarks, other.speech, model, fps=FPS)
                for others in talks.values()
                for other, _ in others
                if other is not clip
            ]
            assert max(values) < real - 0.3
            assert values[1] == 0 and abs(values[2]) < 0.1


def test_a_still_mouth_has_no_correlation_and_no_lag(talk: tuple[np.ndarray, np.ndarray], model: Model) -> None:
    still = np.repeat(talk[0][:1], FRAMES, axis=0)
    stats = measure_sync(still, talk[1], model, FPS, RATE)
    assert SyncCorr().compute(stats) == 0 and math.isnan(SyncLag().compute(stats))
    assert SyncCorr().note(stats) == "0 for 1 of 1 clips: the mouth does not move at all"
    assert SyncLag().note(stats) == "undefined for 1 of 1 clips: the mouth does not move at all"


def test_a_mouth_that_hardly_moves_counts_in_proportion(talk: tuple[np.ndarray, np.ndarray], model: Model) -> None:
    landmarks, speech = talk
    middle = landmarks.mean(axis=0).astype(np.float64)
    full, small = (measure_sync(middle + size * (landmarks - middle), speech, model, FPS, RATE) for size in (1, 0.05))
    assert small["motion"][0] == pytest.approx(0.05 * full["motion"][0], rel=0.1)
    share = small["motion"][0] / 0.25
    assert small["correlation"][0] == pytest.approx(share * full["correlation"][0], rel=0.1)
    assert SyncCorr().note(small) == "the mouth hardly moves in 1 of 1 clips" and SyncCorr().note(full) is None
    assert small["lag_frames"] == full["lag_frames"] == 0


def test_lost_faces_count(talk: tuple[np.ndarray, np.ndarray], model: Model) -> None:
    landmarks, speech = talk[0].copy(), talk[1]
    whole = measure_sync(landmarks, speech, model, FPS, RATE)
    landmarks[10:20] = np.nan
    stats = measure_sync(landmarks, speech, model, FPS, RATE)
    assert stats["faces"] == 40 and stats["lag_frames"] == 0
    assert 0.5 < stats["correlation"][0] < 0.85 * whole["correlation"][0]
    lost = "face found in 40 of 50 generated frames, the others counted as unrelated to the sound"
    assert SyncCorr().note(stats) == lost
    landmarks[8:] = np.nan
    stats = measure_sync(landmarks, speech, model, FPS, RATE)
    assert math.isnan(SyncCorr().compute(stats)) and math.isnan(SyncLag().compute(stats))
    assert "undefined for 1 of 1 clips: fewer than 10 frames that show the mouth" in str(SyncCorr().note(stats))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda points, speech, model: (points, 1e-4 * speech, model), "no sound above -60 dB"),
        (lambda points, speech, model: (points, speech[:0], model), "no sound above -60 dB"),
        (lambda points, speech, model: (points[:9], speech, model), "fewer than 10 frames that show the mouth"),
        (lambda points, speech, model: (points[:1], speech, model), "fewer than 10 frames that show the mouth"),
    ],
)
def test_undefined_is_nan_with_the_reason(
    talk: tuple[np.ndarray, np.ndarray], model: Model, spoil: Callable[..., Any], reason: str
) -> None:
    pair = paired(*spoil(*talk, model))
    for metric in (SyncCorr(), SyncLag()):
        stats = metric.measure(pair)
        assert math.isnan(metric.compute(stats))
        assert metric.note(stats) == f"undefined for 1 of 1 clips: {reason}"
        good = metric.measure(paired(*talk, model))
        assert metric.compute(good + stats) == metric.compute(good)
        assert f"1 of 2 clips: {reason}" in str(metric.note(good + stats))


def test_it_needs_only_the_generated_video_and_its_sound(talk: tuple[np.ndarray, np.ndarray], model: Model) -> None:
    pair = paired(*talk, model)
    assert pair.landmarks is not None
    nobody = FaceTrack(np.full((3, 80, 2), np.nan, np.float32), np.zeros(3, bool), 8, 8)
    other = Clip("t9/z", np.zeros((3, 8, 8, 3), np.uint8), np.zeros(0, np.float32), 50)
    alone = replace(paired(*talk, model, reference=other), landmarks=(nobody, pair.landmarks[1]))
    before = [array.copy() for array in talk]
    for metric in (SyncCorr(), SyncLag()):
        assert not metric.paired and metric.needs_landmarks
        assert metric.compute(metric.measure(alone)) == metric.compute(metric.measure(pair))
    assert all(map(np.array_equal, before, talk))
    landmarks, speech = talk
    assert SyncCorr().compute(SyncCorr().measure(pair)) == sync_corr(landmarks, speech, model, fps=FPS)


def test_the_lag_of_many_clips(talk: tuple[np.ndarray, np.ndarray], model: Model) -> None:
    shifts = (-1, 0, 4)
    one_speaker = {**model, "by_speaker": np.array(False), "clips": np.array(4.0)}
    stats = Stats.join(measure_sync(*late(*talk, shift, FPS), one_speaker, FPS, RATE) for shift in shifts)
    assert stats["lag_frames"].tolist() == list(shifts)
    assert SyncLag().compute(stats) == pytest.approx(5 / 3)
    assert SyncLag().note(stats) == (
        "within one frame: 2 of 3 clips; median +0, positive = video late; the model has learned from 4 clips: "
        "12 or more make it surer; fitted on other clips of the same speaker"
    )


@pytest.mark.parametrize(
    ("lags", "said"),
    [
        ((4, 4, 5), "3 of 3 clips are late by 4 frames, give or take one: one shift mends all"),
        ((-3,) * 9 + (6,), "9 of 10 clips are early by 3 frames, give or take one: one shift mends all"),
        ((2, 2, 3, 3), "4 of 4 clips are late by 2.5 frames, give or take one: one shift mends all"),
        ((1, 1, 2, 2, 1), "5 of 5 clips are late by 1 frame, give or take one: one shift mends all"),
        ((1, 1, 1, 0), None),  # within one frame of none
        ((4, 4, 5, -2), None),  # not nearly all
        ((4, 4), None),
    ],
)
def test_one_lag_that_nearly_all_clips_share_is_called_a_constant_offset(
    talk: tuple[np.ndarray, np.ndarray], model: Model, lags: tuple[int, ...], said: str | None
) -> None:
    row = measure_sync(*talk, model, FPS, RATE)
    stats = Stats.join(Stats(**{**row, "lag_frames": np.array([float(lag)])}) for lag in lags)
    note = str(SyncLag().note(stats))
    assert "shift mends" not in note if said is None else said in note
    assert SyncLag().compute(stats) == pytest.approx(np.abs(lags).mean())


def test_refused_input_says_what_was_expected(talk: tuple[np.ndarray, np.ndarray], model: Model) -> None:
    landmarks, speech = talk
    for message, wrong in (
        ("weights", lambda: sync_corr(landmarks, speech, {**model, "weights": np.zeros((3, 6))}, fps=FPS)),
        ("positive rate", lambda: sync_corr(landmarks, speech, model, fps=0)),
        (r"floats \(frames, 80, 2\)", lambda: sync_corr(landmarks[:, :5], speech, model, fps=FPS)),
        ("finite floats", lambda: sync_lag(landmarks, speech * np.nan, model, fps=FPS)),
        ("moving mouth", lambda: fit({"t1": [(np.repeat(landmarks[:1], FRAMES, axis=0), speech)]}, fps=FPS)),
        ("moving mouth", lambda: fit({}, fps=FPS)),
        ("landmarks of the generated", lambda: SyncCorr().measure(replace(paired(*talk, model), landmarks=None))),
    ):
        with pytest.raises(LsbenchError, match=message):
            wrong()


class Exact(FaceTracker):
    """A tracker that knows the toy clips by their number of frames."""

    def measure_cached(self, video: Film | Clip, content_sha256: str) -> FaceTrack:
        speaker, number = video.id.split("/")
        return synthetic.render(int(speaker[1:]), int(number[1:]), frames=len(video), size=48)[1]


def test_a_speakers_own_clips_do_not_reach_its_model(tmp_path: Path) -> None:
    tracker = Exact(tmp_path, "0" * 64)
    models = []
    for name, noise in (("as spoken", 0.0), ("t1 corrupted", 0.3)):
        folder = tmp_path / name
        for clip_id, speaker in synthetic.manifest(3, 1):
            clip, _ = synthetic.render(int(speaker[1:]), 0, frames=30, size=48)
            added = noise * (speaker == "t1") * np.random.default_rng(0).normal(0, 1, len(clip.speech))
            speech = np.clip(clip.speech + added, -1, 1).astype(np.float32)
            write_clip(folder / f"{clip_id}.mkv", clip.frames, speech, FPS, sample_rate=RATE)
        bench = protocol.from_folder(folder)
        errors: list[LsbenchError] = []
        models.append(learn.fit([SyncRidge()], bench, Context(bench, tracker), 1, on_error=errors.append))
        assert not errors
    first, second = ({clip: found[SyncRidge().signature]["weights"] for clip, found in one.items()} for one in models)
    assert list(first) == ["t1/a0", "t2/a0", "t3/a0"]
    assert np.array_equal(first["t1/a0"], second["t1/a0"])
    assert not np.array_equal(first["t2/a0"], second["t2/a0"])


@pytest.mark.slow
def test_real_clips_of_unheard_speakers(grid: Path) -> None:
    try:
        tracker = FaceTracker(*weights.require("face_landmarker", offline=True))
    except WeightsError as missing:
        pytest.skip(str(missing))
    talks: Talks = {}
    for clip_id, path in find_clips(grid).items():
        clips = talks.setdefault(clip_id.split("/")[0], [])
        if len(talks) <= 3 and len(clips) < 2:
            clip = read_clip(path, clip_id)
            clips.append((clip, tracker.measure_cached(clip, content_sha256(path))))
    talks = {speaker: clips for speaker, clips in talks.items() if clips}
    lags, above = [], []
    for speaker, clips in talks.items():
        model = taught(talks, speaker)
        for clip, track in clips:
            points = tracked_landmarks(track)
            real = sync_corr(points, clip.speech, model, fps=clip.fps)
            held = points[np.maximum(np.arange(len(points)) - 4, 0)]
            worse = [sync_corr(held, clip.speech, model, fps=clip.fps)]
            worse += [
                sync_corr(points, other.speech, model, fps=clip.fps)
                for others in talks.values()
                for other, _ in others
                if other is not clip
            ]
            above += [real > value for value in worse]
            lags.append(sync_lag(points, clip.speech, model, fps=clip.fps))
    assert np.mean(above) >= 0.95
    assert np.mean(np.abs(lags) <= 1) >= 0.8
