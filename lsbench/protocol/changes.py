"""How two videos change from frame to frame, on small grey pictures: what tells whether one is late, and where."""

from __future__ import annotations

import cv2
import numpy as np

GRID = 32  # rows and columns of the small grey pictures
MAX_LAG = 12
LAGS = tuple(range(-MAX_LAG, MAX_LAG + 1))
_AT_ONCE = 32  # changes that are compared at once: 25 lags of each take 0.2 MB
_STILL = 1e-4  # squared 8-bit levels: cells that change less say nothing


class Changes:
    """The changes of a reference beside those of a generated video at every lag, gathered while both are read.

    Change t of a video is its small picture t + 1 less its small picture t. At a lag of l frames the reference's change
    t stands beside change t + l of the generated video. Only the last few changes are held as pictures.
    """

    def __init__(self) -> None:
        self._last: list[np.ndarray | None] = [None, None]  # the last small picture of either
        self._changes = [np.empty((0, 0, 0)), np.empty((0, 0, 0))]  # those that are still to be compared
        self._first = [0, 0]  # the number of the first of them
        self._rows: list[tuple[np.ndarray, np.ndarray]] = []
        self._done = 0  # changes of the reference that were compared

    def add(self, reference: np.ndarray, generated: np.ndarray) -> None:
        """Go on with the next frames: uint8 (n, H, W, 3) of each, not always as many, one size."""
        for side, frames in enumerate((reference, generated)):
            if len(frames):
                small = block_means(frames, GRID)
                last = self._last[side]
                new = np.diff(small if last is None else np.concatenate([last[None], small]), axis=0)
                kept = self._changes[side]
                self._changes[side] = np.concatenate([kept, new]) if kept.size else new
                self._last[side] = small[-1]
        ends = [first + len(changes) for first, changes in zip(self._first, self._changes, strict=True)]
        self._compare(min(ends[0], ends[1] - MAX_LAG))

    def finished(self) -> tuple[np.ndarray, np.ndarray]:
        """What was gathered, when both videos are at their end.

        Returns:
            For each change of the reference and each of LAGS: the mean squared difference, squared 8-bit levels; and
            the same with every cell over its own mean of all lags, so that 1 says no better than at any lag and a part
            of the picture that moves much, such as another mouth, counts no more than others. float64 (T - 1, 25),
            NaN where one video has no such frame.
        """
        self._compare(self._first[0] + len(self._changes[0]))
        if not self._rows:
            return np.empty((0, len(LAGS))), np.empty((0, len(LAGS)))
        errors, shares = zip(*self._rows, strict=True)
        return np.concatenate(errors), np.concatenate(shares)

    def _compare(self, stop: int) -> None:
        """Compare the reference's changes up to one, and forget those that no later one needs."""
        while self._done < stop:
            self._compare_next(min(stop, self._done + _AT_ONCE))

    def _compare_next(self, stop: int) -> None:
        start = self._done
        (reference, generated), (_, first) = self._changes, self._first
        squares = np.full((len(LAGS), stop - start, *reference.shape[1:]), np.nan)
        for row, lag in enumerate(LAGS):
            begin = max(start, first - lag)
            end = min(stop, first + len(generated) - lag)
            if begin < end:
                own = reference[begin - self._first[0] : end - self._first[0]]
                other = generated[begin + lag - first : end + lag - first]
                squares[row, begin - start : end - start] = (own - other) ** 2
        absent = np.isnan(squares[:, :, 0, 0])
        usual = np.where(absent[..., None, None], 0, squares).sum(0) / np.maximum(1, (~absent).sum(0))[:, None, None]
        self._rows.append((squares.mean((2, 3)).T, (squares / (usual + _STILL)).mean((2, 3)).T))
        self._done = stop
        for side, needed in enumerate((stop, stop - MAX_LAG)):
            drop = max(0, min(needed - self._first[side], len(self._changes[side])))
            self._changes[side] = self._changes[side][drop:].copy()
            self._first[side] += drop


def block_means(frames: np.ndarray, cells: int) -> np.ndarray:
    """Means of the green channel over blocks of nearly equal size.

    Args:
        frames: uint8 (T, H, W, 3).
        cells: blocks along each side; fewer where a side has fewer pixels.

    Returns:
        float64 (T, cells, cells), 8-bit levels.
    """
    height, width = frames.shape[1:3]
    rows, columns = (
        np.append(np.linspace(0, side, min(cells, side), endpoint=False).astype(np.int64), side)
        for side in (height, width)
    )
    corners = np.ix_(rows, columns)
    sums = np.stack([cv2.integral(cv2.extractChannel(frame, 1))[corners] for frame in frames])
    means: np.ndarray = np.diff(np.diff(sums, axis=1), axis=2) / np.outer(np.diff(rows), np.diff(columns))
    return means
