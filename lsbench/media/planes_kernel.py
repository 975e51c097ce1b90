"""Planes of luma and chroma to RGB: a compiled loop in 16-bit integers, as fast as swscale's quick way."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numba import int16, int32, int64, njit, uint8, uint16

from lsbench.system.compiled import compiled, images

FRACTION = 5  # bits of a level that sums are kept to


@njit(inline="always")
def _product(value, factor):  # type: ignore[no-untyped-def]
    """value * factor / 2^15, both int16, to the nearest."""
    return int16(((int32(value) * int32(factor) >> 14) + 1) >> 1)


@lru_cache
def kernel(deep: bool) -> Callable[..., None]:
    """Compiled for samples of 8 bits, or of 9 to 15.

    (y, u, v, strides, out, size, halved, scale, black, factors) -> None: planes, flat; samples from row to row of luma
    and of chroma; RGB, flat uint8; (height, width); whether chroma has half the (rows, columns); 2^(15 - bits); the
    numbers of black and of no chroma; the int16 factors of luma, red's v, green's u and v, blue's u.
    """
    sample = uint16 if deep else uint8
    plane = images(sample, 1)
    pair = images(int64, 1)

    @compiled(plane, plane, plane, pair, uint8[::1], pair, pair, int16, images(int16, 1), images(int16, 1))
    def convert(y, u, v, strides, out, size, halved, scale, black, factors):  # type: ignore[no-untyped-def]
        height, width = size[0], size[1]
        columns = (width + 1) // 2 if halved[1] else width
        no_light, no_chroma = black[0], black[1]
        luma, red_v, green_u, green_v, blue_u = factors[0], factors[1], factors[2], factors[3], factors[4]
        red, green, blue = np.empty(width, np.uint8), np.empty(width, np.uint8), np.empty(width, np.uint8)
        more_red = np.empty(2 * columns, np.int16)
        more_green = np.empty(2 * columns, np.int16)
        more_blue = np.empty(2 * columns, np.int16)
        half = int16(1 << (FRACTION - 1))
        for row in range(height):
            if not halved[0] or row % 2 == 0:
                start = (row // 2 if halved[0] else row) * strides[1]
                u_row, v_row = u[start : start + columns], v[start : start + columns]
                if halved[1]:
                    for i in range(columns):
                        cb = int16((int16(u_row[i]) - no_chroma) * scale)
                        cr = int16((int16(v_row[i]) - no_chroma) * scale)
                        to_red, to_blue = _product(cr, red_v), _product(cb, blue_u)
                        to_green = int16(_product(cb, green_u) + _product(cr, green_v))
                        more_red[2 * i] = to_red
                        more_red[2 * i + 1] = to_red
                        more_green[2 * i] = to_green
                        more_green[2 * i + 1] = to_green
                        more_blue[2 * i] = to_blue
                        more_blue[2 * i + 1] = to_blue
                else:
                    for i in range(columns):
                        cb = int16((int16(u_row[i]) - no_chroma) * scale)
                        cr = int16((int16(v_row[i]) - no_chroma) * scale)
                        more_red[i], more_blue[i] = _product(cr, red_v), _product(cb, blue_u)
                        more_green[i] = int16(_product(cb, green_u) + _product(cr, green_v))
            y_row = y[row * strides[0] : row * strides[0] + width]
            for i in range(width):
                light = int16(_product(int16((int16(y_row[i]) - no_light) * scale), luma) + half)
                red[i] = min(255, max(0, int16(light + more_red[i]) >> FRACTION))
                green[i] = min(255, max(0, int16(light + more_green[i]) >> FRACTION))
                blue[i] = min(255, max(0, int16(light + more_blue[i]) >> FRACTION))
            line = out[3 * width * row : 3 * width * (row + 1)]
            for i in range(width):
                line[3 * i] = red[i]
                line[3 * i + 1] = green[i]
                line[3 * i + 2] = blue[i]

    return convert
