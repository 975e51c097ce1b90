"""Mean opinion scores: each rater's own offset taken out, so that raters who saw other clips can be averaged."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from lsbench.statistics.crossed import Estimate


def mean_opinion(ratings: np.ndarray) -> tuple[Estimate, np.ndarray]:
    """Scores of generators from ratings (raters, generators, clips), NaN where there is none.

    Least squares of rating = item + rater, an item being a generator on a clip; a generator's score is the mean of its
    items, each clip counting the same. This is the removal of subject bias of ITU-T P.910 (10/2023), that of Li and
    Bampis 2017 (Recover Subjective Quality Scores from Noisy Measurements) without its weights of raters. Where every
    rater rated every item it is the plain mean.

    Returns the estimate and the ratings without the raters' offsets, the same shape. The interval is about other
    raters too: the offsets' own spread stays in it, but for differences, where it cancels.
    """
    known = ~np.isnan(ratings)
    seen = known.astype(np.float64)
    raters, generators, clips = ratings.shape
    count = seen.sum(axis=0)  # ratings of an item
    share = np.divide(1, count, out=np.zeros_like(count), where=count > 0)
    inverse = _solver(seen, share)
    item_mean = np.where(known, ratings, 0).sum(axis=0) * share
    offset = inverse @ (np.where(known, ratings - item_mean, 0).sum(axis=(1, 2)))
    offset -= (offset * seen.any(axis=(1, 2))).sum() / max(1, int(seen.any(axis=(1, 2)).sum()))
    fair = ratings - offset[:, None, None]
    items = np.where(count > 0, np.where(known, fair, 0).sum(axis=0) * share, np.nan)
    rated = (count > 0).sum(axis=1)
    values = np.array([np.nanmean(row) if rated[place] else np.nan for place, row in enumerate(items)])
    # The estimate is linear in the ratings. Its weights: directly on the generator's items, and through the offsets.
    each = np.divide(1.0, rated, out=np.zeros(generators), where=rated > 0)
    direct = seen * share * each[:, None]
    through = inverse @ direct.sum(axis=2)  # (raters, generators)
    apart = np.where(known, ratings - values[:, None], 0)
    parts = np.zeros((generators, raters, clips))
    for place in range(generators):
        parts[place] = direct[:, place] * apart[:, place]
        if np.ptp(through[:, place]) > 1e-12:
            by_item = np.einsum("r,rgc->gc", through[:, place], seen) * share
            weight = seen * (through[:, place, None, None] - by_item)
            parts[place] -= (weight * apart).sum(axis=1)
    return Estimate(values, parts, np.zeros((generators, generators))), fair


def _solver(seen: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The generalised inverse that turns what raters give above their items' means into their offsets."""
    flat, weight = seen.reshape(len(seen), -1), share.ravel()
    return np.linalg.pinv(np.diag(flat.sum(axis=1)) - (flat * weight) @ flat.T, rcond=1e-10, hermitian=True)


def item_limits(fair: np.ndarray, tail: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of each item and its interval over other raters: fair (raters, ...) -> three of (...); NaN where unknown.

    fair: ratings without offsets; `tail` is the upper quantile, 0.975 for 95 %.
    """
    count = (~np.isnan(fair)).sum(axis=0)
    total = np.nansum(fair, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, total / count, np.nan)
        square = np.nansum(np.square(fair - mean), axis=0) / (count - 1)
        reach = np.where(count > 2, stdtrit(np.maximum(1, count - 1), tail) * np.sqrt(square / count), np.nan)
    return mean, mean - reach, mean + reach
