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
    mean_ranks: np.ndarray = rankdata(values, axis=-1)
    return mean_ranks


def signs(values: np.ndarray) -> np.ndarray:
    """Which of two points is larger: (..., points) -> int8 (..., pairs), pairs as in numpy.triu_indices."""
    one, other = np.triu_indices(values.shape[-1], 1)
    first, second = values[..., one], values[..., other]
    return (first > second).astype(np.int8) - (first < second)


def orders(scores: np.ndarray) -> np.ndarray:
    """Which of two generators is ahead: scores (..., generators), more is better -> float32 (..., pairs).

    signs(), with NaN for the pairs of which one score is undefined.
    """
    undefined = np.isnan(scores)
    one, other = np.triu_indices(scores.shape[-1], 1)
    return np.where(undefined[..., one] | undefined[..., other], np.float32(np.nan), signs(scores))


def kendall(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Kendall's tau-b from signs(): (..., pairs) twice -> (...,); NaN where one ties all."""
    alike = np.einsum("...p,...p->...", one, other, dtype=np.float64)
    return _tau(alike, np.count_nonzero(one, axis=-1), np.count_nonzero(other, axis=-1))


def kendall_matrix(order: np.ndarray) -> np.ndarray:
    """kendall() of every two scores: order (..., scores, pairs) of orders() -> float64 (..., scores, scores).

    Over the pairs that both scores order or tie; NaN where fewer than one is left, or one score ties all of them.
    """
    compared = (~np.isnan(order)).astype(np.float32)
    sign = np.nan_to_num(order)
    alike = (sign @ np.swapaxes(sign, -1, -2)).astype(np.float64)
    ordered = (np.square(sign) @ np.swapaxes(compared, -1, -2)).astype(np.float64)  # pairs that the first score orders
    return _tau(alike, ordered, np.swapaxes(ordered, -1, -2))


def _tau(alike: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Kendall's tau-b, NaN for 0 / 0.

    Args:
        alike: pairs that both order alike, less those that they order otherwise.
        first, second: pairs that each of them does not tie.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        tau: np.ndarray = alike / np.sqrt(first * second.astype(np.float64))
    return tau
