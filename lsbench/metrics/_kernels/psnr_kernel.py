"""Squared errors of uint8 frames, in exact integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numba import int32, int64, uint8

from lsbench.system.compiled import compiled, images


@lru_cache
def kernel(luma: bool) -> Callable[..., None]:
    """Compiled: (reference, generated, out) -> None, the sum of squared errors of each frame into out."""

    @compiled(images(uint8, 4), images(uint8, 4), int64[::1])
    def add(reference, generated, out):  # type: ignore[no-untyped-def]
        for frame in range(len(out)):
            x, y = reference[frame].reshape(-1), generated[frame].reshape(-1)
            total = 0
            if luma:
                for i in range(len(x) // 3):
                    red = int32(x[3 * i]) - int32(y[3 * i])
                    green = int32(x[3 * i + 1]) - int32(y[3 * i + 1])
                    blue = int32(x[3 * i + 2]) - int32(y[3 * i + 2])
                    error = int64(int32(299 * red + 587 * green + 114 * blue))
                    total += error * error
            else:
                for i in range(len(x)):
                    error = int32(x[i]) - int32(y[i])
                    total += error * error
            out[frame] = total

    return add


def squared_errors(reference: np.ndarray, generated: np.ndarray, luma: bool) -> np.ndarray:
    """The sum of squared errors of each frame, contiguous uint8 (T, H, W, 3) -> int64 (T,); luma: in 1e-6 levels^2."""
    out = np.empty(len(reference), np.int64)
    kernel(luma)(reference, generated, out)
    return out
