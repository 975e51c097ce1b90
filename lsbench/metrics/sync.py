"""Sync without a network: does a mouth move as its speech moves the mouths of other people, and how late?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.landmarks import mean_defined, tracked_landmarks
from lsbench.metrics._base.learner import Learner, Model
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync.mouth_signals import SIGNALS, mouth_signals, standard_deviations, standardised
from lsbench.metrics._sync.sync_ridge import FEATURES, SyncRidge, predicted

REACH_S = 0.48  # lags are looked for this far to both sides: 12 frames of 25 a second
MIN_FRAMES = 10  # that show the mouth, at every lag
FULL_MOTION = 0.25  # of other speakers' motion: a mouth that moves less counts in proportion
FEW_CLIPS = 12  # to learn from: with fewer the note says so
SILENT_PEAK = 1e-3  # of full scale, -60 dB
OF_ONE_LAG = 0.9  # of the clips within one frame of their median lag: they share one offset
FEW_LAGS = 3  # with fewer there is none to share

MEASURED, UNTAUGHT, SILENT, UNSEEN, STILL, NOT_SPOKEN = range(6)
REASONS = {
    UNTAUGHT: "no clip of others to learn from",
    SILENT: "no sound above -60 dB",
    UNSEEN: f"fewer than {MIN_FRAMES} frames that show the mouth",
    STILL: "the mouth does not move at all",
    NOT_SPOKEN: "the reference clips are silent, so there is no speech to learn from",
}


def sync_corr(
    landmarks: np.ndarray, speech: np.ndarray, model: Model, *, fps: float, sample_rate: int = 16000
) -> float:
    """Sync of mouth and speech in one clip (see SyncCorr).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN where no face was found.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        model: of lsbench.metrics._sync.sync_ridge.fit(), of other speakers.
        fps: of the video.
        sample_rate: of the sound, Hz.

    Returns:
        -1 to 1; NaN where it is undefined.
    """
    return float(measure_sync(landmarks, speech, model, fps, sample_rate)["correlation"][0])


def sync_lag(landmarks: np.ndarray, speech: np.ndarray, model: Model, *, fps: float, sample_rate: int = 16000) -> float:
    """By how much the video of one clip is late (see SyncLag).

    Args:
        landmarks, speech, model, fps, sample_rate: as for sync_corr().

    Returns:
        Frames, positive where the video is late; NaN where it is undefined.
    """
    return float(measure_sync(landmarks, speech, model, fps, sample_rate)["lag_frames"][0])


def measure_sync(landmarks: np.ndarray, speech: np.ndarray, model: Model | None, fps: float, sample_rate: int) -> Stats:
    """One row of a clip: correlation at lag 0 with its discounts; lag_frames, of the highest correlation; motion of the
    mouth over that of other speakers; frames, and faces found in them; outcome, a key of REASONS; learned_from, clips;
    by_speaker."""
    if not fps > 0:
        raise MetricError(f"sync: {fps} frames a second; expected a positive rate")
    if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
        raise MetricError(f"sync: speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
    signals = mouth_signals(landmarks, fps)
    shown = np.count_nonzero(np.isfinite(signals).all(axis=1))
    row: dict[str, float] = {"correlation": math.nan, "lag_frames": math.nan, "motion": math.nan}
    if model is None or not model["clips"] > 0:
        row["outcome"] = NOT_SPOKEN if model is not None and model.get("silent") else UNTAUGHT
    elif not np.abs(speech).max(initial=0) >= SILENT_PEAK:
        row["outcome"] = SILENT
    elif shown < MIN_FRAMES:
        row["outcome"] = UNSEEN
    else:
        row |= _compare(signals, predicted(_checked(model), speech, len(signals), fps, sample_rate), model, fps)
    faces = np.count_nonzero(np.isfinite(signals[:, 0]))
    return Stats(
        correlation=np.array([row["correlation"] * faces / len(signals)]),
        lag_frames=np.array([row["lag_frames"]]),
        motion=np.array([row["motion"]]),
        outcome=np.array([row["outcome"]], np.int64),
        faces=np.array([faces], np.int64),
        frames=np.array([len(signals)], np.int64),
        learned_from=np.array([model["clips"] if model else 0], np.int64),
        by_speaker=np.array([bool(model.get("by_speaker", True)) if model else True]),
    )


def correlations(expected: np.ndarray, motion: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Correlation of expected and standardised motion, both (T, 6), for each of L lags in frames: float64 (L,).

    One correlation over all frames and all six signals, each centred over the frames that count: those whose motion is
    known `lag` frames after them. NaN where there are fewer than MIN_FRAMES or than half of all that are known.
    """
    known = np.isfinite(motion).all(axis=1)
    least = max(MIN_FRAMES, np.count_nonzero(known) / 2)
    out = np.full(len(lags), np.nan)
    for place, lag in enumerate(lags):
        heard = np.arange(max(0, -lag), len(motion) - max(0, lag))
        heard = heard[known[heard + lag]] if len(heard) else heard
        if len(heard) >= least:
            one, other = (values - values.mean(axis=0) for values in (expected[heard], motion[heard + lag]))
            size = math.sqrt(np.sum(one**2) * np.sum(other**2))
            out[place] = np.sum(one * other) / size if size > 0 else 0.0
    return out


def _compare(signals: np.ndarray, expected: np.ndarray, model: Model, fps: float) -> dict[str, float]:
    motion = standardised(signals)
    if not np.nansum(np.abs(motion)) > 0:
        return {"correlation": 0.0, "motion": 0.0, "outcome": STILL}
    reach = round(REACH_S * fps)
    lags = np.arange(-reach, reach + 1)
    found = correlations(expected, motion, lags)
    moved = float(np.sqrt(np.mean((standard_deviations(signals) / model["spread"]) ** 2)))
    return {
        "correlation": found[reach] * min(1.0, moved / FULL_MOTION),
        "lag_frames": float(lags[np.nanargmax(found)]),
        "motion": moved,
        "outcome": MEASURED,
    }


def _checked(model: Model) -> Model:
    shapes = {"weights": (FEATURES, len(SIGNALS)), "spread": (len(SIGNALS),)}
    for name, shape in shapes.items():
        if name not in model or np.shape(model[name]) != shape:
            raise MetricError(f"sync: the model's {name} is not {shape}; expected what sync_ridge.fit() returns")
    return model


@dataclass(frozen=True, kw_only=True)
class _Sync(Metric):
    """What both metrics measure."""

    source: ClassVar[str] = "docs/sync.md of lsbench"
    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    needs_speech: ClassVar[bool] = True
    paired: ClassVar[bool] = False
    lost: ClassVar[str] = "left out"

    @property
    def learner(self) -> Learner:
        return SyncRidge()

    def measure(self, pair: ClipPair) -> Stats:
        """The row of measure_sync()."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.reference.id}: {self.name} needs the landmarks of the generated clip")
        clip, points = pair.generated, tracked_landmarks(pair.landmarks[1])
        model = pair.models.get(self.learner.signature)
        return pair.once(
            ("sync", self.learner.signature),
            lambda: measure_sync(points, clip.speech, model, clip.fps, clip.sample_rate),
        )

    def note(self, stats: Stats) -> str | None:
        parts = self._facts(stats)
        faces, frames = stats["faces"].sum(), stats["frames"].sum()
        if faces < frames:
            parts.append(f"face found in {faces} of {frames} generated frames, the others {self.lost}")
        for outcome, reason in REASONS.items():
            count = np.count_nonzero(stats["outcome"] == outcome)
            if count:
                parts.append(f"{self._without(outcome)} {count} of {stats.rows} clips: {reason}")
        learned_from = stats["learned_from"][stats["learned_from"] > 0]
        if len(learned_from) and learned_from.min() < FEW_CLIPS:
            parts.append(f"the model has learned from {learned_from.min()} clips: {FEW_CLIPS} or more make it surer")
        if not stats["by_speaker"].all():
            parts.append("fitted on other clips of the same speaker")
        return "; ".join(parts) or None

    def _facts(self, stats: Stats) -> list[str]:
        return []

    def _without(self, outcome: int) -> str:
        return "undefined for"


@dataclass(frozen=True, kw_only=True)
class SyncCorr(_Sync):
    """How well the mouth's motion follows from the speech: about 0 for any mouth under other speech, at most 1.

    A ridge regression fitted on the reference clips of the other speakers (see SyncRidge) predicts six mouth signals
    from the speech. The value of a clip is one correlation of prediction and measured motion over all frames and
    signals, with the video as it stands; then the mean over clips. A mouth that moves less than a quarter as much as
    those of other speakers (root mean square over the signals of the ratio of spreads) counts in proportion, so that
    the tracker's jitter on a still mouth does not count; one that does not move at all has 0. Frames without a face
    are left out of the correlation, which then counts by the share of the frames that show one.
    """

    name: ClassVar[str] = "sync_corr"
    by_segment: ClassVar[bool] = True
    asks: ClassVar[str] = "Does the mouth move as this speech moves the mouths of other people?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    lost: ClassVar[str] = "counted as unrelated to the sound"

    def compute(self, stats: Stats) -> float:
        """The mean over clips where it is defined."""
        return mean_defined(stats["correlation"])

    def _facts(self, stats: Stats) -> list[str]:
        faint = np.count_nonzero((stats["outcome"] == MEASURED) & (stats["motion"] < FULL_MOTION))
        return [f"the mouth hardly moves in {faint} of {stats.rows} clips"] if faint else []

    def _without(self, outcome: int) -> str:
        return "0 for" if outcome == STILL else "undefined for"


@dataclass(frozen=True, kw_only=True)
class SyncLag(_Sync):
    """How many frames the lips are off: the mean over clips of the size of each clip's lag, which is a whole number.

    A clip's lag is the shift of the video against the speech, within 0.48 s, at which the correlation of SyncCorr is
    highest; positive where the video is late. The note says how many clips are within one frame of no lag, and where
    nearly all are instead within one frame of another lag that they share.
    """

    name: ClassVar[str] = "sync_lag"
    asks: ClassVar[str] = "By how many frames are the lips late or early?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"

    def compute(self, stats: Stats) -> float:
        """The mean size of the lag over clips where it is defined, in frames."""
        return mean_defined(np.abs(stats["lag_frames"]))

    def _facts(self, stats: Stats) -> list[str]:
        lags = stats["lag_frames"][stats["outcome"] == MEASURED]
        if not len(lags):
            return []
        near, median = np.count_nonzero(np.abs(lags) <= 1), np.median(lags)
        facts = [f"within one frame: {near} of {len(lags)} clips; median {median:+.0f}, positive = video late"]
        alike = np.count_nonzero(np.abs(lags - median) <= 1)
        if len(lags) >= FEW_LAGS and alike >= OF_ONE_LAG * len(lags) > near:
            way = "late" if median > 0 else "early"
            frames = "1 frame" if abs(median) == 1 else f"{abs(median):g} frames"
            shared = f"{alike} of {len(lags)} clips are {way} by {frames}, give or take one"
            facts.append(f"{shared}: one shift mends all (docs/sync-zero.md)")
        return facts
