"""What the landmark metrics share: means that leave out missing faces, and the unit of distance."""

from __future__ import annotations

import math

import numpy as np

from lsbench.clip import OUTER_EYE_CORNERS


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
