"""How surely a score tells spoiled clips from clean ones, and how its value follows the strength of the fault."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from lsbench.statistics.bootstrap import SEED
from lsbench.statistics.units import Units

DETECTED = 0.9  # area under the ROC curve from which a fault counts as detected
RESAMPLES = 1000
ROUNDING = 1e-9  # relative: values this close count as equal


def worse(clean: np.ndarray, spoiled: np.ndarray, *, higher: bool) -> np.ndarray:
    """1 where a spoiled value is worse than a clean one, 0 where it is better, 1/2 where they are equal or undefined.

    clean (..., n), spoiled (..., m) -> float64 (..., n, m). higher: whether more of the score is better.
    """
    one, other = clean[..., :, None], spoiled[..., None, :]
    with np.errstate(invalid="ignore"):
        apart = np.sign(one - other)
    apart = np.where(np.isclose(one, other, rtol=ROUNDING, atol=0) | np.isnan(apart), 0, apart)
    return 0.5 + (0.5 if higher else -0.5) * apart


def auc(clean: np.ndarray, spoiled: np.ndarray, *, higher: bool) -> float:
    """The chance that a spoiled clip scores worse than a clean one: 1/2 for a score that is blind, 1 at best.

    The area under the ROC curve of clean (n,) against spoiled (m,) values (Mann-Whitney's U over n m), ties by half. An
    infinite value is the largest or smallest; an undefined one tells nothing, 1/2.
    """
    return float(worse(clean, spoiled, higher=higher).mean())


def auc_limits(
    clean: np.ndarray, spoiled: np.ndarray, units: Units, *, higher: bool, resamples: int = RESAMPLES, seed: int = SEED
) -> tuple[float, float]:
    """The 95 % interval of auc() where both are values of the same clips (n,): percentiles over drawn units.

    NaN where there are too few units. A perfect separation has an interval of no width: few clips say no more.
    """
    if not units.freedom:
        return math.nan, math.nan
    table = worse(clean, spoiled, higher=higher)
    drawn = np.random.default_rng(seed).multinomial(units.count, np.full(units.count, 1 / units.count), resamples)
    weights = drawn[:, units.of_row].astype(np.float64)
    total = weights.sum(axis=1)
    areas = np.einsum("ri,ij,rj->r", weights, table, weights, optimize=True) / total**2
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)


def threshold(strengths: Sequence[float], areas: Sequence[float], level: float = DETECTED) -> float:
    """The smallest strength that is detected, from which on every stronger one is; NaN where the strongest is not.

    strengths: rising, the first 0; areas: auc() at each, NaN where it is unknown, which is passed over. Between two
    strengths that were tried the area is taken as a straight line; below the smallest one nothing is claimed, so that
    its own value means "this or less".
    """
    tried = [(strength, area) for strength, area in zip(strengths, areas, strict=True) if not math.isnan(area)][1:]
    found = math.nan
    for place in reversed(range(len(tried))):
        strength, area = tried[place]
        if area < level:
            if not math.isnan(found):
                above = tried[place + 1][1]
                found = strength + (level - area) / (above - area) * (found - strength)
            break
        found = float(strength)
    return found


def monotonicity(values: np.ndarray, *, higher: bool) -> float:
    """Spearman's correlation of strength and badness, (strengths, samples), rising strengths: the mean over samples.

    1 where every stronger fault scores worse; a sample that never changes, or is undefined somewhere, counts 0.
    """
    bad = -values if higher else values
    known = ~np.isnan(bad).any(axis=0)
    if not known.any():
        return 0.0
    ranks = rankdata(np.float32(np.where(known, bad, 0)), axis=0)  # rounding is no order
    ranks -= ranks.mean(axis=0)
    order = np.arange(len(ranks)) - (len(ranks) - 1) / 2
    size = np.sqrt(np.square(ranks).sum(axis=0) * np.square(order).sum())
    found = np.divide(order @ ranks, size, out=np.zeros(len(size)), where=size > 0)
    return float(np.where(known, found, 0).mean())


def ordered(values: np.ndarray, *, higher: bool) -> float:
    """How often the stronger of two faults on the same sample scores worse, ties by half: (strengths, samples) -> 0..1.

    Over all pairs of strengths, none among them, and all samples; 1/2 is chance.
    """
    if len(values) < 2:
        return 0.5
    weaker, stronger = np.triu_indices(len(values), 1)
    pairs = worse(values[weaker, :, None], values[stronger, :, None], higher=higher)
    return float(pairs.mean())
