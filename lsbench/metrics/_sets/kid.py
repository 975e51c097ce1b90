"""Kernel distance between two sets of features: KID, Bińkowski et al. 2018, as torch-fidelity computes it.

    k(x, y) = (x·y / d + 1)³
    MMD² = mean of k over pairs of different references + the same over generated - 2 mean of k over mixed pairs

averaged over subsets drawn without replacement. Unbiased, so it may fall below 0, and needs no correction for N.
"""

from __future__ import annotations

import math

import numpy as np

from lsbench.metrics._sets.frechet import checked_features

ROWS = 1024  # of a kernel matrix that are held at once


def kernel_distance(
    reference: np.ndarray, generated: np.ndarray, subsets: int = 100, subset_size: int = 1000, seed: int = 2020
) -> np.ndarray:
    """MMD² of each subset, float64 (k,), between features (n, d) and (m, d): KID is their mean.

    subset_size is lowered to the smaller of n and m; where it then holds every row of both, one subset is all there is
    (k = 1). Fewer than 2 rows on a side: NaN. The draws are torch-fidelity's: RandomState(seed), reference first.
    """
    reference, generated = checked_features(reference), checked_features(generated, reference.shape[1])
    size = min(subset_size, len(reference), len(generated))
    if size < 2:
        return np.array([math.nan])
    if size == len(reference) == len(generated):
        subsets = 1
    random = np.random.RandomState(seed)
    draws = [
        (random.choice(len(reference), size, replace=False), random.choice(len(generated), size, replace=False))
        for _ in range(subsets)
    ]
    if len(reference) * len(generated) > subsets * size**2:
        every = np.ones((size, 1))
        return np.concatenate([_mmd2(reference[i], generated[j], every, every, size) for i, j in draws])
    taken = np.zeros((len(reference), subsets)), np.zeros((len(generated), subsets))
    for column, draw in enumerate(draws):
        for side, indices in zip(taken, draw, strict=True):
            side[indices, column] = 1
    return _mmd2(reference, generated, *taken, size)


def kernel_row_sums(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Sum of k(x, y) over all y in columns (m, d), for each x in rows (n, d): (n,), as precise as the features."""
    base = rows @ columns.T
    base /= rows.shape[1]
    base += 1
    sums: np.ndarray = (base * base * base).sum(axis=1)
    return sums


def _mmd2(
    reference: np.ndarray, generated: np.ndarray, in_reference: np.ndarray, in_generated: np.ndarray, size: int
) -> np.ndarray:
    """MMD² of k subsets at once, in one pass over the kernel matrices; in_...: (n, k), (m, k), 1 where a row is in."""
    same = _kernel_sums(reference, reference, in_reference, in_reference) - _diagonal(reference) @ in_reference
    same += _kernel_sums(generated, generated, in_generated, in_generated) - _diagonal(generated) @ in_generated
    mixed = _kernel_sums(reference, generated, in_reference, in_generated)
    distances: np.ndarray = same / (size * (size - 1)) - 2 * mixed / size**2
    return distances


def _kernel_sums(first: np.ndarray, second: np.ndarray, in_first: np.ndarray, in_second: np.ndarray) -> np.ndarray:
    """Sum of k(x, y) over x in the first and y in the second part of each subset, float64 (k,)."""
    total = np.zeros(in_first.shape[1])
    other = second.astype(np.float64).T
    for start in range(0, len(first), ROWS):
        rows = slice(start, start + ROWS)
        base = first[rows].astype(np.float64) @ other
        base /= first.shape[1]
        base += 1
        total += ((base * base * base @ in_second) * in_first[rows]).sum(axis=0)
    return total


def _diagonal(features: np.ndarray) -> np.ndarray:
    """k(x, x) of every row, float64 (n,)."""
    wide = features.astype(np.float64)
    values: np.ndarray = (np.einsum("ij,ij->i", wide, wide) / features.shape[1] + 1) ** 3
    return values
