"""Bars around the pictures of a video: found, and what is left when they are cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lsbench.media.film import Film

SAMPLES = 8  # frames that are looked at, over the whole video
FIRST_FRAMES = 16  # or at its start, for a hint
BAR_LEVELS = 2.0  # by which the lines of a bar differ from its outermost one on average, at most, 8-bit levels
SMEARED = 2  # px at the edge of a bar that a codec mixes with the picture
PIXELS = 2  # by which the sides of one shape may differ: sizes are rounded to even numbers


@dataclass(frozen=True)
class Bars:
    """Lines around a picture that are all like the outermost one, px: one colour, or a border that was repeated."""

    left: int
    top: int
    right: int
    bottom: int

    def __str__(self) -> str:
        sides = [("on the left", self.left), ("on the right", self.right), ("above", self.top), ("below", self.bottom)]
        return " and ".join(f"{count} px {side}" for side, count in sides if count) or "none"

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))


NO_BARS = Bars(0, 0, 0, 0)


def samples(film: Film, places: np.ndarray) -> np.ndarray:
    """Some frames of a film: uint8 (n, H, W, 3)."""
    return np.concatenate([window.frames for window in film.taken(places).windows(len(places))])


def sampled(reference: Film, generated: Film, *, hint: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Frames of both at the same places: of the whole videos, or of their start where they are for a hint."""
    count = min(len(reference), len(generated))
    last = min(count, FIRST_FRAMES) if hint else count
    places = np.unique(np.linspace(0, last - 1, min(SAMPLES, last)).round().astype(np.int64))
    return samples(reference, places), samples(generated, places)


def bars_at_most(frames: np.ndarray) -> Bars:
    """The widest bars that the pictures allow: what is black at the border of a picture itself counts too.

    Args:
        frames: uint8 (n, H, W, 3).
    """
    columns, rows = np.swapaxes(frames, 1, 2), frames
    return Bars(*(_lines(side) for side in (columns, rows, columns[:, ::-1], rows[:, ::-1])))


def padding(reference: np.ndarray, generated: np.ndarray) -> Bars | None:
    """The bars that have to be cut so that the pictures of a generated video have their reference's shape.

    Where the video is as much larger as its bars are wide, it is the reference's picture at its own size, and its place
    is that at which rows and columns are most like the reference's. Else the bars are cut as far as the shape allows,
    evenly where it leaves a choice, and their edges are moved to where rows and columns fit best. A codec smears the
    edges of bars by some pixels. Nothing is cut where the whole picture, resized, is more like the reference.

    Args:
        reference, generated: frames of both, uint8 (n, H, W, 3).

    Returns:
        The bars, all 0 where the shape is the reference's as it is; None where no cut of bars gives it.
    """
    size, own = reference.shape[1:3], generated.shape[1:3]
    bars = _at_own_size(reference, generated) or _at_another_size(reference, generated)
    if bars and _unlike(reference, generated, bars) <= _unlike(reference, generated, NO_BARS):
        return bars
    return NO_BARS if same_shape(own, size) else None


def same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes (height, width) are of one shape, but for sides that were rounded."""
    (height, width), (other_height, other_width) = one, other
    return (
        abs(width - height * other_width / other_height) < PIXELS
        or abs(height - width * other_height / other_width) < PIXELS
    )


def _lines(lines: np.ndarray) -> int:
    """How many lines from the first on are like it in every frame; uint8 (n, lines, length, 3)."""
    first = lines[:, :1].astype(np.float64)
    for count in range(1, lines.shape[1]):
        if np.abs(lines[:, count : count + 1] - first).mean() > BAR_LEVELS:
            flat = np.abs(first - first.mean(2, keepdims=True)).mean() <= BAR_LEVELS
            return count if count > 1 or flat else 0
    return lines.shape[1]


def _at_own_size(reference: np.ndarray, generated: np.ndarray) -> Bars | None:
    """The bars around a picture of the reference's size; None where they are not as wide as the sizes differ."""
    most = bars_at_most(generated)
    cut = []
    for axis, before, after in ((2, most.left, most.right), (1, most.top, most.bottom)):
        more = generated.shape[axis] - reference.shape[axis]
        first, last = max(0, more - after - SMEARED), min(more, before + SMEARED)
        if more < 0 or first > last:
            return None
        one, other = _profile(reference, axis), _profile(generated, axis)
        place = min(range(first, last + 1), key=lambda at: np.abs(other[at : at + len(one)] - one).mean())
        cut.append((place, more - place))
    (left, right), (top, bottom) = cut
    return Bars(left, top, right, bottom)


def _at_another_size(reference: np.ndarray, generated: np.ndarray) -> Bars | None:
    """The bars around a picture of the reference's shape; None where what they leave is of another."""
    most = bars_at_most(generated)
    (height, width), (own_height, own_width) = reference.shape[1:3], generated.shape[1:3]
    least_width, least_height = own_width - most.left - most.right, own_height - most.top - most.bottom
    if min(least_width, least_height) < 1:
        return None
    fitting_width = max(least_width, round(least_height * width / height))
    fitting_height = max(least_height, round(least_width * height / width))
    if fitting_width > own_width + PIXELS or fitting_height > own_height + PIXELS:
        return None
    left, right = _split(own_width, fitting_width, most.left, most.right)
    top, bottom = _split(own_height, fitting_height, most.top, most.bottom)
    bars = Bars(left, top, right, bottom)
    for before, after in (("left", "right"), ("top", "bottom")):
        edges = [
            replace(bars, **{before: getattr(bars, before) + one, after: getattr(bars, after) + other})
            for one in _moves(getattr(bars, before))
            for other in _moves(getattr(bars, after))
        ]
        bars = min(edges, key=lambda moved: _unlike(reference, generated, moved))
    return bars


def _moves(width: int) -> range:
    """By how much the edge of a bar may be moved; not at all where there is none."""
    return range(-min(width, SMEARED), SMEARED + 1) if width else range(1)


def _unlike(reference: np.ndarray, generated: np.ndarray, bars: Bars) -> float:
    """How far the means of rows and columns are from the reference's when bars are cut and the rest is resized."""
    height, width = generated.shape[1:3]
    left = generated[:, bars.top : height - bars.bottom, bars.left : width - bars.right]
    if 0 in left.shape:
        return np.inf
    differences = 0.0
    for axis in (1, 2):
        one, other = _profile(reference, axis), _profile(left, axis)
        at = (np.arange(len(one)) + 0.5) * len(other) / len(one) - 0.5
        resized = np.stack([np.interp(at, np.arange(len(other)), channel) for channel in other.T], axis=1)
        differences += float(np.abs(resized - one).mean())
    return differences


def _profile(frames: np.ndarray, axis: int) -> np.ndarray:
    """Means of rows (1) or of columns (2) over the frames, of some hundred pixels each: float64 (length, 3)."""
    step = max(1, frames.shape[3 - axis] // 256)
    lines = frames[:, ::step] if axis == 2 else frames[:, :, ::step]
    return np.asarray(lines.mean((0, 3 - axis)))


def _split(length: int, wanted: int, before: int, after: int) -> tuple[int, int]:
    """How much to cut on either side for a length, as evenly as the bars allow."""
    cut = max(0, length - wanted)
    first = min(max(cut // 2, cut - after), before)
    return first, cut - first
