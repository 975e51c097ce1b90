"""Frames lost or doubled in the middle of a generated video, found from its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lsbench.protocol.changes import LAGS, Changes

MOST_FRAMES = 2  # lost or doubled at one place; where the lag moves by more, the video is another
PRICE = 2.5  # of a change of lag, in changes that would fit no better than at any lag
FIT = 0.88  # share of the usual difference, at most, that is left where two videos are lined up
CUT = 5.0  # times the usual difference: between these lies a cut (18 to 25), and not a slip (2 at most, GRID)
MOST = 2.0  # times the usual difference, more of which counts no more: PRICE is too much to pass by one other picture
LEAST_CHANGES = 8  # before and after a slip


@dataclass(frozen=True)
class Slip:
    """A place at which a generated video gets late or early against its reference.

    Attributes:
        frame: of the generated video, from 0, where it begins.
        frames: by which it is later from there on: 1 where a frame is shown twice, -1 where one is lost.
    """

    frame: int
    frames: int

    def __str__(self) -> str:
        count = abs(self.frames)
        what = "lost" if self.frames < 0 else "too many"
        return (
            f"{count} frame{'s' if count > 1 else ''} {what} at about frame {self.frame}: from there on its pictures "
            f"come {count} {'earlier' if self.frames < 0 else 'later'} than before, against the reference's"
        )


def slips(changes: Changes) -> list[Slip]:
    """Where a generated video slips against its reference.

    A lag is given to every change of the reference, so that the differences and the price of every change of lag are
    least (dynamic programming). A video that is late throughout does not slip; neither does one that fits its
    reference at no lag, nor one whose mouth alone differs.
    """
    _, shares = changes.finished()
    if len(shares) < 2 * LEAST_CHANGES:
        return []
    bounded = np.minimum(shares, MOST)
    columns = _columns(np.where(np.isnan(shares), 1.2, bounded))
    starts = [0, *(np.flatnonzero(np.diff(columns)) + 1).tolist(), len(columns)]
    stretches: list[tuple[int, int]] = []  # where each begins, and the column of its lag
    for start, stop in pairwise(starts):
        column = int(columns[start])
        own = bounded[start:stop, column]
        if np.count_nonzero(~np.isnan(own)) < LEAST_CHANGES or np.nanmean(own) > FIT:
            continue
        if stretches and (shares[max(0, start - 1) : start + 2, stretches[-1][1]] > CUT).any():
            continue  # other pictures from here on, such as a part that is grey
        stretches.append((start, column))
    return [
        Slip(start + LAGS[column], LAGS[column] - LAGS[before])
        for (_, before), (start, column) in pairwise(stretches)
        if 0 < abs(LAGS[column] - LAGS[before]) <= MOST_FRAMES
    ]


def _columns(costs: np.ndarray) -> np.ndarray:
    """The column of each row for which the sum of costs, and of PRICE for every change of column, is least."""
    every = np.arange(costs.shape[1])
    least = costs[0] + np.where(every == LAGS.index(0), 0, PRICE)
    before = np.empty(costs.shape, np.int64)
    for row, own in enumerate(costs):
        if row == 0:
            continue
        cheapest = int(least.argmin())
        stays = least <= least[cheapest] + PRICE
        before[row] = np.where(stays, every, cheapest)
        least = np.where(stays, least, least[cheapest] + PRICE) + own
    columns = np.empty(len(costs), np.int64)
    columns[-1] = least.argmin()
    for row in range(len(costs) - 1, 0, -1):
        columns[row - 1] = before[row, columns[row]]
    return columns
