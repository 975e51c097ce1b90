"""Sync without a network: does a mouth move as its speech moves the mouths of other people, and how late?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.landmarks import mean_defined, tracked_landmarks
from lsbench.metrics._base.learner import Learner, Model
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync.agreement import correlations, interval_of_mean
from lsbench.metrics._sync.corpus_zero import CorpusZero
from lsbench.metrics._sync.measure import FULL_MOTION, MEASURED, PEAK_S, REASONS, STILL, TEACHING, measure_sync
from lsbench.metrics._sync.shipped import shipped_digest, shipped_model
from lsbench.metrics._sync.sync_ridge import SyncRidge

__all__ = ["SyncCorr", "SyncLag", "SyncPeak", "correlations", "measure_sync", "sync_corr", "sync_lag", "sync_peak"]

MODELS = ("protocol", "shipped")
ZEROS = ("own", "corpus")
FEW_CLIPS = 12  # to learn from: with fewer the note says so
OF_ONE_LAG = 0.9  # of the clips within one frame of their median lag: they share one offset
FEW_LAGS = 3  # with fewer there is none to share


def sync_corr(
    landmarks: np.ndarray, speech: np.ndarray, model: Model | None = None, *, fps: float, sample_rate: int = 16000
) -> float:
    """Sync of mouth and speech in one clip (see SyncCorr).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN where no face was found.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        model: of lsbench.metrics._sync.sync_ridge.fit(), of other speakers; the one that comes with lsbench where
            there is none.
        fps: of the video.
        sample_rate: of the sound, Hz.

    Returns:
        -1 to 1; NaN where it is undefined.
    """
    return float(measure_sync(landmarks, speech, model, fps, sample_rate)["correlation"][0])


def sync_lag(
    landmarks: np.ndarray, speech: np.ndarray, model: Model | None = None, *, fps: float, sample_rate: int = 16000
) -> float:
    """By how much the video of one clip is late (see SyncLag).

    Args:
        landmarks, speech, model, fps, sample_rate: as for sync_corr().

    Returns:
        Whole frames, positive where the video is late; NaN where it is undefined.
    """
    return float(np.rint(measure_sync(landmarks, speech, model, fps, sample_rate)["lag_frames"][0]))


def sync_peak(landmarks: np.ndarray, speech: np.ndarray, *, fps: float, sample_rate: int = 16000) -> float:
    """Sync of mouth and speech in one clip, wherever its zero is (see SyncPeak).

    Args:
        landmarks, speech, fps, sample_rate: as for sync_corr().

    Returns:
        About 0 where they have nothing to do with each other, at most 1; NaN where it is undefined.
    """
    return float(measure_sync(landmarks, speech, shipped_model(), fps, sample_rate)["peak"][0])


@dataclass(frozen=True, kw_only=True)
class _Sync(Metric):
    """What the three metrics measure."""

    source: ClassVar[str] = "docs/sync.md of lsbench"
    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    needs_speech: ClassVar[bool] = True
    paired: ClassVar[bool] = False
    lost: ClassVar[str] = "left out"

    @property
    def self_taught(self) -> bool:
        return True

    @property
    def signature(self) -> str:
        """As of any metric, and which shipped model there is, for any run may need it."""
        return f"{super().signature}|shipped:{shipped_digest()}"

    def measure(self, pair: ClipPair) -> Stats:
        """The row of measure_sync()."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.reference.id}: {self.name} needs the landmarks of the generated clip")
        clip, points = pair.generated, tracked_landmarks(pair.landmarks[1])
        learner = self._teacher
        model, asked = (pair.models.get(learner.signature), False) if learner else (None, True)
        return pair.once(
            ("sync", learner.signature if learner else "shipped"),
            lambda: measure_sync(points, clip.speech, model, clip.fps, clip.sample_rate, asked=asked),
        )

    @property
    def _teacher(self) -> Learner | None:
        """What the model that measures is learned by; None for the shipped one."""
        return None

    def note(self, stats: Stats) -> str | None:
        parts = self._facts(stats)
        faces, frames = stats["faces"].sum(), stats["frames"].sum()
        if faces < frames:
            parts.append(f"face found in {faces} of {frames} generated frames, the others {self.lost}")
        for outcome, reason in REASONS.items():
            count = np.count_nonzero(stats["outcome"] == outcome)
            if count:
                parts.append(f"{self._without(outcome)} {count} of {stats.rows} clips: {reason}")
        for why, reason in TEACHING.items():
            if count := np.count_nonzero(stats["taught"] == why):
                whose = "by the model that comes with lsbench, fitted on GRID, "
                parts.append(f"{whose}in {count} of {stats.rows} clips: {reason}")
        if (fewest := stats["learned_from"].min()) < FEW_CLIPS:
            parts.append(f"the model has learned from {fewest} clips: {FEW_CLIPS} or more make it surer")
        if not stats["by_speaker"].all():
            parts.append("fitted on other clips of the same speaker")
        return "; ".join(parts) or None

    def _facts(self, stats: Stats) -> list[str]:
        return []

    def _without(self, outcome: int) -> str:
        return "undefined for"


@dataclass(frozen=True, kw_only=True)
class _Taught(_Sync):
    """Those that learn from the protocol's clips, where it has some."""

    model: str = field(default=MODELS[0], metadata={"choices": MODELS})

    @property
    def learner(self) -> Learner | None:
        return self._teacher

    @property
    def _teacher(self) -> Learner | None:
        return SyncRidge() if self.model == "protocol" else None


@dataclass(frozen=True, kw_only=True)
class SyncCorr(_Taught):
    """How well the mouth's motion follows from the speech: about 0 for any mouth under other speech, at most 1.

    A ridge regression fitted on the reference clips of the other speakers (see SyncRidge) predicts six mouth signals
    from the speech. The value of a clip is one correlation of prediction and measured motion over all frames and
    signals, with the video as it stands; then the mean over clips. A mouth that moves less than a quarter as much as
    those of other speakers (root mean square over the signals of the ratio of spreads) counts in proportion, so that
    the tracker's jitter on a still mouth does not count; one that does not move at all has 0. Frames without a face
    are left out of the correlation, which then counts by the share of the frames that show one.

    With model=shipped, and where the protocol has nothing to learn from, the prediction is that of the model that
    comes with lsbench (see lsbench.metrics._sync.shipped).
    """

    name: ClassVar[str] = "sync_corr"
    by_segment: ClassVar[bool] = True
    asks: ClassVar[str] = "Does the mouth move as this speech moves the mouths of other people?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    lost: ClassVar[str] = "counted as unrelated to the sound"

    def compute(self, stats: Stats) -> float:
        """The mean over clips where it is defined."""
        return mean_defined(stats["correlation"])

    def within(self, parts: Sequence[Stats]) -> tuple[float, float]:
        """By moving blocks of 1 s of each clip (see standard_error())."""
        stats = Stats.join(parts)
        return interval_of_mean(stats["correlation"], stats["error"], stats["freedom"])

    def _facts(self, stats: Stats) -> list[str]:
        return _faint(stats)

    def _without(self, outcome: int) -> str:
        return "0 for" if outcome == STILL else "undefined for"


@dataclass(frozen=True, kw_only=True)
class SyncPeak(_Sync):
    """How well the mouth's motion follows from the speech at whatever lag it does best: about 0 for other speech.

    The model that comes with lsbench predicts six mouth signals from the speech. r is the highest correlation of
    prediction and measured motion within 0.32 s to either side; s the standard deviation of a correlation of two such
    courses that have nothing to do with each other (Bartlett's formula, from this clip's own courses); c = 1.75 s is
    what the highest then is on average. The value is (r - c) / (1 - c), with the discounts of SyncCorr; the mean over
    clips. A constant delay of up to 0.32 s costs nothing, so that clips of any corpus may be measured. The note has
    the lag, looked for within 0.48 s as that of sync_lag is, and r / s as a confidence.
    """

    name: ClassVar[str] = "sync_peak"
    by_segment: ClassVar[bool] = True
    asks: ClassVar[str] = "Does the mouth follow the speech, at whatever delay?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    lost: ClassVar[str] = "counted as unrelated to the sound"

    model: str = field(default="shipped", metadata={"choices": ("shipped",)})

    def compute(self, stats: Stats) -> float:
        """The mean over clips where it is defined."""
        return mean_defined(stats["peak"])

    def within(self, parts: Sequence[Stats]) -> tuple[float, float]:
        """By moving blocks of 1 s of each clip, at the lag that was found (see standard_error())."""
        stats = Stats.join(parts)
        return interval_of_mean(stats["peak"], stats["peak_error"], stats["peak_freedom"])

    def _facts(self, stats: Stats) -> list[str]:
        there = stats["outcome"] == MEASURED
        if not there.any():
            return []
        lag, sure = np.median(stats["lag_frames"][there]), np.median(stats["confidence"][there])
        said = f"median lag {lag:+.1f} frames, positive = video late: up to {PEAK_S} s a constant one costs nothing"
        return [f"{said}; {sure:.1f} standard deviations above chance", *_faint(stats)]

    def _without(self, outcome: int) -> str:
        return "0 for" if outcome == STILL else "undefined for"


@dataclass(frozen=True, kw_only=True)
class SyncLag(_Taught):
    """How many frames the lips are off: the mean over clips of the size of each clip's lag, which is a whole number.

    A clip's lag is the shift of the video against the speech, within 0.48 s, at which the correlation of SyncCorr is
    highest; positive where the video is late. The note says how many clips are within one frame of no lag, and where
    nearly all are instead within one frame of another lag that they share. With zero=corpus it is measured by the
    model that comes with lsbench, against the median lag of the reference clips of other speakers.
    """

    name: ClassVar[str] = "sync_lag"
    asks: ClassVar[str] = "By how many frames are the lips late or early?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    zero: str = field(default=ZEROS[0], metadata={"choices": ZEROS})

    @property
    def learner(self) -> Learner | None:
        return CorpusZero() if self.zero == "corpus" else self._teacher

    @property
    def self_taught(self) -> bool:
        return self.zero == "own"

    @property
    def _teacher(self) -> Learner | None:
        return None if self.zero == "corpus" else super()._teacher

    def measure(self, pair: ClipPair) -> Stats:
        """The row of measure_sync(), its lag a whole number of frames from the zero that was asked for."""
        row, zero = super().measure(pair), 0.0
        if self.zero == "corpus":
            found = pair.models.get(CorpusZero().signature, {})
            zero = float(found.get("zero_s", math.nan)) * pair.generated.fps
        return Stats(**{**row, "lag_frames": np.rint(row["lag_frames"] - zero), "zero_frames": np.array([zero])})

    def compute(self, stats: Stats) -> float:
        """The mean size of the lag over clips where it is defined, in frames."""
        return mean_defined(np.abs(stats["lag_frames"]))

    def _facts(self, stats: Stats) -> list[str]:
        lags = stats["lag_frames"][stats["outcome"] == MEASURED]
        facts = []
        if lacking := np.count_nonzero(np.isnan(stats["zero_frames"])):
            facts.append(f"undefined for {lacking} of {stats.rows} clips: no lag of a reference clip of others")
        elif self.zero == "corpus":
            zero = np.median(stats["zero_frames"])
            facts.append(f"from the median lag of others' reference clips, {zero:+.1f} frames by the shipped model")
        lags = lags[~np.isnan(lags)]
        if not len(lags):
            return facts
        near, median = np.count_nonzero(np.abs(lags) <= 1), np.median(lags)
        facts.append(f"within one frame: {near} of {len(lags)} clips; median {median:+.0f}, positive = video late")
        alike = np.count_nonzero(np.abs(lags - median) <= 1)
        if len(lags) >= FEW_LAGS and alike >= OF_ONE_LAG * len(lags) > near:
            way = "late" if median > 0 else "early"
            frames = "1 frame" if abs(median) == 1 else f"{abs(median):g} frames"
            shared = f"{alike} of {len(lags)} clips are {way} by {frames}, give or take one"
            facts.append(f"{shared}: one shift mends all (docs/sync-zero.md)")
        return facts


def _faint(stats: Stats) -> list[str]:
    faint = np.count_nonzero((stats["outcome"] == MEASURED) & (stats["motion"] < FULL_MOTION))
    return [f"the mouth hardly moves in {faint} of {stats.rows} clips"] if faint else []
