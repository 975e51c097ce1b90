"""How fast signals of a face move, at any frame rate: slopes of straight lines, laid through what is around a frame."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import correlate1d

REACH = 3  # standard deviations of the weights
LEAST_SPREAD = 0.3  # of the variance of all weights: a frame has neighbours on one side at least


def speed(signals: np.ndarray, fps: float, smooth_s: float) -> np.ndarray:
    """Speed of several signals together: the norm of their slopes, a second: float64 (T,).

    A slope is that of the weighted least-squares line, the weights a Gaussian of smooth_s in time: what a tracker's
    jitter adds shrinks with smooth_s^1.5, ends and gaps are not bent, and 15 to 60 frames a second see much the same.

    Args:
        signals: float (T, n), NaN where they are not known; all n are known together.
        fps: frames a second.
        smooth_s: standard deviation of the weights, seconds.

    Returns:
        NaN where signals are not known, or known in too few frames around.
    """
    known = np.isfinite(signals).all(axis=1)
    reach = math.ceil(REACH * smooth_s * fps)
    time = np.arange(-reach, reach + 1) / fps
    weight = np.exp(-0.5 * (time / smooth_s) ** 2)
    here = known[:, None].astype(np.float64)
    values = np.where(known[:, None], signals, 0.0).astype(np.float64)

    def around(of: np.ndarray, power: int) -> np.ndarray:
        moments: np.ndarray = correlate1d(of, weight * time**power, axis=0, mode="constant")
        return moments

    total, first, second = (around(here, power) for power in range(3))
    spread = total * second - first**2
    enough = known & (spread >= LEAST_SPREAD * (smooth_s * total) ** 2)[:, 0] & (spread > 0)[:, 0]
    slopes = (total * around(values, 1) - first * around(values, 0))[enough] / spread[enough]
    out = np.full(len(signals), np.nan)
    out[enough] = np.linalg.norm(slopes, axis=1)
    return out
