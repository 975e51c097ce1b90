"""What the clips at hand can tell apart, and how many clips a difference takes."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from lsbench.statistics.units import FEWEST

POWER = 0.8


def detectable(error: np.ndarray, freedom: int, alpha: float = 0.05, power: float = POWER) -> np.ndarray:
    """The smallest true difference that a two-sided test finds with this power, of one standard error a difference."""
    if not freedom:
        return np.full(np.shape(error), np.nan)
    return error * (stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, power))


def clips_needed(found: float, clips: int, difference: float) -> float:
    """How many clips a difference takes where `clips` of them detect `found`; errors shrink as 1 / sqrt(clips).

    inf for no difference, NaN where `found` is unknown. Where speakers are drawn, they must grow in number alike.
    """
    if math.isnan(found) or math.isnan(difference):
        return math.nan
    if difference == 0:
        return math.inf
    return max(FEWEST, math.ceil(clips * (found / difference) ** 2))
