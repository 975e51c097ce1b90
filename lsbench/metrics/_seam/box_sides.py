"""What changes from the outside of a box to its inside: differences of two pictures along the four sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SIDES = ("left", "top", "right", "bottom")  # in the order of a box's coordinates x0, y0, x1, y1
_THIN = 4  # every fourth row and column are enough for a median


def difference(reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """Generated minus reference without a global brightness shift: uint8 (H, W, 3) twice -> float32 (H, W, 3), levels.

    The shift is the median difference of each channel; the reference is moved by it and clipped as 8-bit pictures are,
    so that highlights which the shift saturates leave no trace.
    """
    moved = reference.astype(np.float32)
    thin = np.s_[::_THIN, ::_THIN]
    shift = np.median(generated[thin] - moved[thin], axis=(0, 1))
    if shift.any():
        moved = np.clip(moved + shift, 0, 255)
    return generated - moved


def differences(reference: np.ndarray, generated: np.ndarray) -> np.ndarray:
    """difference() of every frame: uint8 (T, H, W, 3) twice -> float32 (T, H, W, 3)."""
    out = np.empty(reference.shape, np.float32)
    for target, *pair in zip(out, reference, generated, strict=True):
        target[...] = difference(*pair)
    return out


class Side:
    """One side of a box in a picture of differences, cut into segments; lines are counted in px from outside to inside.

    picture: float32 (H, W, 3), levels. box: x0, y0, x1, y1 inside the picture, 2 px or more a side. lines: the first
    line that is looked at and the one behind the last, inside the picture. segment: px along the side that are
    averaged, rounded so that equal segments fill the side, two at least. pairs: number of neighbouring segments.
    """

    def __init__(
        self,
        picture: np.ndarray,
        box: Sequence[int] | np.ndarray,
        name: str,
        lines: tuple[int, int],
        segment: int = 8,
    ) -> None:
        x0, y0, x1, y1 = (int(edge) for edge in box)
        rows = picture[y0:y1] if name in ("left", "right") else picture[:, x0:x1].swapaxes(0, 1)
        if name in ("right", "bottom"):
            rows = rows[:, ::-1]
        self.first = lines[0]
        rows = rows[:, slice(*lines)]
        length = len(rows)
        count = min(length, max(2, round(length / segment)))
        self.pairs = count - 1
        bounds = np.linspace(0, length, count + 1).astype(np.int64)
        sums = np.add.reduceat(rows, bounds[:-1], axis=0, dtype=np.float64)
        self._means = sums / (bounds[1:] - bounds[:-1])[:, None, None]  # (segments, lines, 3)

    @property
    def power(self) -> np.ndarray:
        """The mean square of each line's segments over segments and channels: float64 (lines,) levels^2."""
        power: np.ndarray = np.square(self._means).mean(axis=(0, 2))
        return power

    def squared_step(self, line: int, strip: int, gap: int) -> float | None:
        """The squared step across a line, levels^2, as far as neighbouring segments agree on it; None without room.

        A segment's step is the mean of `strip` px inside the line minus that of `strip` px outside it, `gap` px on
        either side of the line left out. Its product with the neighbouring segment's, averaged over the pairs and the
        channels, is s^2 for an edge of s levels and 0 on average for noise, which the segments do not share.
        """
        reach, line = gap + strip, line - self.first
        if line < reach or line + reach > self._means.shape[1]:
            return None
        inside = self._means[:, line + gap : line + reach].mean(axis=1)
        outside = self._means[:, line - reach : line - gap].mean(axis=1)
        steps = inside - outside
        return float((steps[1:] * steps[:-1]).mean())


def line_of(side: int, edge: int, shape: tuple[int, ...]) -> int:
    """The line at which a side lies: index of SIDES, its coordinate, and the picture's shape (H, W, 3)."""
    return edge if side < 2 else shape[3 - side] - edge
