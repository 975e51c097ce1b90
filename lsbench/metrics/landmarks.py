"""What the landmark metrics share: means that leave out missing faces, the unit of distance, and how far lips part."""

from __future__ import annotations

import math

import numpy as np

from lsbench.clip import INNER_LIPS, OUTER_EYE_CORNERS

LIP_MIDDLES = (INNER_LIPS.start + 5, INNER_LIPS.start + 15)  # of the lower and of the upper inner lip


def mean_found(frames: np.ndarray) -> float:
    """The mean of what is not NaN, the same to the bit in any order; NaN where there is nothing."""
    measured = frames[~np.isnan(frames)]
    return math.fsum(measured) / len(measured) if len(measured) else math.nan


def interocular(landmarks: np.ndarray) -> float:
    """The median distance of the outer eye corners over frames where they are known, px; NaN where there is none."""
    left, right = (landmarks[:, corner] for corner in OUTER_EYE_CORNERS)
    distances = np.linalg.norm(right - left, axis=1)
    distances = distances[distances > 0]
    return float(np.median(distances)) if len(distances) else math.nan


def aperture(landmarks: np.ndarray) -> np.ndarray:
    """How far the lips part: landmarks (T, 80, 2) px as in a FaceTrack -> float64 (T,), NaN where points are NaN.

    The distance between the middles of the inner lips over that between the outer eye corners of the same frame.
    """
    return span(landmarks, LIP_MIDDLES)


def span(landmarks: np.ndarray, points: tuple[int, int]) -> np.ndarray:
    """The distance of two points over that of the outer eye corners of the same frame: float64 (T,), NaN as above."""
    apart, eyes = (
        np.linalg.norm(landmarks[:, a].astype(np.float64) - landmarks[:, b].astype(np.float64), axis=1)
        for a, b in (points, OUTER_EYE_CORNERS)
    )
    return np.divide(apart, eyes, out=np.full(len(apart), np.nan), where=eyes > 0)
