"""What the clips, or the raters, at hand can tell apart, and how many a difference takes."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

from lsbench.statistics.crossed import Crossed, freedom
from lsbench.statistics.units import FEWEST

POWER = 0.8
MOST_RATERS = 10_000


def detectable(error: np.ndarray, freedom: int, alpha: float = 0.05, power: float = POWER) -> np.ndarray:
    """The smallest true difference that a two-sided test finds with this power, of one standard error a difference."""
    if not freedom:
        return np.full(np.shape(error), np.nan)
    difference: np.ndarray = error * (stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, power))
    return difference


def clips_needed(found: float, clips: int, difference: float, fewest: float = FEWEST) -> float:
    """How many clips a difference takes where `clips` of them detect `found`; errors shrink as 1 / sqrt(clips).

    inf for no difference, NaN where `found` is unknown. Where speakers are drawn, they must grow in number alike.
    fewest: what the test takes for any difference.
    """
    if math.isnan(found) or math.isnan(difference):
        return math.nan
    if difference == 0 or math.isinf(found):
        return math.inf
    return max(fewest, math.ceil(clips * (found / difference) ** 2))


def raters_needed(components: Crossed, difference: float, alpha: float = 0.05, power: float = POWER) -> float:
    """How many raters a two-sided test takes to find a difference, on the same clips.

    Args:
        components: of the difference's variance with the raters at hand, one number each.
        difference: the true one.
        alpha: of the test.
        power: the chance to find it.

    Returns:
        inf where no number of raters would do: the clips differ too much, and more of them are needed. NaN where the
        variance is not known.
    """
    if math.isnan(float(components.by_rater)) or math.isnan(difference):
        return math.nan
    low, high = FEWEST - 1, FEWEST
    while not _found(components, high, difference, alpha, power):
        low, high = high, 2 * high
        if high > MOST_RATERS:
            return math.inf
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _found(components, middle, difference, alpha, power) else (middle, high)
    return high


def _found(components: Crossed, raters: int, difference: float, alpha: float, power: float) -> bool:
    """Whether so many raters find it: what raters and cells add shrinks with their number, the clips' part stays."""
    shrunk = components.raters / raters
    by_cell = components.by_cell * shrunk
    moved = Crossed(components.by_rater * shrunk, components.rest() + by_cell, by_cell, raters, components.clips)
    free = freedom(moved.by_rater, moved.by_clip, moved.by_cell, raters, components.clips)
    reach = (stdtrit(free, 1 - alpha / 2) + stdtrit(free, power)) * np.sqrt(moved.variance)
    return bool(reach <= abs(difference))
