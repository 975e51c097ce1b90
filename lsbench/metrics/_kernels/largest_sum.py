"""The rectangle with the largest sum, in machine code."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numba import float64, int64

from lsbench.system.compiled import compiled, images


@lru_cache
def kernel() -> Callable[..., None]:
    """Compiled: (values (R, C), sums (C,) to work in, out (4,)) -> None."""

    @compiled(images(float64, 2), float64[::1], int64[::1])
    def search(values, sums, out):  # type: ignore[no-untyped-def]
        rows, columns = values.shape
        best = 0.0
        for top in range(rows):
            sums[:] = 0.0
            for bottom in range(top, rows):
                # Kadane's rule over the columns of the rows top..bottom.
                left, run = 0, 0.0
                for column in range(columns):
                    sums[column] += values[bottom, column]
                    if run <= 0.0:
                        left, run = column, 0.0
                    run += sums[column]
                    if run > best:
                        best = run
                        out[0], out[1], out[2], out[3] = left, top, column + 1, bottom + 1

    return search


def largest_sum(values: np.ndarray) -> tuple[int, int, int, int] | None:
    """The rectangle (left, top, right, bottom), ends exclusive, of values (R, C); None where none is positive."""
    values = np.ascontiguousarray(values, np.float64)
    out = np.zeros(4, np.int64)
    kernel()(values, np.empty(values.shape[1]), out)
    left, top, right, bottom = out.tolist()
    return (left, top, right, bottom) if right else None
