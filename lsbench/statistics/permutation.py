"""Paired permutation tests: were the two generators' videos of a clip exchanged, would the difference look the same?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lsbench.statistics.bootstrap import RESAMPLES, SEED
from lsbench.statistics.units import Units

ALPHA = 0.05
BLOCK = 500  # sign patterns held at once
ROUNDING = 1e-10  # of the largest sum: sums this close count as equal


def sign_flips(values: np.ndarray, units: Units, flips: int = RESAMPLES, seed: int = SEED) -> np.ndarray:
    """Two-sided p of the mean difference of every two generators: (scores, generators, clips) -> (scores, g, g).

    values: what each clip contributes (clip values, or the score plus influences). The labels of two generators are
    exchanged at random in each unit, which flips the sign of the unit's difference; p is the share of patterns whose
    sum is at least as large as the observed one. All patterns where there are at most `flips` of them, which is exact;
    otherwise random ones, the observed one counted in. NaN on the diagonal, where values are not finite and where
    there are too few units.
    """
    values = np.asarray(values, np.float64)
    known = np.isfinite(values).all(axis=2)
    held = np.where(known[..., None], values, 0)
    # What all generators have in common cancels in differences: it is taken out before it can round.
    sums = units.sums(held - held.sum(axis=1, keepdims=True) / np.maximum(1, known.sum(axis=1))[:, None, None])
    total, rounding = sums.sum(axis=2), ROUNDING * np.abs(sums).sum(axis=2)
    least = [
        np.abs(total[:, one + 1 :] - total[:, [one]]) - rounding[:, one + 1 :] - rounding[:, [one]]
        for one in range(values.shape[1] - 1)
    ]
    exact = 2 ** (units.count - 1) <= flips
    reached = np.zeros((*values.shape[:2], values.shape[1]), np.int64)
    patterns = 0
    for signs in _every(units.count) if exact else _drawn(units.count, flips, seed):
        flipped = (sums.reshape(-1, units.count) @ signs.T).reshape(*sums.shape[:2], -1)
        for one, smallest in enumerate(least):
            apart = flipped[:, one + 1 :] - flipped[:, [one]]
            np.abs(apart, out=apart)
            reached[:, one, one + 1 :] += np.count_nonzero(apart >= smallest[..., None], axis=2)
        patterns += len(signs)
    reached += np.swapaxes(reached, 1, 2)
    p = reached / patterns if exact else (reached + 1) / (patterns + 1)
    tested = known[:, :, None] & known[:, None, :] & ~np.eye(values.shape[1], dtype=bool)
    return np.where(tested & bool(units.freedom), p, np.nan)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's (1979) correction of p values of any shape for having looked at all of them; NaN are no tests and stay."""
    flat = np.asarray(p, np.float64).ravel()
    tested = np.flatnonzero(~np.isnan(flat))
    order = tested[np.argsort(flat[tested], kind="stable")]
    stepped = flat[order] * np.arange(len(order), 0, -1)
    out = np.full(flat.shape, np.nan)
    out[order] = np.minimum(1, np.maximum.accumulate(stepped)) if len(order) else []
    return out.reshape(np.shape(p))


def holm_pairs(p: np.ndarray) -> np.ndarray:
    """Holm's correction over the pairs of a symmetric matrix (n, n)."""
    upper = np.triu_indices(len(p), 1)
    out = np.full(p.shape, np.nan)
    out[upper] = holm(p[upper])
    out.T[upper] = out[upper]
    return out


def standard_error(influence: np.ndarray, units: Units) -> np.ndarray:
    """Standard error of differences as their signs tell it: (..., clips) -> (...,); NaN where there are too few units.

    Where clips are drawn, what speakers differ in is part of it: a clip's sign is flipped with all that is in it.
    """
    if not units.freedom:
        return np.full(np.shape(influence)[:-1], np.nan)
    sums = units.sums(np.asarray(influence, np.float64))
    sums = sums - sums.mean(axis=-1, keepdims=True)
    error: np.ndarray = np.sqrt(np.square(sums).sum(axis=-1) * units.count / (units.count - 1)) / len(units.of_row)
    return error


def smallest_p(count: int, flips: int = RESAMPLES) -> float:
    """The smallest p value that so many units can give."""
    patterns = 2.0 ** (count - 1)
    return 1 / patterns if patterns <= flips else 1 / (flips + 1)


def _every(count: int) -> Iterator[np.ndarray]:
    """All sign patterns of `count` units up to a common sign, float64 (patterns, units), in blocks."""
    for start in range(0, 2 ** (count - 1), BLOCK):
        numbers = np.arange(start, min(start + BLOCK, 2 ** (count - 1)))
        yield 1.0 - 2.0 * (numbers[:, None] >> np.arange(count) & 1)


def _drawn(count: int, flips: int, seed: int) -> Iterator[np.ndarray]:
    """Random sign patterns, in blocks."""
    random = np.random.default_rng(seed)
    for start in range(0, flips, BLOCK):
        rows = min(BLOCK, flips - start)
        bits = np.frombuffer(random.bytes((rows * count + 7) // 8), np.uint8)
        yield 1.0 - 2.0 * np.unpackbits(bits, count=rows * count).reshape(rows, count)
