"""SSIM of uint8 frames in one pass, a separable window in float32, summed in float64; the same bits on any threads.

Written in the sum u = x + y and the difference v = x - y of the two images, four blurred maps give everything:

    4 mx my = mu^2 - mv^2              4 cov(x, y) = var u - var v
    2 (mx^2 + my^2) = mu^2 + mv^2      2 (var x + var y) = var u + var v

with mu = blur(u) and var u = blur(u^2) - mu^2. u is shifted by 256, which leaves its variance as it is, and
blur(a) = a + sum of weights * (left + right - 2 a), so that flat areas are exact: rounding follows what varies.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numba
import numpy as np
from numba import float32, float64, int32, uint8

from lsbench.system.compiled import compiled, images, in_parallel

TILE = 120  # columns blurred together: a multiple of 3 channels and 8 lanes, no power of 2; the ring stays in cache


@numba.njit(inline="always")
def _luma(frame, plane):  # type: ignore[no-untyped-def]
    """1000 (0.299 R + 0.587 G + 0.114 B), a whole number: uint8 (H, W, 3) into float32 (H, W)."""
    samples, target = frame.reshape(-1), plane.reshape(-1)
    for i in range(len(target)):
        target[i] = int32(299 * samples[3 * i] + 587 * samples[3 * i + 1] + 114 * samples[3 * i + 2])


@numba.njit(inline="always")
def _blur(values, first, stride, weights, half):  # type: ignore[no-untyped-def]
    """The window over values[first + k * stride], k = 0..2 half; weights: (half,) from the outermost to the middle."""
    middle = values[first + half * stride]
    twice = middle + middle
    blurred = middle
    for k in range(half):
        blurred += weights[k] * ((values[first + k * stride] + values[first + (2 * half - k) * stride]) - twice)
    return blurred


@lru_cache
def kernel(window: int, luma: bool) -> Callable[..., None]:
    """Compiled for one window size: (reference, generated, weights, 2 C1, 2 C2, out) -> None, a score a frame."""
    step = 1 if luma else 3
    unit = 0.001 if luma else 1.0
    half, last = window // 2, window - 1
    reach = last * step
    wide = TILE + reach
    area = 2 * window * TILE

    @compiled(images(uint8, 4), images(uint8, 4), images(float32, 1), float32, float32, float64[::1])
    def score(reference, generated, weights, c1, c2, out):  # type: ignore[no-untyped-def]
        frames, height, width = reference.shape[:3]
        columns = width * step
        valid = columns - reach
        scale, shift = float32(unit), float32(256)
        x_plane = np.empty((height, width), np.float32)
        y_plane = np.empty((height, width), np.float32)
        line = np.empty(4 * wide, np.float32)
        ring = np.empty(4 * area, np.float32)
        scores = np.empty(TILE, np.float64)
        for frame in range(frames):
            if luma:
                _luma(reference[frame], x_plane)
                _luma(generated[frame], y_plane)
                x, y = x_plane, y_plane
            else:
                x, y = reference[frame].reshape(height, columns), generated[frame].reshape(height, columns)
            total = 0.0
            for left in range(0, valid, TILE):
                count = min(TILE, valid - left)
                scores[:] = 0.0
                for row in range(height):
                    x_row, y_row = x[row, left : left + count + reach], y[row, left : left + count + reach]
                    for c in range(count + reach):
                        a, b = float32(x_row[c]), float32(y_row[c])
                        u, v = (a + b) * scale - shift, (a - b) * scale
                        line[c] = u
                        line[c + wide] = v
                        line[c + 2 * wide] = u * u
                        line[c + 3 * wide] = v * v
                    # Blur along the row, into a ring that holds each row twice: its last `window` rows lie together.
                    slot = row % window * TILE
                    for m in numba.literal_unroll((0, 1, 2, 3)):
                        for c in range(count):
                            blurred = _blur(line, m * wide + c, step, weights, half)
                            ring[m * area + slot + c] = blurred
                            ring[m * area + slot + window * TILE + c] = blurred
                    if row < last:
                        continue
                    # Blur down the rows and score.
                    top = (row + 1) % window * TILE
                    for c in range(count):
                        u = _blur(ring, top + c, TILE, weights, half)
                        v = _blur(ring, top + c + area, TILE, weights, half)
                        uu = _blur(ring, top + c + 2 * area, TILE, weights, half) - u * u
                        vv = _blur(ring, top + c + 3 * area, TILE, weights, half) - v * v
                        u += shift
                        u *= u
                        v *= v
                        scores[c] += ((u - v + c1) * (uu - vv + c2)) / ((u + v + c1) * (uu + vv + c2))
                for c in range(count):
                    total += scores[c]
            out[frame] = total / (valid * (height - last))

    return score


def ssim_frames(
    reference: np.ndarray, generated: np.ndarray, weights: np.ndarray, luma: bool, c1: float, c2: float
) -> np.ndarray:
    """SSIM of each frame: uint8 (T, H, W, 3) contiguous, float64 window weights (window,) -> float64 (T,)."""
    score = kernel(len(weights), luma)
    out = np.empty(len(reference))
    taps = weights[: len(weights) // 2].astype(np.float32)
    twice_c1, twice_c2 = np.float32(2 * c1), np.float32(2 * c2)
    in_parallel(lambda part: score(reference[part], generated[part], taps, twice_c1, twice_c2, out[part]), len(out))
    return out
