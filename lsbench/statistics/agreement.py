"""How far two scores rank the same generators alike: Kendall's tau of their pairs."""

from __future__ import annotations

import numpy as np


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
