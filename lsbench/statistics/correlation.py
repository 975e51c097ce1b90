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
