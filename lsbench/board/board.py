"""A board: ranked runs with everything that is said of them."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.board.column import Column, Pair
from lsbench.board.people import StudyResult
from lsbench.board.quotes import Quotes
from lsbench.board.significance import Agreement, Significance
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.run.folder import Run
from lsbench.run.result import Result
from lsbench.run.shown import html_table, text_table


@dataclass(frozen=True)
class Row:
    """One run on the board.

    Attributes:
        rank: By the board's key, equal for equal values; None where it cannot be ranked.
        result: The run's own result.
        ranks: By score key, of the scores that it is ranked by.
    """

    rank: int | None
    result: Result
    ranks: Mapping[str, int]

    @property
    def generator(self) -> str:
        """The name of the run."""
        return self.result.name


@dataclass(frozen=True, eq=False, repr=False)
class Board:
    """Comparable runs, ranked by one key.

    Attributes:
        protocol: The rules and the clips that all runs share.
        rank_by: The key of the column that gives the ranks.
        columns: All scores that any run has, in the order of the first run; what people said last.
        rows: The runs, the best first, those without a rank last.
        significance: Intervals, tests and agreement of the complete runs.
        anchors: Runs shown below, never ranked, that say how to read a score.
        quotes: Published figures, not comparable.
        notes: In what the runs differ that moves last digits only, and scores that are not ranked.
        difference: One by the board's key that the reader wants to find.
        study: What people said of the generators, where a study was given; its scores are columns, mos/overall ...
    """

    protocol: Mapping[str, Any]
    rank_by: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    significance: Significance
    anchors: tuple[Row, ...] = ()
    quotes: tuple[Quotes, ...] = ()
    notes: tuple[str, ...] = ()
    difference: float | None = None
    study: StudyResult | None = None

    @cached_property
    def _columns(self) -> dict[str, Column]:
        return {column.key: column for column in self.columns}

    @property
    def inputs(self) -> list[Path]:
        """The runs that it was read from, and the clips that they were made of: no page is written into them."""
        return [path for row in (*self.rows, *self.anchors) for path in Run.of(row.result).inputs()]

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all columns."""
        return tuple(self._columns)

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The keys of metrics, without those of people."""
        return tuple(column.key for column in self.columns if not column.by_people)

    def column(self, key: str | None = None) -> Column:
        """The column of a key; without one, of the board's own."""
        return self._columns[key or self.rank_by]

    @property
    def clips_needed(self) -> float:
        """How many clips the wanted difference takes, by the median pair; NaN where none is wanted or known."""
        return math.nan if self.difference is None else self.significance.clips_needed(self.rank_by, self.difference)

    @property
    def tested(self) -> bool:
        """Whether any two generators could be tested against each other."""
        return bool(np.isfinite(self.significance.p).any())

    def disagreement(self, row: Row, metric: str) -> int:
        """Places that a run loses (positive) or gains (negative) from metric/whole to metric/mouth."""
        whole, mouth = (row.ranks.get(f"{metric}/{region}") for region in ("whole", "mouth"))
        return mouth - whole if whole and mouth else 0

    def paired(self) -> list[str]:
        """Metrics that are measured on the whole frame and on the mouth."""
        return [
            metric
            for metric in dict.fromkeys(key.spec for key in map(ScoreKey.parse, self.keys) if key.region)
            if {f"{metric}/whole", f"{metric}/mouth"} <= set(self.keys)
        ]

    def whole_against_mouth(self) -> list[Agreement]:
        """For each such metric, how far its two rankings agree."""
        return [self.significance.agreement(f"{metric}/whole", f"{metric}/mouth") for metric in self.paired()]

    def neighbours(self) -> list[Pair]:
        """Each ranked generator and the next one, by the board's key."""
        return self.column().neighbours()

    def to_pandas(self, intervals: bool = False) -> Any:
        """The board as a table for further work; unlike the printed one, without anchors.

        Args:
            intervals: Also give the ends of the 95 % intervals: the columns are then (key, value), (key, low) and
                (key, high).

        Returns:
            A pandas.DataFrame, float64, with a row for each generator, in the order of the board, and a column for each
            key; NaN where a run has no such score, or a score is undefined.
        """
        import pandas

        index = pandas.Index([row.generator for row in self.rows], name="generator")
        values: dict[Any, list[float]] = {}
        for column in self.columns:
            scores = [column.scores.get(generator) for generator in index]
            value = [math.nan if score is None else score.value for score in scores]
            if not intervals:
                values[column.key] = value
                continue
            values[column.key, "value"] = value
            low, high = zip(*(column.interval(generator) for generator in index), strict=True)
            values[column.key, "low"], values[column.key, "high"] = list(low), list(high)
        return pandas.DataFrame(values, index=index, dtype="float64")

    def __repr__(self) -> str:
        """A table as wide as the terminal: the board's own score, then those that most runs have."""
        width, columns = shutil.get_terminal_size().columns, self._by_interest()
        count = len(columns)
        while count > 1 and max(map(len, self._table(columns[:count]).splitlines())) > width:
            count -= 1
        hidden = len(columns) - count
        more = f"\nand {hidden} more scores; to_pandas() has all" if hidden else ""
        return f"{self.caption}\n{self._table(columns[:count])}{more}"

    def _repr_html_(self) -> str:
        """The whole board, for a notebook."""
        return html_table(*self._cells(self._by_interest()), caption=self.caption)

    def _by_interest(self) -> list[Column]:
        return sorted(self.columns, key=lambda column: (column.key != self.rank_by, -len(column.scores)))

    @property
    def caption(self) -> str:
        """Protocol, clips, and by what the board is ranked."""
        protocol = f"{self.protocol['name']} {self.protocol['version']}"
        return f"Protocol {protocol}, {self.protocol['clips']} clips, ranked by {self.rank_by}"

    def _table(self, columns: Sequence[Column]) -> str:
        header, rows = self._cells(columns)
        return text_table(header, rows, left=(1,))

    def _cells(self, columns: Sequence[Column]) -> tuple[list[str], list[list[str]]]:
        """Header and rows: rank, generator, and the given columns."""
        return ["rank", "generator", *(column.heading for column in columns)], [
            [self.rank_text(row), row.generator, *(column.text(row.generator) for column in columns)]
            for row in (*self.rows, *self.anchors)
        ]

    def rank_text(self, row: Row) -> str:
        """The rank of a row in words, or why it has none."""
        if row.rank is not None:
            return str(row.rank)
        if row in self.anchors:
            return "anchor"
        return "-" if row.result.complete else "incomplete"
