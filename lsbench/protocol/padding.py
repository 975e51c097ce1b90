"""Bars around the pictures of a video: found, and what is left when they are cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbench.media.film import Film

SAMPLES = 16  # frames that are looked at, over the whole video
FIRST_FRAMES = 16  # or at its start, for a hint
BAR_LEVELS = 2.0  # by which the lines of a bar differ from its outermost one on average, at most, 8-bit levels
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

    Where the video is the reference's picture at its own size, its place is that at which rows and columns are most
    like the reference's, if they are more like them than resized ones; else the bars are cut as far as the shape
    allows, evenly where it leaves a choice.

    Args:
        reference, generated: frames of both, uint8 (n, H, W, 3).

    Returns:
        The bars, all 0 where the shape is the reference's as it is; None where no cut of bars gives it.
    """
    (height, width), (own_height, own_width) = reference.shape[1:3], generated.shape[1:3]
    most = bars_at_most(generated)
    across, down = own_width - width, own_height - height
    if 0 <= across <= most.left + most.right and 0 <= down <= most.top + most.bottom:
        left, cut_error, error = _place(reference, generated, 1, max(0, across - most.right), most.left)
        top, cut_error_down, error_down = _place(reference, generated, 2, max(0, down - most.bottom), most.top)
        if cut_error + cut_error_down <= error + error_down:  # than if the whole picture were resized
            return Bars(left, top, across - left, down - top)
    if same_shape((own_height, own_width), (height, width)):
        return Bars(0, 0, 0, 0)
    least_width, least_height = own_width - most.left - most.right, own_height - most.top - most.bottom
    fitting_width = max(least_width, round(least_height * width / height))
    fitting_height = max(least_height, round(least_width * height / width))
    if fitting_width > own_width + PIXELS or fitting_height > own_height + PIXELS or min(least_width, least_height) < 1:
        return None
    left, right = _split(own_width, fitting_width, most.left, most.right)
    top, bottom = _split(own_height, fitting_height, most.top, most.bottom)
    return Bars(left, top, right, bottom)


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


def _place(reference: np.ndarray, generated: np.ndarray, axis: int, first: int, last: int) -> tuple[int, float, float]:
    """Where a picture lies in a larger one along one side, between two places.

    Returns:
        The place, the mean difference of the means of rows (axis 2) or columns (axis 1) there, and that which is left
        where the larger picture is resized, 8-bit levels.
    """
    one, other = (frames.mean((0, axis)) for frames in (reference, generated))
    last = min(last, len(other) - len(one))
    error, place = min((float(np.abs(other[at : at + len(one)] - one).mean()), at) for at in range(first, last + 1))
    at = (np.arange(len(one)) + 0.5) * len(other) / len(one) - 0.5
    resized = np.stack([np.interp(at, np.arange(len(other)), channel) for channel in other.T], axis=1)
    return place, error, float(np.abs(resized - one).mean())


def _split(length: int, wanted: int, before: int, after: int) -> tuple[int, int]:
    """How much to cut on either side for a length, as evenly as the bars allow."""
    cut = max(0, length - wanted)
    first = min(max(cut // 2, cut - after), before)
    return first, cut - first
