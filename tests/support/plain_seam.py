"""Seam once more, frame by frame and with whole sides: what lsbench.metrics.seam must equal to the bit, only slower."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import uniform_filter, uniform_filter1d

BLOCK, WINDOW, ROUNDING, TEXTURES, CLASS_SHARE, CONTRAST = 4, 9, 0.05, 10, 0.25, 5.0
SMALLEST, REACH, STARTS, ROUNDS = 16, 10, (2.0, 8.0), 8


def steps(
    reference: np.ndarray, generated: np.ndarray, strip: int = 4, gap: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Boxes int (T, 4), zeros where there is none; squared step and floor, levels^2, 0 where there is none."""
    pictures = [_difference(*pair) for pair in zip(reference, generated, strict=True)]
    unknown = [(a == 0) | (a == 255) | (b == 0) | (b == 255) for a, b in zip(reference, generated, strict=True)]
    power = np.square(
        _cells([np.where(mask, np.float32(0), picture) for mask, picture in zip(unknown, pictures, strict=True)])
    ).mean(axis=3)
    texture = _cells([_texture(frame) for frame in reference])[..., 0]
    boxes, step, floor = np.zeros((len(reference), 4), np.int64), np.zeros(len(reference)), np.zeros(len(reference))
    for index, picture in enumerate(pictures):
        cells = _split(_excess(power[index], texture[index]))
        if cells is None:
            continue
        grid, size = power.shape[1:], reference.shape[1:3]
        inner = BLOCK * np.array(cells) - BLOCK // 2
        rough = np.where(np.equal(cells, (0, 0, grid[1], grid[0])), (0, 0, size[1], size[0]), inner)
        if min(rough[2:] - rough[:2]) < SMALLEST:
            continue
        boxes[index] = _placed(picture, rough)
        sides = [_side(picture, boxes[index], side) for side in range(4)]
        step[index] = _mean(sides, 0, strip, gap)
        floor[index] = np.nan_to_num(_mean(sides, -2 * (strip + gap), strip, gap))
    return boxes, step, floor


def largest_sum(values: np.ndarray) -> tuple[int, int, int, int] | None:
    """The first rectangle with the largest sum, added up row by row and then from left to right."""
    best, place = 0.0, None
    for top in range(len(values)):
        sums = np.zeros(values.shape[1])
        for bottom in range(top, len(values)):
            sums += values[bottom]
            left, run = 0, 0.0
            for column, value in enumerate(sums.tolist()):
                if run <= 0:
                    left, run = column, 0.0
                run += value
                if run > best:
                    best, place = run, (left, top, column + 1, bottom + 1)
    return place


def _difference(reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
    moved = reference.astype(np.float32)
    shift = np.median(generated[::4, ::4] - moved[::4, ::4], axis=(0, 1))
    return generated - (np.clip(moved + shift, 0, 255) if shift.any() else moved)


def _texture(frame: np.ndarray) -> np.ndarray:
    grey = frame.mean(axis=2, keepdims=True, dtype=np.float32)
    down, across = (np.abs(np.diff(grey, axis=axis, append=grey.take([-1], axis))) for axis in (0, 1))
    return down + across


def _cells(pictures: list[np.ndarray]) -> np.ndarray:
    maps = []
    for picture in pictures:
        for axis in (0, 1):
            starts = np.arange(0, picture.shape[axis], BLOCK)
            counts = np.diff([*starts, picture.shape[axis]])
            picture = np.add.reduceat(picture, starts, axis=axis) / np.expand_dims(counts, (1 - axis, 2)).astype("f4")
        maps.append(picture)
    return uniform_filter1d(uniform_filter(np.stack(maps), (0, 2, 2, 0), mode="nearest"), WINDOW, 0, mode="nearest")


def _excess(power: np.ndarray, texture: np.ndarray) -> np.ndarray:
    count = min(TEXTURES, max(1, power.size // 32))
    classes = np.array_split(np.argsort(texture, axis=None, kind="stable"), count)
    agreement = [np.quantile(power.ravel()[cells], CLASS_SHARE) for cells in classes]
    middles = [np.median(texture.ravel()[cells]) for cells in classes]
    return power / (ROUNDING + np.interp(texture, middles, agreement))


def _split(power: np.ndarray) -> tuple[int, int, int, int] | None:
    total, median = power.sum(), float(np.median(power))
    best: tuple[float, float, tuple[int, int, int, int] | None] = (math.inf, 0.0, None)
    for start in STARTS:
        threshold, last = max(1.0, start * median), None
        for _ in range(ROUNDS):
            cells = largest_sum(power - threshold)
            if cells is None or cells == last:
                break
            left, top, right, bottom = cells
            inside, count = power[top:bottom, left:right].sum(), (bottom - top) * (right - left)
            rest = power.size - count
            low, high = max(1.0, (total - inside) / max(1, rest)), inside / count
            best = min(best, (count * math.log(high) + rest * math.log(low), high / low, cells))
            if high <= low:
                break
            threshold, last = math.log(high / low) / (1 / low - 1 / high), cells
    return best[2] if best[1] >= CONTRAST else None


def _side(picture: np.ndarray, box: np.ndarray, side: int) -> tuple[np.ndarray, int]:
    """Means of the segments on all lines, from outside to inside, float64 (segments, depth, 3), and the box's line."""
    x0, y0, x1, y1 = box.tolist()
    rows = picture[:, x0:x1].swapaxes(0, 1) if side % 2 else picture[y0:y1]
    line = box.tolist()[side]
    if side > 1:
        rows, line = rows[:, ::-1], rows.shape[1] - line
    count = min(len(rows), max(2, round(len(rows) / 8)))
    bounds = np.linspace(0, len(rows), count + 1).astype(np.int64)
    sums = np.add.reduceat(rows, bounds[:-1], axis=0, dtype=np.float64)
    return sums / np.diff(bounds)[:, None, None], line


def _placed(picture: np.ndarray, rough: np.ndarray) -> np.ndarray:
    edges = np.array([0, 0, picture.shape[1], picture.shape[0]])
    reach = np.minimum(REACH, (rough[2:] - rough[:2]) // 3)
    box = rough.copy()
    for side in (0, 1, 2, 3) * 2:
        if rough[side] == edges[side]:
            continue
        power = np.square(_side(picture, box, side)[0]).mean(axis=(0, 2))
        start = abs(int(rough[side] - edges[side]))
        first = max(0, start - reach[side % 2])
        power = power[first : start + reach[side % 2]]
        count = np.arange(1, len(power))
        sums = power.cumsum()[:-1]
        low, high = sums / count, (power.sum() - sums) / (len(power) - count)
        cost = count * np.log(low + ROUNDING) + (len(power) - count) * np.log(high + ROUNDING)
        line = first + int(count[np.argmin(cost)])
        box[side] = line if side < 2 else edges[side] - line
    return box


def _mean(sides: list[tuple[np.ndarray, int]], offset: int, strip: int, gap: int) -> float:
    weighted, total = [], 0
    for means, line in sides:
        place, reach = line + offset, strip + gap
        if place < reach or place + reach > means.shape[1]:
            continue
        inside = means[:, place + gap : place + reach].mean(axis=1)
        change = inside - means[:, place - reach : place - gap].mean(axis=1)
        weighted.append((len(means) - 1) * float((change[1:] * change[:-1]).mean()))
        total += len(means) - 1
    return math.fsum(weighted) / total if total else math.nan
