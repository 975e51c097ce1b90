"""Correlations of many samples at once, along the last axis."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata


def pearson(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's correlation: (..., points) twice -> (...,); NaN where one of them does not vary."""
    if one.shape[-1] < 2:
        return np.full(one.shape[:-1], np.nan)
    one, other = one - one.mean(axis=-1, keepdims=True), other - other.mean(axis=-1, keepdims=True)
    together = (one * other).sum(axis=-1)
    size = np.sqrt(np.square(one).sum(axis=-1) * np.square(other).sum(axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 1e-12, np.clip(together / size, -1, 1), np.nan)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, equal values at their mean rank."""
    return rankdata(values, axis=-1)


def signs(values: np.ndarray) -> np.ndarray:
    """Which of two points is larger: (..., points) -> int8 (..., pairs), pairs as in numpy.triu_indices."""
    one, other = np.triu_indices(values.shape[-1], 1)
    first, second = values[..., one], values[..., other]
    return (first > second).astype(np.int8) - (first < second)


def kendall(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kendall's tau-b from signs(): (..., pairs) twice -> (...,); NaN where one ties all."""
    together = np.einsum("...p,...p->...", one, other, dtype=np.float64)
    size = np.sqrt(np.count_nonzero(one, axis=-1) * np.count_nonzero(other, axis=-1).astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, together / size, np.nan)


def orders(scores: np.ndarray) -> np.ndarray:
    """Which of two generators is ahead: scores (generators, ...), more is better -> float32 (pairs, ...).

    1 where the first of the pair is ahead, -1 where the second is, 0 for equal scores, NaN where one is undefined;
    pairs as in numpy.triu_indices.
    """
    one, other = np.triu_indices(len(scores), 1)
    first, second = scores[one], scores[other]
    ahead = (first > second).astype(np.float32) - (first < second)
    return np.where(np.isnan(first) | np.isnan(second), np.float32(np.nan), ahead)


def taus(order: np.ndarray) -> np.ndarray:
    """Kendall's tau-b of every two scores: order (..., scores, pairs) of orders() -> float64 (..., scores, scores).

    Over the pairs that both scores order or tie; NaN where fewer than one is left, or one score ties all of them.
    """
    known = (~np.isnan(order)).astype(np.float32)
    sign = np.nan_to_num(order)
    across = np.swapaxes(sign, -1, -2)
    alike = (sign @ across).astype(np.float64)
    ordered = (np.square(sign) @ np.swapaxes(known, -1, -2)).astype(np.float64)  # pairs that the first score orders
    with np.errstate(invalid="ignore", divide="ignore"):
        return alike / np.sqrt(ordered * np.swapaxes(ordered, -1, -2))
