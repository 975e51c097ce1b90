"""What the sign-flip test, corrected for all pairs, can find: the power of lsbench.statistics.permutation."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from scipy.special import stdtrit

from lsbench.statistics.bootstrap import RESAMPLES, SEED
from lsbench.statistics.permutation import ALPHA, smallest_p
from lsbench.statistics.power import POWER
from lsbench.statistics.units import Units

STUDIES = 2000  # simulated, where all sign patterns are tried
BLOCK = 100  # of them held at once


def detectable(error: np.ndarray, seen: np.ndarray, units: Units, pairs: int, power: float = POWER) -> np.ndarray:
    """The true difference that is found with this power as one of `pairs` tests; inf where none is.

    error: standard errors of the differences (bootstrap.standard_error). seen: those that the test sees
    (permutation.standard_error); the larger where speakers differ, for they are given in the one and scatter in the
    other. A difference must pass ALPHA / pairs, Holm's first and hardest step.
    """
    if not units.freedom:
        return np.full(np.shape(error), np.nan)
    by_chance = float(stdtrit(units.freedom, power))
    with np.errstate(invalid="ignore"):
        return (_reach(units.count, pairs, power) - by_chance) * np.asarray(seen) + by_chance * np.asarray(error)


def smooth(error: np.ndarray, seen: np.ndarray, units: Units, pairs: int, power: float = POWER) -> np.ndarray:
    """detectable() as if p had no steps: what shrinks as 1 / sqrt(clips) however few units there are now."""
    if not units.freedom:
        return np.full(np.shape(error), np.nan)
    reach = float(stdtrit(units.count - 1, 1 - ALPHA / pairs / 2))
    return reach * np.asarray(seen) + float(stdtrit(units.freedom, power)) * np.asarray(error)


def fewest_units(pairs: int) -> float:
    """How many units any difference takes: so many that the smallest p passes ALPHA / pairs; inf where none does."""
    most = 1 + math.ceil(math.log2(RESAMPLES))
    return next((count for count in range(1, most + 1) if smallest_p(count) * pairs < ALPHA), math.inf)


@cache
def _reach(count: int, pairs: int, power: float) -> float:
    """detectable() in standard errors, of independent normal units.

    Student's quantiles, where patterns are drawn. Where all are tried p has steps, and the few patterns that may reach
    the observed sum decide: flipping the units F does so where -mean(z_F) is at least the true difference (z: noise).
    So a study needs the k-th largest of these means, where k patterns, with the observed one, pass.
    """
    step = smallest_p(count)
    passing = math.ceil(ALPHA / pairs / step - 1e-9) - 1
    if passing < 1:
        return math.inf
    if 2 ** (count - 1) > RESAMPLES:
        return float(stdtrit(count - 1, 1 - passing * step / 2) + stdtrit(count - 1, power))
    flipped = (np.arange(1, 2**count)[:, None] >> np.arange(count) & 1).astype(np.float64)
    flipped /= -flipped.sum(axis=1, keepdims=True)
    random = np.random.default_rng(SEED)
    needed = [
        np.partition(flipped @ random.standard_normal((count, BLOCK)), -passing, axis=0)[-passing]
        for _ in range(STUDIES // BLOCK)
    ]
    return math.sqrt(count) * float(np.quantile(needed, power))
