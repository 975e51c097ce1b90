"""The rectangle with the largest sum, in machine code."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numba import float64, int64

from lsbench.system.compiled import compiled, images

_ROUNDING = 1e-9  # more than sums added in another order differ by, as a part of them


@lru_cache
def kernel() -> Callable[..., None]:
    """Compiled: (values (R, C), sums (C,) and bounds (R,) to work in, least, out (4,)) -> None.

    least: rectangles with smaller sums need not be looked at.
    """

    @compiled(images(float64, 2), float64[::1], float64[::1], float64, int64[::1])
    def search(values, sums, bounds, least, out):  # type: ignore[no-untyped-def]
        rows, columns = values.shape
        # No rectangle's sum is larger than that of the largest runs within its rows.
        for row in range(rows):
            run, most = 0.0, 0.0
            for column in range(columns):
                run = max(0.0, run + values[row, column])
                most = max(most, run)
            bounds[row] = most
        below = 0.0  # of the rows from top on
        for row in range(rows):
            below += bounds[row]
        best = 0.0
        for top in range(rows):
            if below < least:
                break
            below -= bounds[top]
            sums[:] = 0.0
            bound = 0.0
            for bottom in range(top, rows):
                for column in range(columns):
                    sums[column] += values[bottom, column]
                bound += bounds[bottom]
                if bound < least:
                    continue
                # Kadane's rule over the columns of the rows top..bottom.
                left, run = 0, 0.0
                for column in range(columns):
                    if run <= 0.0:
                        left, run = column, 0.0
                    run += sums[column]
                    if run > best:
                        best = run
                        out[0], out[1], out[2], out[3] = left, top, column + 1, bottom + 1

    return search


def largest_sum(values: np.ndarray, guess: tuple[int, int, int, int] | None = None) -> tuple[int, int, int, int] | None:
    """The rectangle (left, top, right, bottom), ends exclusive, of values (R, C); None where none is positive.

    guess: one that may be nearly as large: the better it is, the faster the search. It changes nothing else.
    """
    values = np.ascontiguousarray(values, np.float64)
    out = np.zeros(4, np.int64)
    least = 0.0
    if guess is not None:
        left, top, right, bottom = guess
        least = max(0.0, float(values[top:bottom, left:right].sum()) * (1 - _ROUNDING))
    kernel()(values, np.empty(values.shape[1]), np.empty(values.shape[0]), least, out)
    left, top, right, bottom = out.tolist()
    return (left, top, right, bottom) if right else None
