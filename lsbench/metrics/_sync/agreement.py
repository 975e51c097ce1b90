"""How far two courses of several signals agree: correlations over lags, what chance gives, and how sure they are."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import stdtrit

MIN_FRAMES = 10  # that show the mouth, at every lag
CHANCE_S = 1.0  # as far as the courses' own correlations over time are looked at
BLOCK_S = 1.0  # of the moving blocks whose sums say how sure a correlation is
CONFIDENCE = 0.95


def correlations(expected: np.ndarray, motion: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Correlation of expected and standardised motion, both (T, 6), for each of L lags in frames: float64 (L,).

    One correlation over all frames and all six signals, each centred over the frames that count: those whose motion is
    known `lag` frames after them. NaN where there are fewer than MIN_FRAMES or than half of all that are known.
    """
    known = np.isfinite(motion).all(axis=1)
    least = max(MIN_FRAMES, np.count_nonzero(known) / 2)
    out = np.full(len(lags), np.nan)
    for place, lag in enumerate(lags):
        heard = np.arange(max(0, -lag), len(motion) - max(0, lag))
        heard = heard[known[heard + lag]] if len(heard) else heard
        if len(heard) >= least:
            one, other = (values - values.mean(axis=0) for values in (expected[heard], motion[heard + lag]))
            size = math.sqrt(np.sum(one**2) * np.sum(other**2))
            out[place] = np.sum(one * other) / size if size > 0 else 0.0
    return out


def standard_error(expected: np.ndarray, motion: np.ndarray, lag: int, rate: float) -> tuple[float, float]:
    """The standard error of the correlation at a lag, and its degrees of freedom, by blocks of 1 s of one clip.

    The closed form of the moving block bootstrap (Kuensch 1989): with psi the influence of each frame on the
    correlation, the variance is the sum of psi's products over time apart by less than a block, weighted by what
    blocks share of them, over 1 - block / length. Frames without motion move nothing. NaN and 0 where the clip is
    shorter than two blocks.

    Args:
        expected, motion: as for correlations().
        lag: frames.
        rate: frames a second.
    """
    start, stop = max(0, -lag), len(motion) - max(0, lag)
    one, other = expected[start:stop], motion[start + lag : stop + lag]
    known = np.isfinite(other).all(axis=1)
    block, count = max(1, round(BLOCK_S * rate)), np.count_nonzero(known)
    if count < 2 * block:
        return math.nan, 0.0
    one, other = (np.where(known[:, None], values - values[known].mean(axis=0), 0) for values in (one, other))
    products, own, others = (np.sum(a * b, axis=1) for a, b in ((one, other), (one, one), (other, other)))
    size = math.sqrt(own.sum() * others.sum())
    if not size > 0:
        return math.nan, 0.0
    influence = products / size - products.sum() / size * (own / own.sum() + others / others.sum()) / 2
    variance = np.sum(influence**2)
    for apart in range(1, block):
        variance += 2 * (1 - apart / block) * np.sum(influence[apart:] * influence[:-apart])
    blocks = count / block
    return math.sqrt(max(float(variance), 0.0) / (1 - 1 / blocks)), 1.5 * blocks - 1


def chance(expected: np.ndarray, motion: np.ndarray, rate: float) -> float:
    """The standard deviation that the correlation would have if speech and mouth had nothing to do with each other.

    Bartlett's formula for courses of several signals: the sum over times apart of the products of both courses' own
    covariances, over the frames and the variances. The slower both are, the more often they agree by chance.

    Args:
        expected, motion: as for correlations().
        rate: frames a second.
    """
    known = np.isfinite(motion).all(axis=1)
    one, other = (np.where(known[:, None], values - values[known].mean(axis=0), 0) for values in (expected, motion))
    frames = np.count_nonzero(known)
    size = np.sum(one**2) * np.sum(other**2)
    if not size > 0:
        return math.nan
    total = 0.0
    for apart in range(min(round(CHANCE_S * rate), len(one) - 1) + 1):
        ours, theirs = (np.einsum("tk,tl->kl", each[: len(each) - apart], each[apart:]) for each in (one, other))
        total += (1 if apart == 0 else 2) * float(np.sum(ours * theirs)) / (1 - apart / len(one))
    return math.sqrt(max(total, 0.0) / size / frames)


def summit(values: np.ndarray) -> float:
    """The place of the highest of values at whole places, between them by a parabola through its neighbours."""
    top = int(np.nanargmax(values))
    if not 0 < top < len(values) - 1 or not np.isfinite(values[top - 1 : top + 2]).all():
        return float(top)
    before, here, after = values[top - 1 : top + 2]
    bend = before - 2 * here + after
    return top + (float(0.5 * (before - after) / bend) if bend < 0 else 0.0)


def interval_of_mean(values: np.ndarray, errors: np.ndarray, freedom: np.ndarray) -> tuple[float, float]:
    """A 95 % interval of the mean of values that are not NaN, of which the standard error is known: Student's.

    Degrees of freedom as Welch and Satterthwaite add them up. NaN twice where an error is not known.

    Args:
        values, errors, freedom: float64 (n,) each; the ends stay within -1 and 1.
    """
    defined = ~np.isnan(values)
    squares, freedom = errors[defined] ** 2, freedom[defined]
    if not len(squares) or not np.isfinite(squares).all():
        return math.nan, math.nan
    mean, total = math.fsum(values[defined]) / len(squares), math.fsum(squares)
    if not total > 0:
        return mean, mean
    shared = total**2 / math.fsum(squares**2 / freedom)
    half = float(-stdtrit(shared, (1 - CONFIDENCE) / 2)) * math.sqrt(total) / len(squares)
    return max(-1.0, mean - half), min(1.0, mean + half)
