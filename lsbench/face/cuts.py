"""Shot cuts: where a video's picture becomes another as a whole."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter, median_filter

THUMBNAIL = 48  # rows or columns of the grey picture that is compared, at least
FAINT = 2.0  # grey levels of contrast that do not count as any
LEAST = 0.03  # unlikeness of two pictures of different shots; 0 to 1 and beyond, where they are alike, and not at all
ABOVE = 9.0  # times the usual unlikeness nearby
NEARBY = 25  # pictures
BESIDE = np.array([1, 1, 0, 1, 1], bool)  # pictures against which a cut stands out
CERTAIN = 0.5  # unlikeness that need not stand out so


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """A small grey picture of uint8 (H, W, 3): every so many-th pixel, the mean of its channels, float32."""
    step = max(1, min(picture.shape[:2]) // THUMBNAIL)
    return np.asarray(picture[step // 2 :: step, step // 2 :: step].mean(axis=2, dtype=np.float32))


def unlikeness(one: np.ndarray, other: np.ndarray) -> float:
    """How unlike two thumbnails are in the half that is most alike: left, right, upper or lower.

    1 less the correlation: another brightness or contrast is no other picture, and a half that stays is no cut.
    """
    height, width = one.shape[0] // 2, one.shape[1] // 2
    halves = np.s_[:, :width], np.s_[:, width:], np.s_[:height], np.s_[height:]
    return min(_apart(one[half], other[half]) for half in halves)


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one - one.mean(), other - other.mean()
    shared, *own = (float(np.mean(a * b)) + FAINT**2 for a, b in ((one, other), (one, one), (other, other)))
    return 1 - shared / float(np.sqrt(own[0] * own[1]))


class Changes:
    """How much the pictures of a video change, taken one after another."""

    def __init__(self) -> None:
        self._last: list[np.ndarray] = []
        self._unlike: list[tuple[float, float]] = []  # the picture before, and the one before that

    def add(self, picture: np.ndarray) -> None:
        """The next picture."""
        small = thumbnail(picture)
        last, before = [*(unlikeness(small, other) for other in self._last), 0.0, 0.0][:2]
        self._unlike.append((last, before))
        self._last = [small, *self._last[:1]]

    def shots(self) -> np.ndarray:
        """The number of the shot that each picture is of: int32 (T,), from 0.

        A shot begins where a picture is unlike the one before it: by LEAST, by ABOVE times the usual nearby, and by
        ABOVE times any change in BESIDE (a head that moves takes several), unless by CERTAIN. A single
        other picture (a flash, a lost one) begins none.
        """
        last, before = np.array(self._unlike, np.float64).reshape(-1, 2).T
        usual = median_filter(last, NEARBY, mode="nearest")
        beside = maximum_filter(last, footprint=BESIDE, mode="constant")
        cut = (last >= LEAST) & (last >= ABOVE * usual) & ((last >= ABOVE * beside) | (last >= CERTAIN))
        alone = cut[:-1] & (before[1:] < last[:-1] / 2)  # the picture after is like the one before
        cut[:-1] &= ~alone
        cut[1:] &= ~alone
        return np.cumsum(cut, dtype=np.int32)
