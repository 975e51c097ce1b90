"""Errors of estimates from ratings where raters and clips are both drawn: every rater may rate every clip."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from lsbench.statistics.bootstrap import CONFIDENCE
from lsbench.statistics.permutation import holm_pairs
from lsbench.statistics.units import FEWEST


@dataclass(frozen=True, eq=False)
class Crossed:
    """Variance of estimates, by what is drawn: arrays of one shape, NaN where it is not known.

    by_rater: what goes down with more raters, by_clip: with more clips, by_cell: with either; each mean square holds
    that of the cells, so that variance = by_rater + by_clip - by_cell. freedom: degrees of freedom (Satterthwaite).
    """

    by_rater: np.ndarray
    by_clip: np.ndarray
    by_cell: np.ndarray
    raters: int
    clips: int

    @property
    def variance(self) -> np.ndarray:
        """Of the estimate over other raters and other clips; never less than over either of them alone."""
        return _total(self.by_rater, self.by_clip, self.by_cell)

    @property
    def freedom(self) -> np.ndarray:
        return freedom(self.by_rater, self.by_clip, self.by_cell, self.raters, self.clips)

    def rest(self) -> np.ndarray:
        """The part of the variance that more raters do not take away."""
        variance: np.ndarray = np.maximum(0, self.by_clip - self.by_cell)
        return variance


def crossed(parts: np.ndarray) -> Crossed:
    """Variance of estimates from what each rater on each clip adds to them: parts float64 (..., raters, clips).

    parts: linearised contributions, whose sum is the estimate's error; 0 where a rater did not see a clip. In a
    complete design these are the mean squares of the two-way layout with random rows and columns, whose combination is
    unbiased (Searle, Casella and McCulloch 1992, Variance Components, chapter 4); for others it is two-way clustering
    (Cameron, Gelbach and Miller 2011, Robust Inference with Multiway Clustering), of which it is the general form.
    """
    raters, clips = parts.shape[-2:]
    unknown = np.full(parts.shape[:-2], np.nan)
    if raters < FEWEST:
        return Crossed(unknown, unknown, unknown, raters, clips)
    rows, columns, all_of_it = parts.sum(-1), parts.sum(-2), parts.sum((-2, -1))
    by_rater = raters / (raters - 1) * np.square(rows - all_of_it[..., None] / raters).sum(-1)
    if clips < 2:
        return Crossed(by_rater, np.zeros_like(by_rater), np.zeros_like(by_rater), raters, clips)
    by_clip = clips / (clips - 1) * np.square(columns - all_of_it[..., None] / clips).sum(-1)
    inner = parts - rows[..., None] / clips - columns[..., None, :] / raters
    inner += all_of_it[..., None, None] / (raters * clips)
    by_cell = raters / (raters - 1) * clips / (clips - 1) * np.square(inner).sum((-2, -1))
    return Crossed(by_rater, by_clip, by_cell, raters, clips)


def freedom(by_rater: np.ndarray, by_clip: np.ndarray, by_cell: np.ndarray, raters: int, clips: int) -> np.ndarray:
    """Satterthwaite's (1946) degrees of freedom of by_rater + by_clip - by_cell, at least 1."""
    total = _total(by_rater, by_clip, by_cell)
    with np.errstate(invalid="ignore", divide="ignore"):
        parts = np.square(by_rater) / (raters - 1)
        if clips > 1:
            parts = parts + np.square(by_clip) / (clips - 1) + np.square(by_cell) / ((raters - 1) * (clips - 1))
        found = np.square(total) / parts
    return np.where(np.isnan(by_rater), np.nan, np.fmax(1, np.where(np.isfinite(found), found, raters - 1)))


def _total(by_rater: np.ndarray, by_clip: np.ndarray, by_cell: np.ndarray) -> np.ndarray:
    """The variance over raters and clips: never less than over either of them alone."""
    total: np.ndarray = np.maximum(by_rater + by_clip - by_cell, np.maximum(by_rater, by_clip))
    return total


@dataclass(frozen=True, eq=False)
class Estimate:
    """Scores of generators, and what each rater on each clip adds to them.

    values: float64 (generators,). parts: float64 (generators, raters, clips), see crossed(). floor: float64
    (generators, generators), a covariance below which no error is believed; zeros where there is none. tested: p of
    every two generators, before correction, where there is a better test than their difference by its error.
    """

    values: np.ndarray
    parts: np.ndarray
    floor: np.ndarray
    tested: np.ndarray | None = None

    def limits(self, contrast: np.ndarray, confidence: float = CONFIDENCE) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the intervals of contrast @ values: contrast (..., generators) -> two of (...,)."""
        error, free = self.error(contrast)
        reach = stdtrit(free, (1 + confidence) / 2) * error
        middle = contrast @ self.values
        return middle - reach, middle + reach

    def error(self, contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Standard errors of contrasts, and their degrees of freedom."""
        components = self.components(contrast)
        floor = np.einsum("...g,gh,...h->...", contrast, self.floor, contrast)
        return np.sqrt(np.maximum(components.variance, floor)), components.freedom

    def components(self, contrast: np.ndarray) -> Crossed:
        """The variance of contrasts, by what is drawn."""
        return crossed(np.tensordot(contrast, self.parts, axes=1))

    def p(self) -> np.ndarray:
        """Two-sided p of every two generators (Student's t, or `tested`), corrected for all pairs (Holm): (g, g)."""
        if self.tested is not None:
            return holm_pairs(self.tested)
        count = len(self.values)
        p = np.full((count, count), np.nan)
        one, other = np.triu_indices(count, 1)
        if not len(one):
            return p
        apart = np.eye(count)[one] - np.eye(count)[other]
        error, free = self.error(apart)
        p[one, other] = p[other, one] = student_p(apart @ self.values, error, free)
        return holm_pairs(p)


def student_p(difference: np.ndarray, error: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Two-sided p of differences of known standard error; 1 where there is neither difference nor error."""
    with np.errstate(invalid="ignore", divide="ignore"):
        t = np.abs(difference) / error
    t = np.where((difference == 0) & (error == 0), 0, t)
    p: np.ndarray = 2 * stdtr(free, -t)
    return p
