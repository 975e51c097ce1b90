"""The Fréchet distance between two sets of features, exact in float64 by the smallest sufficient route.

    d² = |μ₁ - μ₂|² + tr(S₁) + tr(S₂) - 2 tr((S₁ S₂)^½)

(Dowson & Landau 1982; as FID, Heusel et al. 2017), with unbiased covariances. Every covariance is written as FᵀF: F
holds the centred rows over sqrt(n - 1) where n <= d, a Cholesky factor otherwise. Then tr((S₁ S₂)^½) is the nuclear
norm of F₁ F₂ᵀ, a matrix of min(n₁, d) x min(n₂, d). pytorch-fid takes the square root of the d x d product instead,
which is singular for n <= d and then off by 1e-4. Products of a matrix with its own transpose are NumPy's, which
computes half of them; decompositions are PyTorch's, ten times as fast there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from lsbench.errors import MetricError
from lsbench.system import arrays

SMALL = 1024  # up to this many singular values are taken from the matrix itself, not from its square
CHECKED_ROWS = 1024  # of features that are looked at at once
ROUNDING = 1e-7  # of the distance: what the faster route may cost, by its own estimate


@dataclass(frozen=True, eq=False)
class Gaussian:
    """One side of the distance: mean float64 (d,), and factor F float64 (k, d) with FᵀF the covariance."""

    mean: np.ndarray
    factor: np.ndarray


class Gathering:
    """Rows of features on their way to a Gaussian: at most d of them are held, the others as sums.

    The outcome depends on the rows and their order, not on how they were handed over, to the bit.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.count = 0
        self._held = np.empty((0, width), np.float32)
        self._shift = np.zeros(width)
        self._sum = np.zeros(width)
        self._squares: np.ndarray | None = None

    def add(self, rows: np.ndarray) -> None:
        """Take in features (n, d)."""
        rows = checked_features(rows, self.width)
        self.count += len(rows)
        for start in range(0, len(rows), self.width):
            self._held = np.concatenate([self._held, rows[start : start + self.width]])
            arrays.let_go(rows)
            if len(self._held) > self.width:  # so that as long as n <= d, all rows are held
                self._settle(self._held[: self.width])
                self._held = self._held[self.width :]

    def gaussian(self) -> Gaussian:
        """The Gaussian of the rows so far, at least 2."""
        if self._squares is None:
            rows = self._held.astype(np.float64)
            mean = rows.mean(axis=0)
            return Gaussian(mean, (rows - mean) / math.sqrt(self.count - 1))
        rows = self._held - self._shift
        offset = (self._sum + rows.sum(axis=0)) / self.count
        covariance = rows.T @ rows
        covariance += self._squares
        covariance -= np.outer(self.count * offset, offset)
        covariance /= self.count - 1
        return Gaussian(self._shift + offset, factor(covariance))

    def _settle(self, rows: np.ndarray) -> None:
        """Turn held rows into sums, taken about the mean of the first so that nothing cancels."""
        if self._squares is None:
            self._shift = rows.mean(axis=0, dtype=np.float64)
            self._squares = np.zeros((self.width, self.width))
        shifted = rows - self._shift
        self._sum += shifted.sum(axis=0)
        self._squares += shifted.T @ shifted


def frechet_distance(reference: np.ndarray, generated: np.ndarray) -> float:
    """Fréchet distance (squared, as FID is) between features (n, d) and (m, d); NaN if a side has fewer than 2 rows."""
    return gathered_distance([(reference, generated)])


def gathered_distance(parts: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """frechet_distance() of rows that come in parts, (reference, generated) each, in memory that does not grow."""
    sides: tuple[Gathering, Gathering] | None = None
    for part in parts:
        sides = sides or (Gathering(checked_features(part[0]).shape[1]), Gathering(part[0].shape[1]))
        for side, rows in zip(sides, part, strict=True):
            side.add(rows)
    if sides is None or min(side.count for side in sides) < 2:
        return math.nan
    return distance(*(side.gaussian() for side in sides))


def frechet_from_moments(
    reference_mean: np.ndarray,
    reference_covariance: np.ndarray,
    generated_mean: np.ndarray,
    generated_covariance: np.ndarray,
) -> float:
    """Fréchet distance (squared) between means (d,) and covariances (d, d)."""
    return distance(
        Gaussian(np.asarray(reference_mean, np.float64), factor(np.asarray(reference_covariance, np.float64))),
        Gaussian(np.asarray(generated_mean, np.float64), factor(np.asarray(generated_covariance, np.float64))),
    )


def distance(reference: Gaussian, generated: Gaussian) -> float:
    """Fréchet distance (squared) between two Gaussians of one width."""
    first, second = reference.factor, generated.factor
    apart = float(np.sum((reference.mean - generated.mean) ** 2) + np.sum(first**2) + np.sum(second**2))
    if min(len(first), len(second)) > SMALL:
        shared, rounding = _quick_nuclear_norm(first, second)
        if 2 * rounding <= ROUNDING * (apart - 2 * shared):
            return apart - 2 * shared
    return max(0.0, apart - 2 * _nuclear_norm(first, second))


def factor(covariance: np.ndarray) -> np.ndarray:
    """F float64 (k, d) with FᵀF the covariance (d, d): of Cholesky, or of its eigenvectors where it is singular."""
    if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1] or not np.isfinite(covariance).all():
        raise MetricError(f"a covariance is {covariance.shape}, or not finite; expected a finite (d, d)")
    import torch

    lower, failed = torch.linalg.cholesky_ex(torch.tensor(covariance))
    if not failed:
        return np.asarray(lower.T.numpy())
    values, vectors = (part.numpy() for part in torch.linalg.eigh(torch.tensor(covariance)))
    kept = values > len(values) * np.finfo(np.float64).eps * values[-1]
    root: np.ndarray = np.sqrt(values[kept])[:, None] * vectors[:, kept].T
    return root


def checked_features(features: np.ndarray, width: int | None = None) -> np.ndarray:
    """The features as given; MetricError unless they are finite (n, width)."""
    if features.ndim != 2 or features.shape[1] != (width or features.shape[1]):
        raise MetricError(f"features are {features.shape}; expected (samples, {width or 'features'}) on both sides")
    bad = np.zeros(len(features), bool)
    for start in range(0, len(features), CHECKED_ROWS):
        rows = slice(start, start + CHECKED_ROWS)
        bad[rows] = ~np.isfinite(features[rows]).all(axis=1)
        arrays.let_go(features)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        raise MetricError(f"features of {bad.sum()} of {len(bad)} samples are not finite, the first is sample {first}")
    return features


def _nuclear_norm(first: np.ndarray, second: np.ndarray) -> float:
    """Sum of the singular values of first @ second.T."""
    import torch

    with _one_thread():
        return float(torch.linalg.svdvals(torch.tensor(first) @ torch.tensor(second).T).sum())


def _quick_nuclear_norm(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The same sum as roots of the eigenvalues of the product's square, and an estimate of what rounding costs."""
    import torch

    fewer, more = sorted((first, second), key=len)
    product = fewer @ more.T
    square = torch.tensor(product @ product.T)
    with _one_thread():
        values = torch.linalg.eigvalsh(square).numpy()
    noise = np.finfo(np.float64).eps * max(float(values[-1]), np.finfo(np.float64).tiny)
    values = np.maximum(values, noise)
    return float(np.sqrt(values).sum()), float((noise / np.sqrt(values)).sum() / 2)


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: of 2048 features it takes 0.6 s for the eigenvalues, busy machine or not.

    OpenBLAS on two threads takes 0.3 s alone and 4 to 20 s beside other work, for it waits at each of 2048 columns.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
