"""What speech does to a mouth, as a ridge regression fitted on real clips: the model behind sync_corr and sync_lag."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.errors import MetricError
from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.spectra import LOG_MEL_BANDS, log_mel
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.learner import Learner, Model, Moments
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync.mouth_signals import SIGNALS, mouth_signals, standard_deviations, standardised

TAPS_S = np.linspace(-0.16, 0.16, 9)  # instants at which a frame's speech is heard, from the frame's own
FEATURES = len(TAPS_S) * LOG_MEL_BANDS
PENALTIES = (0.1, 0.3, 1.0, 3.0, 10.0)
PENALTY = 3.0  # where there is one training speaker, so that there is none to choose with
FOLDS = 5  # in which the training speakers are held out to choose the penalty


@dataclass(frozen=True)
class SyncRidge(Learner):
    """Ridge regression from a log-mel context of +-160 ms to the six mouth signals.

    The speech around a frame (40 log-mel bands at 9 instants 40 ms apart) has its mean and its standard deviation taken
    out clip by clip, over all bands and instants at once; each mouth signal is standardised clip by clip. With X and Y
    these of all training frames that show the mouth, each column centred within its clip, and N their number, the
    weights are W = (X'X / N + p m I)^-1 X'Y / N, m the mean of the diagonal of X'X / N. The penalty p is the one of
    PENALTIES whose predictions correlate best with the training speakers held out in up to FOLDS groups, in turn.
    """

    needs_pictures: ClassVar[bool] = False

    @property
    def signature(self) -> str:
        return "sync_ridge.1"

    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        """speech: float32 (T, 360); motion: float64 (T, 6), NaN where the mouth is not seen."""
        return _frames(tracked_landmarks(track), clip.speech, clip.fps, clip.sample_rate)

    def moments(self, stats: Stats) -> Moments:
        """xx (360, 360), xy (360, 6), yy (6,): sums of products; frames; spread (6,), clips: sums of deviations."""
        motion = standardised(stats["motion"])
        shown = np.isfinite(motion).all(axis=1)
        speech = stats["speech"][shown].astype(np.float64)
        if len(speech):
            speech -= speech.mean(axis=0)
        if not speech.any() or not motion[shown].any():
            return _nothing()
        return {
            "xx": np.einsum("tx,tz->xz", speech, speech),
            "xy": np.einsum("tx,ty->xy", speech, motion[shown]),
            "yy": np.square(motion[shown]).sum(axis=0),
            "frames": np.array(float(np.count_nonzero(shown))),
            "spread": standard_deviations(stats["motion"]),
            "clips": np.array(1.0),
        }

    def solve(self, groups: Mapping[str, Moments]) -> Model:
        """weights (360, 6); penalty; spread (6,): the mean over clips of each signal's; clips: that it learned from."""
        from threadpoolctl import threadpool_limits

        kept = [groups[name] for name in sorted(groups) if groups[name]["frames"] > 0]
        total = _sum(kept)
        with threadpool_limits(1, "blas"):  # the last bits of a decomposition depend on the number of threads
            penalty = _penalty(kept, total)
            weights = _Solver(total).weights(penalty) if kept else total["xy"]
        return {
            "weights": weights,
            "penalty": np.array(penalty),
            "spread": total["spread"] / np.maximum(total["clips"], 1),
            "clips": total["clips"],
        }


def fit(
    talkers: Mapping[str, Iterable[tuple[np.ndarray, np.ndarray]]], *, fps: float, sample_rate: int = 16000
) -> Model:
    """The model of real clips, by speaker: (landmarks float (T, 80, 2) px, speech float (N,) in [-1, 1]) of each.

    Landmarks are NaN in frames without a face. Leave out the speaker that the model is to score.
    """
    learner = SyncRidge()
    groups = {
        speaker: _sum([learner.moments(_frames(landmarks, speech, fps, sample_rate)) for landmarks, speech in clips])
        for speaker, clips in talkers.items()
    }
    model = learner.solve(groups)
    if not model["clips"] > 0:
        raise MetricError(f"sync: no clip of {len(groups)} speakers shows a moving mouth; expected at least one")
    return model


def predicted(model: Model, speech: np.ndarray, frames: int, fps: float, sample_rate: int) -> np.ndarray:
    """The motion that speech suggests for each frame, in standard deviations: float64 (frames, 6)."""
    motion: np.ndarray = np.einsum("tx,xy->ty", _heard(speech, frames, fps, sample_rate), model["weights"])
    return motion


def _frames(landmarks: np.ndarray, speech: np.ndarray, fps: float, sample_rate: int) -> Stats:
    heard = _heard(speech, len(landmarks), fps, sample_rate)
    return Stats(speech=heard.astype(np.float32), motion=mouth_signals(landmarks, fps))


def _heard(speech: np.ndarray, frames: int, fps: float, sample_rate: int) -> np.ndarray:
    """Speech around the instant k / fps of each frame k, normalised over the clip: float64 (frames, 360)."""
    instants_s = np.arange(frames)[:, None] / fps + TAPS_S
    levels: np.ndarray = log_mel(speech, instants_s, sample_rate).reshape(frames, FEATURES)
    levels -= levels.mean()
    deviation = levels.std()
    if deviation > 0:
        levels /= deviation
    return levels


def _nothing() -> dict[str, np.ndarray]:
    signals = len(SIGNALS)
    empty = {"xx": np.zeros((FEATURES, FEATURES)), "xy": np.zeros((FEATURES, signals)), "yy": np.zeros(signals)}
    return empty | {"frames": np.zeros(()), "spread": np.zeros(signals), "clips": np.zeros(())}


def _sum(parts: list[Moments]) -> dict[str, np.ndarray]:
    total = _nothing()
    for part in parts:
        total = {name: values + part[name] for name, values in total.items()}
    return total


class _Solver:
    """One decomposition of X'X for many penalties."""

    def __init__(self, moments: Moments) -> None:
        values, self.vectors = np.linalg.eigh(moments["xx"] / moments["frames"])
        self.values = np.maximum(values, 0)
        self.turned = self.vectors.T @ (moments["xy"] / moments["frames"])

    def weights(self, penalty: float) -> np.ndarray:
        weights: np.ndarray = self.vectors @ (self.turned / (self.values + penalty * self.values.mean())[:, None])
        return weights


def _penalty(kept: list[Moments], total: Moments) -> float:
    """The penalty with the highest mean correlation over the groups of speakers held out."""
    folds = min(FOLDS, len(kept))
    if folds < 2:
        return PENALTY
    scores = np.zeros(len(PENALTIES))
    for fold in range(folds):
        held = _sum(kept[fold::folds])
        solver = _Solver({name: total[name] - held[name] for name in total})
        for place, penalty in enumerate(PENALTIES):
            weights = solver.weights(penalty)
            variance = np.sum(weights * (held["xx"] @ weights)) * held["yy"].sum()
            scores[place] += np.sum(weights * held["xy"]) / np.sqrt(variance)
    return PENALTIES[int(scores.argmax())]
