"""Krippendorff's alpha: how far raters agree beyond chance, with any number of them and missing ratings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import stdtrit

from lsbench.statistics.bootstrap import CONFIDENCE
from lsbench.statistics.units import FEWEST


def alpha(ratings: np.ndarray, level: str) -> float:
    """Alpha of ratings (raters, items), NaN where there is none; level: nominal, ordinal or interval.

    1 - (disagreement within items) / (disagreement of all ratings whatever the item), over items with two or more
    ratings: 1 is agreement, 0 is chance. NaN where no item has two ratings, or all ratings are the same. Krippendorff
    2011, Computing Krippendorff's Alpha-Reliability.
    """
    values = np.unique(ratings[~np.isnan(ratings)])
    counts = np.stack([(ratings == value).sum(axis=0) for value in values]) if len(values) else np.zeros((0, 0))
    counts = counts[:, counts.sum(axis=0) > 1].astype(np.float64)  # (values, items)
    size = counts.sum(axis=0)
    total = counts.sum(axis=1)
    if counts.shape[1] == 0 or np.count_nonzero(total) < 2:
        return float("nan")
    apart = _apart(values, total, level)
    # Pairs of different raters of one item; a rating is no pair with itself, but is 0 apart from its like.
    observed = np.einsum("vi,vw,wi,i->", counts, apart, counts, 1 / (size - 1))
    expected = total @ apart @ total / (total.sum() - 1)
    return float(1 - observed / expected)


def _apart(values: np.ndarray, total: np.ndarray, level: str) -> np.ndarray:
    """Squared distance of any two values."""
    if level == "nominal":
        return 1.0 - np.eye(len(values))
    if level == "interval":
        distances: np.ndarray = np.square(values[:, None] - values)
        return distances
    place = np.cumsum(total) - total / 2  # how many ratings lie below, those equal by half
    return np.square(place[:, None] - place)


def alpha_limits(ratings: np.ndarray, clip: np.ndarray, level: str) -> tuple[float, float, float]:
    """Alpha with its 95 % interval over other raters and clips; clip int (items,): of each item.

    By leaving out each rater and each clip in turn (jackknife), their variances added. Drawing raters with
    replacement instead would let a rater agree with himself.
    """
    value = alpha(ratings, level)
    groups = np.unique(clip)
    by_rater = _jackknife(len(ratings), lambda one: alpha(np.delete(ratings, one, axis=0), level))
    by_clip = _jackknife(len(groups), lambda one: alpha(ratings[:, clip != groups[one]], level))
    error = np.sqrt(by_rater + by_clip)
    reach = stdtrit(max(1, min(len(ratings), len(groups)) - 1), (1 + CONFIDENCE) / 2) * error
    return value, float(value - reach), float(min(1, value + reach))


def _jackknife(count: int, without: Callable[[int], float]) -> float:
    """Variance from the values that leave one out; NaN where there are too few."""
    if count < FEWEST:
        return float("nan")
    left = np.array([without(one) for one in range(count)])
    return float((count - 1) * np.square(left - left.mean()).mean())
