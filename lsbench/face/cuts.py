"""Shot cuts: where a video's picture becomes another as a whole."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

THUMBNAIL = 48  # rows of the grey picture that is compared, at least; columns likewise
LEAST = 12.0  # grey levels that a cut changes on average, of 0..255
ABOVE = 4.0  # times the usual change nearby
NEARBY = 25  # pictures


def thumbnail(picture: np.ndarray) -> np.ndarray:
    """A small grey picture of uint8 (H, W, 3): every so many-th pixel, the mean of its channels, float32."""
    step = max(1, min(picture.shape[:2]) // THUMBNAIL)
    return np.asarray(picture[step // 2 :: step, step // 2 :: step].mean(axis=2, dtype=np.float32))


class Changes:
    """How much the pictures of a video change, taken one after another."""

    def __init__(self) -> None:
        self._last: tuple[np.ndarray | None, np.ndarray | None] = None, None
        self._steps: list[tuple[float, float]] = []  # mean change from the picture before, and from the one before it

    def add(self, picture: np.ndarray) -> None:
        """The next picture."""
        small = thumbnail(picture)
        last, before_last = self._last
        step = 0.0 if last is None else float(np.abs(small - last).mean())
        over = np.inf if before_last is None else float(np.abs(small - before_last).mean())
        self._steps.append((step, over))
        self._last = small, last

    def shots(self) -> np.ndarray:
        """The number of the shot that each picture is of: int32 (T,), from 0.

        A shot begins where the mean change of a grey level is at least LEAST, and ABOVE times the median of the
        changes nearby. One picture that is other, and then gone (a flash, a lost picture), begins none.
        """
        step, over = np.array(self._steps, np.float64).reshape(-1, 2).T
        usual = median_filter(step, NEARBY, mode="nearest")
        cut = (step >= LEAST) & (step >= ABOVE * usual)
        back = np.zeros(len(step), bool)
        back[1:-1] = cut[1:-1] & (over[2:] < step[1:-1] / 2)  # the picture after is like the one before
        back[2:] |= back[1:-1]
        return np.cumsum(cut & ~back, dtype=np.int32)
