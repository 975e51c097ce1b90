"""What metrics keep of the windows of a clip: rows in memory while they are few, in a temporary file beyond."""

from __future__ import annotations

import tempfile
from typing import BinaryIO, cast

import numpy as np

from lsbench.errors import MetricError
from lsbench.metrics._base.stats import Stats

HELD_BYTES = 4 << 20  # of one column; features of a long clip take hundreds of times as much


class Rows:
    """The statistics of one clip under several names, handed over window by window.

    Columns that are one array in every window, as the features that several metrics share, are one array at the end.
    """

    def __init__(self) -> None:
        self._columns: dict[str, dict[str, _Column]] = {}

    def add(self, window: dict[str, Stats]) -> None:
        """What each name keeps of the next window: the same names and columns every time."""
        grown: dict[tuple[int, int], tuple[_Column, np.ndarray]] = {}  # by the column so far and the array that follows
        continued: set[int] = set()
        for name, stats in window.items():
            columns = self._columns.setdefault(name, {})
            for column, values in stats.items():
                so_far = columns.get(column)
                place = id(so_far) if so_far else 0, id(values)
                if place not in grown:
                    if so_far and id(so_far) in continued:  # two columns that were one array until now
                        so_far = so_far.copy()
                    grown[place] = so_far or _Column(), values
                    continued.add(place[0])
                columns[column] = grown[place][0]
        for column_of_rows, values in grown.values():
            column_of_rows.add(values)

    def stats(self, name: str) -> Stats:
        """All rows of a name; read-only and in a file where they are many."""
        return Stats(**{column: rows.array for column, rows in self._columns[name].items()})


class _Column:
    """Rows of one array."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []
        self._file: BinaryIO | None = None
        self._rows = 0
        self._joined: np.ndarray | None = None

    def add(self, values: np.ndarray) -> None:
        """The next rows."""
        if len(values) or not self._parts:
            self._parts.append(values)
        if len(self._parts) > 1 and sum(part.nbytes for part in self._parts) > HELD_BYTES:
            self._spill()

    def copy(self) -> _Column:
        """Another column that begins with the same rows."""
        other = _Column()
        if self._file:
            other.add(self._read())
            other._spill()
        for part in self._parts:
            other.add(part)
        return other

    @property
    def array(self) -> np.ndarray:
        """All rows."""
        if self._joined is None:
            self._joined = self._read() if self._file else self._in_memory()
        return self._joined

    def _in_memory(self) -> np.ndarray:
        parts = [part for part in self._parts if len(part)] or self._parts[:1]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _spill(self) -> None:
        """Move the rows that are in memory to the file; one empty part stays to say what a row is."""
        try:
            if self._file is None:
                self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  it lives as long as the rows
            for part in self._parts:
                part.tofile(self._file)
                self._rows += len(part)
        except OSError as error:
            raise MetricError(
                f"{tempfile.gettempdir()} cannot hold what is measured of a long clip ({error}); "
                "set TMPDIR to a folder with room"
            ) from error
        self._parts = [self._parts[0][:0].copy()]

    def _read(self) -> np.ndarray:
        self._spill()
        kind = self._parts[0]
        return np.memmap(cast(BinaryIO, self._file), kind.dtype, "r", shape=(self._rows, *kind.shape[1:]))
