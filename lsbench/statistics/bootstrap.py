"""Bootstrap of scores from influences: every resample of every score is one entry of a matrix product."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, stdtrit

from lsbench.statistics.units import Units

CONFIDENCE = 0.95
RESAMPLES = 10_000
SEED = 0
BLOCK = 500  # resamples whose counts are held at once


def deviations(influence: np.ndarray, units: Units, resamples: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """How far resampled scores lie from the score: influence (scores, clips) -> float64 (scores, resamples).

    All scores see the same draws, so that differences of two scores may be taken resample by resample. Influence that
    is not finite gives NaN.
    """
    contributions = units.contributions(np.asarray(influence, np.float64))
    random = np.random.default_rng(seed)
    out = np.empty((len(contributions), resamples))
    for start in range(0, resamples, BLOCK):
        rows = min(BLOCK, resamples - start)
        drawn = random.integers(0, units.count, (rows, units.count))
        drawn += np.arange(rows)[:, None] * units.count
        counts = np.bincount(drawn.ravel(), minlength=rows * units.count).reshape(rows, units.count)
        out[:, start : start + rows] = contributions @ counts.T.astype(np.float64)
    out /= len(units.of_row)
    return out


def limits(deviation: np.ndarray, units: Units, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
    """The interval's ends relative to the score: deviation (..., resamples) -> two of (...,); NaN where undefined.

    Percentiles, expanded so that few units do not make the interval too narrow: those of the normal distribution at
    Student's quantile times sqrt(units / freedom) (Hesterberg 2014, What Teachers Should Know about the Bootstrap).
    """
    if not units.freedom:
        empty = np.full(deviation.shape[:-1], np.nan)
        return empty, empty
    quantile = stdtrit(units.freedom, (1 - confidence) / 2) * math.sqrt(units.count / units.freedom)
    tail = float(ndtr(quantile))
    low, high = np.quantile(deviation, [tail, 1 - tail], axis=-1)
    return low, high


def standard_error(influence: np.ndarray, units: Units) -> np.ndarray:
    """Standard error of scores: influence (..., clips) -> (...,); NaN where there are too few units."""
    if not units.freedom:
        return np.full(np.shape(influence)[:-1], np.nan)
    contributions = units.contributions(np.asarray(influence, np.float64))
    total = np.square(contributions).sum(axis=-1)
    error: np.ndarray = np.sqrt(total * units.count / units.freedom) / len(units.of_row)
    return error
