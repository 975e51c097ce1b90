"""One clip's mouth beside what its speech leads one to expect: what the three sync metrics keep of it."""

from __future__ import annotations

import math

import numpy as np

from lsbench.errors import MetricError
from lsbench.metrics._base.learner import Model
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sync import shipped
from lsbench.metrics._sync.agreement import MIN_FRAMES, chance, correlations, standard_error, summit
from lsbench.metrics._sync.mouth_signals import SIGNALS, mouth_signals, standard_deviations, standardised
from lsbench.metrics._sync.sync_ridge import FEATURES, predicted

REACH_S = 0.48  # lags are looked for this far to both sides: 12 frames of 25 a second
FULL_MOTION = 0.25  # of other speakers' motion: a mouth that moves less counts in proportion
SILENT_PEAK = 1e-3  # of full scale, -60 dB
LEAST_S = 0.5  # that shows the mouth, for the shipped model
PEAK_S = 0.32  # a delay up to which costs sync_peak nothing: 8 frames of 25 a second
BY_CHANCE = 1.75  # standard deviations: the highest correlation up to PEAK_S, on average, where nothing agrees
MOST_CHANCE = 0.9  # of a correlation, that chance is taken to reach

MEASURED, UNTAUGHT, SILENT, UNSEEN, STILL, NOT_SPOKEN, ASKED, BRIEF = range(8)
REASONS = {
    SILENT: "no sound above -60 dB",
    UNSEEN: f"fewer than {MIN_FRAMES} frames that show the mouth",
    BRIEF: f"less than {LEAST_S:g} s that shows the mouth",
    STILL: "the mouth does not move at all",
}
TEACHING = {  # why the shipped model was taken, beside that it was asked for
    UNTAUGHT: "no clip of others to learn from",
    NOT_SPOKEN: "the reference clips are silent, so there is no speech to learn from",
}

_NOTHING = dict.fromkeys(
    ("correlation", "error", "freedom", "lag_frames", "peak", "peak_error", "peak_freedom", "confidence", "motion"),
    math.nan,
)


def measure_sync(
    landmarks: np.ndarray,
    speech: np.ndarray,
    model: Model | None,
    fps: float,
    sample_rate: int,
    *,
    asked: bool = False,
) -> Stats:
    """One row of a clip.

    Args:
        landmarks: floating point (T, 80, 2) px, NaN where no face was found.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        model: of the protocol's other clips, or of lsbench.metrics._sync.shipped; the latter where it is None, or has
            learned from nothing.
        fps: of the video.
        sample_rate: of the sound, Hz.
        asked: whether the shipped model is what was asked for.

    Returns:
        correlation at lag 0 with its discounts, error, its standard error, and freedom, that error's degrees of
        freedom; lag_frames, of the highest correlation; by the shipped model peak, the highest up to PEAK_S above
        chance with its discounts, peak_error, peak_freedom, and confidence, that highest one in standard deviations of
        chance(); motion of the mouth over that of other speakers; zero_frames, 0; outcome, MEASURED or a key of
        REASONS; taught, MEASURED where the protocol's model was there, else why it was not; faces found, frames;
        learned_from, clips; by_speaker.
    """
    if not fps > 0:
        raise MetricError(f"sync: {fps} frames a second; expected a positive rate")
    if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
        raise MetricError(f"sync: speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
    signals = mouth_signals(landmarks, fps)
    faces = np.count_nonzero(np.isfinite(signals[:, 0]))
    shown = np.count_nonzero(np.isfinite(signals).all(axis=1))
    taught = MEASURED
    if model is None or not model["clips"] > 0:
        taught = ASKED if asked else NOT_SPOKEN if model is not None and model.get("silent") else UNTAUGHT
        model = shipped.shipped_model()
    general = np.shape(model.get("weights", ())) == (shipped.FEATURES, len(SIGNALS))
    rate = shipped.RATE if general else fps
    course = shipped.mouth_course(landmarks, fps) if general else signals
    row: dict[str, float] = dict(_NOTHING)
    if not np.abs(speech).max(initial=0) >= SILENT_PEAK:
        row["outcome"] = SILENT
    elif shown < MIN_FRAMES:
        row["outcome"] = UNSEEN
    elif general and np.count_nonzero(np.isfinite(course).all(axis=1)) < LEAST_S * shipped.RATE:
        row["outcome"] = BRIEF
    else:
        _check(model, shipped.FEATURES if general else FEATURES)
        if general:
            expected = shipped.expected_course(model, speech, len(course), sample_rate)
        else:
            expected = predicted(model, speech, len(course), fps, sample_rate)
        row |= _compare(course, expected, model, rate, general)
        row["lag_frames"] *= fps / rate
    for value in ("correlation", "error", "peak", "peak_error"):
        row[value] = row[value] * faces / len(signals)
    return Stats(
        **{name: np.array([row[name]]) for name in _NOTHING},
        zero_frames=np.zeros(1),
        outcome=np.array([row["outcome"]], np.int64),
        taught=np.array([taught], np.int64),
        faces=np.array([faces], np.int64),
        frames=np.array([len(signals)], np.int64),
        learned_from=np.array([model["clips"]], np.int64),
        by_speaker=np.array([bool(model.get("by_speaker", True))]),
    )


def _compare(course: np.ndarray, expected: np.ndarray, model: Model, rate: float, general: bool) -> dict[str, float]:
    motion = standardised(course)
    if not np.nansum(np.abs(motion)) > 0:
        return {"correlation": 0.0, "error": 0.0, "peak": 0.0, "peak_error": 0.0, "motion": 0.0, "outcome": STILL}
    reach = round(REACH_S * rate)
    lags = np.arange(-reach, reach + 1)
    found = correlations(expected, motion, lags)
    moved = float(np.sqrt(np.mean((standard_deviations(course) / model["spread"]) ** 2)))
    share = min(1.0, moved / FULL_MOTION)
    error, freedom = standard_error(expected, motion, 0, rate)
    row = {
        "correlation": found[reach] * share,
        "error": error * share,
        "freedom": freedom,
        "lag_frames": float(lags[np.nanargmax(found)]),
        "motion": moved,
        "outcome": MEASURED,
    }
    if general:
        near = np.where(np.abs(lags) <= round(PEAK_S * rate), found, np.nan)
        top = int(lags[np.nanargmax(near)])
        error, row["peak_freedom"] = standard_error(expected, motion, top, rate)
        scatter = chance(expected, motion, rate)
        row["confidence"] = found[reach + top] / scatter
        row["lag_frames"] = summit(found) - reach
        least = min(MOST_CHANCE, BY_CHANCE * scatter)
        row["peak"] = (found[reach + top] - least) / (1 - least) * share
        row["peak_error"] = error / (1 - least) * share
    return row


def _check(model: Model, features: int) -> None:
    shapes = {"weights": (features, len(SIGNALS)), "spread": (len(SIGNALS),)}
    for name, shape in shapes.items():
        if name not in model or np.shape(model[name]) != shape:
            raise MetricError(f"sync: the model's {name} is not {shape}; expected what sync_ridge.fit() returns")
