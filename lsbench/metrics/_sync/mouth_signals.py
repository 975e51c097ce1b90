"""How a mouth moves: six signals of its shape over time, from landmarks."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lsbench.errors import MetricError
from lsbench.face.track import MOUTH_CORNERS, OUTER_LIPS, POINTS
from lsbench.metrics._base.landmarks import LIP_MIDDLES, span

SIGNALS = ("gap", "height", "width", "gap rate", "height rate", "width rate")
SLOW_S = 0.5  # standard deviation of the Gaussian whose course is taken away
STILL = 1e-6  # in inter-ocular distances: below what float32 landmarks can show

_SHAPES = (LIP_MIDDLES, (OUTER_LIPS.start + 5, OUTER_LIPS.start + 15), MOUTH_CORNERS)


def mouth_signals(landmarks: np.ndarray, fps: float) -> np.ndarray:
    """Six signals of the mouth: landmarks float (T, 80, 2) px, NaN where no face was found -> float64 (T, 6).

    Gap of the inner lips, height of the outer lips and distance of the mouth corners, each in distances between the
    outer eye corners of the same frame and less its own slow course (the mean weighted by a Gaussian of 0.5 s over the
    frames that show a face); then their rates of change a second (central differences, one-sided at the ends). All are
    NaN where the frame shows no face, the rates also where a neighbour shows none. Without their slow course the
    signals tell syllables, not that every utterance starts and ends with the lips shut.
    """
    shapes = mouth_shapes(landmarks)
    rates = np.gradient(shapes, 1 / fps, axis=0) if len(shapes) > 1 else np.full_like(shapes, np.nan)
    rates[np.isnan(shapes)] = np.nan
    return np.concatenate([shapes - slow_course(shapes, SLOW_S * fps), rates], axis=1)


def mouth_shapes(landmarks: np.ndarray) -> np.ndarray:
    """The first three of them with their slow course: float64 (T, 3), NaN where one is not seen."""
    if landmarks.dtype.kind != "f" or landmarks.ndim != 3 or landmarks.shape[1:] != (POINTS, 2) or not len(landmarks):
        raise MetricError(
            f"mouth signals: landmarks are {landmarks.dtype} {landmarks.shape}; expected floats (frames, {POINTS}, 2)"
        )
    shapes = np.stack([span(landmarks, points) for points in _SHAPES], axis=1)
    shapes[~np.isfinite(shapes).all(axis=1)] = np.nan
    return shapes


def standardised(signals: np.ndarray) -> np.ndarray:
    """Signals (T, 6) with mean 0 and variance 1 over the frames that have all six; 0 throughout for one that is still.

    Frames that lack one are NaN.
    """
    whole = np.isfinite(signals).all(axis=1)
    out = np.full_like(signals, np.nan)
    if whole.any():
        moved, deviation = signals[whole] - signals[whole].mean(axis=0), standard_deviations(signals)
        out[whole] = np.where(deviation > STILL, moved / np.where(deviation > STILL, deviation, 1), 0)
    return out


def standard_deviations(signals: np.ndarray) -> np.ndarray:
    """The standard deviation of each signal over the frames that have all six: (T, 6) -> (6,), NaN where none has."""
    whole = np.isfinite(signals).all(axis=1)
    return signals[whole].std(axis=0) if whole.any() else np.full(signals.shape[1], np.nan)


def slow_course(shapes: np.ndarray, sigma_frames: float) -> np.ndarray:
    """The mean of shapes (T, n) weighted by a Gaussian over the frames that are known; NaN where the frame is not."""
    known = np.isfinite(shapes)
    weighted, weight = (
        gaussian_filter1d(values, sigma_frames, axis=0) for values in (np.where(known, shapes, 0), known.astype(float))
    )
    slow: np.ndarray = np.divide(weighted, weight, out=np.full_like(shapes, np.nan), where=known)
    return slow
