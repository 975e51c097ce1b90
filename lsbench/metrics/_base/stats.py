"""Mergeable statistics: what a metric keeps of one clip, so that clips can be joined without averaging averages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from lsbench.errors import MetricError


class Stats(Mapping[str, np.ndarray]):
    """Named columns with one row per frame (or per sample); `a + b` puts b's rows after a's.

    Columns are arrays of shape (rows, ...), all with the same number of rows. Joining rows is associative to the bit,
    so a metric that computes from the rows of many clips, joined in manifest order, gives the same value however the
    clips were spread over processes.
    """

    def __init__(self, **columns: np.ndarray) -> None:
        if not columns or len({len(column) for column in columns.values()}) != 1:
            sizes = {name: len(column) for name, column in columns.items()}
            raise MetricError(f"columns of one statistic must have the same number of rows, found {sizes}")
        self._columns = columns

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def rows(self) -> int:
        """Number of rows (frames)."""
        return len(next(iter(self._columns.values())))

    def __add__(self, other: Stats) -> Stats:
        return Stats.join([self, other])

    def __repr__(self) -> str:
        return f"Stats({', '.join(f'{name}: {column.shape}' for name, column in self.items())})"

    def cut(self, start: int, stop: int) -> Stats:
        """Rows start..stop-1, as views."""
        return Stats(**{name: column[start:stop] for name, column in self.items()})

    @classmethod
    def join(cls, parts: Iterable[Stats]) -> Stats:
        """All rows of the parts, in their order; the sum of many statistics in one copy."""
        parts = list(parts)
        if not parts:
            raise MetricError("no statistics to join")
        if any(list(part) != list(parts[0]) for part in parts):
            raise MetricError(f"statistics of different metrics: {[list(part) for part in parts]}")
        return cls(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
