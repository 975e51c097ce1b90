"""How much each clip moves a distance between sets of features (see lsbench.statistics).

For KID it is the jackknife, from sums over the kernel. For the Fréchet distance it is the derivative of the distance T
as the weight of the clip's frames, on both sides, grows: with μ, S the mean and covariance of a side, x and y centred
rows, and p the clip's share of the frames, clips * p times the mean over its frames of

    2 (μ₁ - μ₂)·(x - y) + |x|² - xᵀA₁x + |y|² - yᵀA₂y        (less its mean over all frames)

where A₁, A₂ are the maps that carry one Gaussian to the other (Dowson & Landau 1982). With S = FᵀF, F₁F₂ᵀ = UΣVᵀ and
x = F₁ᵀz, xᵀA₁x = zᵀUΣUᵀz; where the rows of F are the frames, z is a unit vector and nothing is inverted. Drawing clips
with repetition would not do: fewer distinct frames shift a Fréchet distance by its own bias.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from lsbench.metrics._base.influence import jackknife
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sets.frechet import Gathering
from lsbench.metrics._sets.kid import kernel_row_sums
from lsbench.system import arrays

SIDES = ("reference", "generated")
MOST_COLUMNS = 2000  # frames against which a kernel's rows are summed: cost grows with the frames, not their square
AT_ONCE = 2048  # frames of a clip whose features are weighed together: longer clips are weighed in parts
FLAT = 1e-6  # of the largest singular value: directions below it carry no weight that rounding would not change


def frechet_influence(parts: Sequence[Stats]) -> np.ndarray:
    """Influence of each clip on the Fréchet distance: features of each (frames, d) -> float64 (clips,); sums to 0."""
    rows = np.array([part.rows for part in parts])
    total = int(rows.sum())
    if total < 2 or len(parts) < 2:
        return np.full(len(parts), math.nan)
    gathered = [Gathering(parts[0][side].shape[1]) for side in SIDES]
    for part in parts:
        for side, gathering in zip(SIDES, gathered, strict=True):
            gathering.add(part[side])
    first, second = (gathering.gaussian() for gathering in gathered)
    weighers = _weighers(first.factor, second.factor, total)
    gap = first.mean - second.mean
    moved = np.zeros(len(parts))
    start = 0
    for clip, part in enumerate(parts):
        for first_row in range(0, part.rows, AT_ONCE):
            own = slice(first_row, min(first_row + AT_ONCE, part.rows))
            frames = slice(start + own.start, start + own.stop)
            for side, gaussian, weigher, sign in zip(SIDES, (first, second), weighers, (1, -1), strict=True):
                x = part[side][own].astype(np.float64) - gaussian.mean
                excess = np.square(x).sum(axis=1) - weigher(x, frames)
                moved[clip] += np.sum(2 * sign * x @ gap + excess * total / (total - 1))
                arrays.let_go(part[side])
        start += part.rows
    moved /= total  # p_c times the mean over the clip's frames; what is missing is constant times p_c
    moved -= moved.sum() * rows / total
    return len(parts) * moved


def kernel_influence(parts: Sequence[Stats]) -> np.ndarray:
    """Influence of each clip on KID's MMD²: features of each (frames, d) -> float64 (clips,); sums to 0.

    Beyond MOST_COLUMNS frames, sums over the kernel's rows are estimated from every k-th column.
    """
    rows = np.array([part.rows for part in parts])
    total = int(rows.sum())
    left = total - rows
    if left.min() < 2:
        return np.full(len(parts), math.nan)
    columns = {side: _columns(parts, side, total) for side in SIDES}
    share = total / len(columns["reference"])
    # Kernel sums over pairs of frames with one in the clip, with both in it, and of a frame with itself.
    one, both, itself, mixed_one, mixed_both = np.zeros((5, len(parts)))
    for clip, part in enumerate(parts):
        for side, other in zip(SIDES, reversed(SIDES), strict=True):
            one[clip] += _sum(part[side], columns[side]) * share
            both[clip] += _sum(part[side], part[side])
            itself[clip] += sum(_sum(row[None], row[None]) for row in part[side])
            mixed_one[clip] += _sum(part[side], columns[other]) * share
        mixed_both[clip] = _sum(part["reference"], part["generated"])
    same = one.sum() - 2 * one + both - (itself.sum() - itself)
    mixed = mixed_one.sum() / 2 - mixed_one + mixed_both
    return jackknife(same / (left * (left - 1)) - 2 * mixed / left**2)


class _Weigher:
    """xᵀAx of rows x, for A the map from a factor's Gaussian to the other's, UΣUᵀ given as vectors and values."""

    def __init__(self, factor: np.ndarray, vectors: np.ndarray, values: np.ndarray, frames: int) -> None:
        self.vectors, self.values, self.frames = vectors, values, frames
        self.carrier: np.ndarray | None = None  # where the factor's rows are the frames themselves
        if len(factor) != frames:
            square = factor.shape[0] == factor.shape[1]
            self.carrier = np.linalg.solve(factor, vectors) if square else np.linalg.pinv(factor) @ vectors

    def __call__(self, x: np.ndarray, rows: slice) -> np.ndarray:
        """For x (n, d), centred, the given rows of all frames: float64 (n,)."""
        weights: np.ndarray
        if self.carrier is None:
            weights = np.square(self.vectors[rows]) @ self.values * (self.frames - 1)
        else:
            weights = np.square(x @ self.carrier) @ self.values
        return weights


def _weighers(first: np.ndarray, second: np.ndarray, frames: int) -> tuple[_Weigher, _Weigher]:
    """What weighs rows on the first and on the second side, from the singular vectors of first @ second.T."""
    product = first @ second.T
    squares, left = np.linalg.eigh(product @ product.T)
    kept = squares > FLAT**2 * squares.max()
    values, left = np.sqrt(squares[kept]), left[:, kept]
    return _Weigher(first, left, values, frames), _Weigher(second, product.T @ left / values, values, frames)


def _sum(rows: np.ndarray, columns: np.ndarray) -> float:
    return float(kernel_row_sums(rows, columns).sum(dtype=np.float64))


def _columns(parts: Sequence[Stats], side: str, total: int) -> np.ndarray:
    """The features of every k-th frame, so that at most MOST_COLUMNS are held."""
    step = -(-total // MOST_COLUMNS)
    return np.concatenate([part[side] for part in parts])[::step]
