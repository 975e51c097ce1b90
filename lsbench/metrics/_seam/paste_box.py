"""Where a generated face was pasted: the smallest rectangle outside which generated and reference agree."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.ndimage import uniform_filter, uniform_filter1d

from lsbench.metrics._base.images import PEAK
from lsbench.metrics._kernels.largest_sum import largest_sum
from lsbench.metrics._seam.box_sides import SIDES, Side, differences, line_of

BLOCK = 4  # px; a cell is the mean of 2 x 2 blocks, so that noise cancels
WINDOW = 9  # frames that cells are averaged over
ROUNDING = 0.05  # levels^2; differences with less power are agreement
TEXTURES = 10  # classes of texture, each with its own power of agreement: codecs err more where there is more detail
CLASS_SHARE = 0.25  # the part of each class that must agree for its power to be known
CONTRAST = 5.0  # how many times the power outside that inside a box is, at least
SMALLEST = 16  # px, the smallest side of a box
REACH = 10  # px by which a side is moved at most when it is placed in its frame, and a third of the box
STARTS = (2.0, 8.0)  # thresholds that the search begins with, in medians
ROUNDS = 8


class Textures(NamedTuple):
    """Texture of the cells of reference frames, sorted into classes.

    cells: float32 (T, R, C), levels a px. classes: flat indices of the cells of each class, the plainest first, int64
    (T, cells) each, of T frames. middles: the median texture of each class, float32 (T, classes).
    """

    cells: np.ndarray
    classes: list[np.ndarray]
    middles: np.ndarray


def found_boxes(
    reference: np.ndarray,
    generated: np.ndarray,
    pictures: np.ndarray | None = None,
    texture: Textures | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The paste box of each frame, zeros where none is found, and by how much its median place differs.

    uint8 (T, H, W, 3) twice -> boxes int64 (T, 4) as x0, y0, x1, y1 in px; median difference float64 (T,) 8-bit levels.
    pictures: box_sides.differences() of both, texture: textures() of the reference, where they are known already.

    The signed difference without its global shift (box_sides.differences; nothing is known of saturated samples) is
    averaged over 8 x 8 px and nine frames, so that noise cancels, squared, and divided by what re-encoding leaves at
    places of the same texture. The box is the rectangle that best splits these cells into two powers, high inside and
    low outside (Gaussian likelihood); then each side is moved by up to 10 px to where the lines of the frame itself
    split best. None is found where the power inside is not five times that outside. The box must leave at least half
    of the frame as it was.
    """
    size = reference.shape[1:3]
    pictures = differences(reference, generated) if pictures is None else pictures
    texture = textures(reference) if texture is None else texture
    power = _power(reference, generated, pictures)
    boxes = np.zeros((len(reference), 4), np.int64)
    split = None
    for box, excess, picture in zip(boxes, _beyond_agreement(power, texture), pictures, strict=True):
        split = _split(excess, guess=split)
        if split is None:
            continue
        rough = _pixels(split, power.shape[1:], size)
        if min(rough[2:] - rough[:2]) >= SMALLEST:
            box[:] = _placed(picture, rough)
    return boxes, np.sqrt(np.median(power, axis=(1, 2)).astype(np.float64))


def textures(reference: np.ndarray) -> Textures:
    """Texture of each cell of the reference: uint8 (T, H, W, 3)."""
    maps = []
    for frame in reference:
        grey = _sum_of_channels(frame.astype(np.float32)) / np.float32(3)
        change = np.zeros_like(grey)
        change[:-1] += np.abs(grey[1:] - grey[:-1])
        change[:, :-1] += np.abs(grey[:, 1:] - grey[:, :-1])
        maps.append(_blocks(change[..., None]))
    cells = _averaged(maps)[..., 0]
    flat = cells.reshape(len(cells), -1)
    count = min(TEXTURES, max(1, flat.shape[1] // 32))
    classes = np.array_split(np.argsort(flat, axis=1, kind="stable"), count, axis=1)
    middles = [np.median(np.take_along_axis(flat, places, axis=1), axis=1) for places in classes]
    return Textures(cells, classes, np.stack(middles, axis=1))


def _power(reference: np.ndarray, generated: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Power of the difference in each cell, levels^2: (T, R, C)."""
    maps = []
    for one, other, picture in zip(reference, generated, pictures, strict=True):
        saturated = (one == 0) | (one == PEAK) | (other == 0) | (other == PEAK)
        maps.append(_blocks(np.where(saturated, np.float32(0), picture)))
    energy: np.ndarray = _sum_of_channels(np.square(_averaged(maps))) / np.float32(3)
    return energy


def _sum_of_channels(pictures: np.ndarray) -> np.ndarray:
    """The sum over three channels: (..., 3) -> (...), added in NumPy's order, and several times as fast."""
    red, green, blue = (pictures[..., channel] for channel in range(3))
    total: np.ndarray = red + (green + blue)
    return total


def _averaged(maps: list[np.ndarray]) -> np.ndarray:
    """Maps of blocks (R, C, K), one a frame, averaged over 2 x 2 blocks and WINDOW frames: float32 (T, R, C, K)."""
    cells = uniform_filter(np.stack(maps), (0, 2, 2, 0), mode="nearest")
    return np.asarray(uniform_filter1d(cells, WINDOW, axis=0, mode="nearest"))


def _blocks(picture: np.ndarray) -> np.ndarray:
    """Means of 4 x 4 px blocks, the last ones smaller: float32 (H, W, C) -> (ceil(H / 4), ceil(W / 4), C)."""
    for axis in (0, 1):
        size = picture.shape[axis]
        if size % BLOCK == 0:  # several times as fast, in the order in which reduceat adds: to the bit the same sums
            one, two, three, four = (
                picture[(slice(None),) * axis + (slice(place, None, BLOCK),)] for place in range(BLOCK)
            )
            picture = (one + ((two + three) + four)) / np.float32(BLOCK)
            continue
        starts = np.arange(0, size, BLOCK)
        counts = np.diff([*starts, size])
        picture = np.add.reduceat(picture, starts, axis=axis) / np.expand_dims(counts, (1 - axis, 2)).astype(np.float32)
    return picture


def _beyond_agreement(power: np.ndarray, texture: Textures) -> np.ndarray:
    """The power over the lower quartile of the power where the texture is alike: (T, R, C) -> float64 (T, R, C)."""
    flat = power.reshape(len(power), -1)
    agreement = [
        np.quantile(np.take_along_axis(flat, places, axis=1), CLASS_SHARE, axis=1) for places in texture.classes
    ]
    excess = np.empty(power.shape)
    for out, cells, *known in zip(excess, texture.cells, texture.middles, np.stack(agreement, axis=1), strict=True):
        out[...] = np.interp(cells, *known)
    return np.divide(power, ROUNDING + excess, out=excess)


def _split(power: np.ndarray, guess: tuple[int, int, int, int] | None = None) -> tuple[int, int, int, int] | None:
    """The cells (left, top, right, bottom), ends exclusive, that split the power (R, C) best; None without contrast.

    guess: about where they are; it makes the search faster and changes nothing else.
    """
    total, median = power.sum(), float(np.median(power))
    best: tuple[float, float, tuple[int, int, int, int] | None] = (math.inf, 0.0, None)
    for start in STARTS:
        threshold, last = max(1.0, start * median), None
        for _ in range(ROUNDS):
            cells = largest_sum(power - threshold, guess)
            guess = cells or guess
            if cells is None or cells == last:
                break
            left, top, right, bottom = cells
            inside, count = power[top:bottom, left:right].sum(), (bottom - top) * (right - left)
            rest = power.size - count
            low, high = max(1.0, (total - inside) / max(1, rest)), inside / count
            best = min(best, (count * math.log(high) + rest * math.log(low), high / low, cells))
            if high <= low:
                break
            # Power above this is likelier to be of the high kind than of the low one.
            threshold, last = math.log(high / low) / (1 / low - 1 / high), cells
    return best[2] if best[1] >= CONTRAST else None


def _pixels(cells: tuple[int, int, int, int], grid: tuple[int, ...], size: tuple[int, int]) -> np.ndarray:
    """A box of cells in px: cell i is centred on the line between blocks i - 1 and i; edges of the frame stay edges."""
    ends = (0, 0, grid[1], grid[0])
    edges = (0, 0, size[1], size[0])
    inner = BLOCK * np.array(cells) - BLOCK // 2
    return np.where(np.equal(cells, ends), edges, inner)


def _placed(picture: np.ndarray, rough: np.ndarray) -> np.ndarray:
    """The box with each side moved, in two rounds, to where the power of the lines splits best; frame edges stay."""
    edges = np.array([0, 0, picture.shape[1], picture.shape[0]])
    reach = np.minimum(REACH, (rough[2:] - rough[:2]) // 3)
    box = rough.copy()
    for _ in range(2):
        for index, name in enumerate(SIDES):
            if rough[index] == edges[index]:
                continue
            start = line_of(index, int(rough[index]), picture.shape)
            first = max(0, start - reach[index % 2])
            line = first + _change(Side(picture, box, name, (first, start + reach[index % 2])).power)
            box[index] = line_of(index, line, picture.shape)
    return box


def _change(power: np.ndarray) -> int:
    """How many of the first values (N,), N >= 2, to set apart so that two Gaussian variances fit best: 1 to N - 1."""
    count = np.arange(1, len(power))
    sums = power.cumsum()[:-1]
    low, high = sums / count, (power.sum() - sums) / (len(power) - count)
    cost = count * np.log(low + ROUNDING) + (len(power) - count) * np.log(high + ROUNDING)
    return int(count[np.argmin(cost)])
