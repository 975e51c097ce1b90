"""A board: ranked runs with everything that is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from lsbench.board.people import Opinion, Opinions
from lsbench.board.quotes import Quotes
from lsbench.board.significance import Agreement, Pair, Verdict
from lsbench.metrics._base.direction import settled
from lsbench.run.result import Result
from lsbench.statistics.letters import letters
from lsbench.statistics.permutation import ALPHA


@dataclass(frozen=True)
class Row:
    """One run on the board. rank: by the board's key, equal for equal values; None where it cannot be ranked."""

    rank: int | None
    result: Result
    ranks: Mapping[str, int]

    @property
    def generator(self) -> str:
        return self.result.name


@dataclass(frozen=True)
class Board:
    """Comparable runs, ranked by one key; `keys` are all scores that any run has, in the order of the first run.

    verdict: intervals, tests and agreement of the complete runs. anchors: runs shown below, never ranked, that say how
    to read a score. quotes: published figures, not comparable. notes: in what the runs differ that moves last digits
    only, and scores that are not ranked. difference: one by the board's key that the reader wants to find. opinions:
    what people said of the generators; its scores stand among the others (mos/overall) with the study's intervals.
    """

    protocol: Mapping[str, Any]
    rank_by: str
    keys: tuple[str, ...]
    rows: tuple[Row, ...]
    verdict: Verdict
    anchors: tuple[Row, ...] = ()
    quotes: tuple[Quotes, ...] = ()
    notes: tuple[str, ...] = ()
    difference: float | None = None
    opinions: Opinions | None = None
    _letters: dict[str, Mapping[str, str]] = field(default_factory=dict, init=False, repr=False)

    def better(self, key: str) -> str:
        """`higher`, `lower` or `zero`: which way is better."""
        scores = [row.result.scores for row in (*self.rows, *self.anchors)]
        return settled({held[key].better for held in scores if key in held})

    def by_people(self, key: str) -> bool:
        """Whether a key is of what people said."""
        return self.opinions is not None and key in self.opinions.keys

    @property
    def metric_keys(self) -> tuple[str, ...]:
        """The keys of metrics, without those of people."""
        return tuple(key for key in self.keys if not self.by_people(key))

    def interval(self, row: Row, key: str) -> tuple[float, float]:
        """The 95 % interval of a score; NaN where there is none."""
        if self.by_people(key):
            score = self._opinion(row.generator, key)
            return (score.low, score.high) if score else (math.nan, math.nan)
        known = row.generator in self.verdict.evidence.names
        return self.verdict.interval(key, row.generator) if known else (math.nan, math.nan)

    def letters(self, key: str) -> Mapping[str, str]:
        """Tie groups by a score (see Verdict.letters), by generator."""
        if key not in self._letters:
            self._letters[key] = self._people_letters(key) if self.by_people(key) else self.verdict.letters(key)
        return self._letters[key]

    @property
    def clips_needed(self) -> float:
        """How many clips the wanted difference takes, by the median pair; NaN where none is wanted or known."""
        return math.nan if self.difference is None else self.verdict.clips_needed(self.rank_by, self.difference)

    @property
    def tested(self) -> bool:
        """Whether any two generators could be tested against each other."""
        return bool(np.isfinite(self.verdict.p).any())

    def disagreement(self, row: Row, metric: str) -> int:
        """Places that a run loses (positive) or gains (negative) from metric/whole to metric/mouth."""
        whole, mouth = row.ranks.get(f"{metric}/whole"), row.ranks.get(f"{metric}/mouth")
        return mouth - whole if whole and mouth else 0

    def paired(self) -> list[str]:
        """Metrics that are measured on the whole frame and on the mouth."""
        return [
            metric
            for metric in dict.fromkeys(key.rpartition("/")[0] for key in self.keys)
            if metric and {f"{metric}/whole", f"{metric}/mouth"} <= set(self.keys)
        ]

    def whole_against_mouth(self) -> list[Agreement]:
        """For each such metric, how far its two rankings agree."""
        return [self.verdict.agreement(f"{metric}/whole", f"{metric}/mouth") for metric in self.paired()]

    def neighbours(self) -> list[Pair]:
        """Each ranked generator and the next one, by the board's key."""
        ranked = [row.generator for row in self.rows if row.rank is not None]
        if self.by_people(self.rank_by):
            return [self._people_pair(self.rank_by, *pair) for pair in pairwise(ranked)]
        return self.verdict.pairs(self.rank_by, list(pairwise(ranked)))

    def pairs(self, key: str) -> list[Pair]:
        """Every two generators that are ranked by a key, the better one first."""
        rows = [row for row in self.rows if key in row.ranks]
        ranked = [row.generator for row in sorted(rows, key=lambda row: (row.ranks[key], row.generator))]
        if self.by_people(key):
            return [self._people_pair(key, *pair) for pair in combinations(ranked, 2)]
        return self.verdict.pairs(key, list(combinations(ranked, 2)))

    def _opinion(self, generator: str, key: str) -> Opinion | None:
        return self.opinions.question(key).score(generator) if self.opinions is not None else None

    def _people_pair(self, key: str, one: str, other: str) -> Pair:
        """Two generators by what people said. More raters are what their difference takes: see `lsbench mos read`."""
        pairs = self.opinions.question(key).pairs if self.opinions is not None else ()
        for pair in pairs:
            if {pair.one, pair.other} == {one, other}:
                ends = (pair.low, pair.high) if pair.one == one else (-pair.high, -pair.low)
                apart = pair.difference if pair.one == one else -pair.difference
                return Pair(one, other, apart, *ends, pair.p, math.nan, math.nan)
        return Pair(one, other, *[math.nan] * 6)

    def _people_letters(self, key: str) -> dict[str, str]:
        """Tie groups of the board's own generators by the study's tests."""
        rated = [row for row in self.rows if key in row.ranks]
        rated.sort(key=lambda row: -row.result[key])
        names = [row.generator for row in rated]
        apart = np.array([[self._people_pair(key, one, other).p < ALPHA for other in names] for one in names], bool)
        return dict(zip(names, letters(apart.reshape(len(names), len(names))), strict=True))
