"""Finished runs to ranks: what may be compared, who is ahead by which score, where whole frame and mouth disagree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from lsbench import registry
from lsbench.errors import ComparisonError
from lsbench.evidence import Evidence, gather
from lsbench.metrics._base.direction import oriented, settled
from lsbench.opinions import Opinion, Opinions, demand_of_board
from lsbench.quotes import Quotes
from lsbench.run.conditions import demand_comparable, differences
from lsbench.run.folder import RunFolder
from lsbench.run.result import Result, Score
from lsbench.statistics.letters import letters
from lsbench.statistics.permutation import ALPHA
from lsbench.verdict import Agreement, Pair, Verdict


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


def leaderboard(
    runs: Iterable[str | Path],
    rank_by: str | None = None,
    *,
    anchors: Iterable[str | Path] = (),
    quotes: Iterable[Quotes] = (),
    difference: float | None = None,
    opinions: Opinions | None = None,
) -> Board:
    """Rank finished runs by a score key such as `ssim/mouth` (the protocol's own where none is named).

    anchors: runs to show unranked beside them. Incomplete and unfinished runs, undefined scores and scores that leave
    out a clip which another run's score counts are shown, never ranked. Raises ComparisonError where protocol digest,
    metric signatures, tracker, weights or decisive libraries differ, naming the field.

    opinions: what people said of these generators, of the same protocol; ComparisonError where it is of another.
    """
    folders = {path.resolve(): RunFolder(path) for path in map(Path, runs)}
    beside = {path.resolve(): RunFolder(path) for path in map(Path, anchors)}
    if not folders:
        raise ComparisonError("no runs to rank")
    results = {path: folder.result() for path, folder in {**folders, **beside}.items()}
    _demand_names(results.values())
    requests = {result.name: RunFolder(result.path).request() for result in results.values() if result.scores}
    for one, other in combinations(requests, 2):  # every two, for two runs are compared in what both of them have
        demand_comparable(one, requests[one], other, requests[other])
    first = next(iter(folders))
    if opinions is not None:
        demand_of_board(opinions, results[first].protocol["digest"], [results[path].name for path in folders])
        results = {path: opinions.applied(result) if path in folders else result for path, result in results.items()}
    found = dict.fromkeys(key for path in [*folders, *beside] for key in results[path].scores)
    keys = tuple(sorted(found, key=lambda key: opinions is not None and key in opinions.keys))  # people's last
    rank_by = _rank_key(rank_by, results[first].protocol["rank_by"], keys, opinions.keys if opinions else ())
    complete = sorted((result for result in results.values() if result.complete), key=lambda result: result.name)
    ranked = {results[path].name for path in folders}
    evidence = gather(complete, keys)
    short = evidence.short()
    compared = ~np.isnan(evidence.scores) & ~short & np.array([name in ranked for name in evidence.names], bool)
    ranks = {
        key: _ranks(
            {
                result.name: result.scores[key]
                for run, result in enumerate(complete)
                if key in result.scores and compared[place, run]
            },
            evidence.better[place],
        )
        for place, key in enumerate(keys)
    }
    rows = [
        Row(
            ranks[rank_by].get(result.name),
            result,
            {key: ranks[key][result.name] for key in keys if result.name in ranks[key]},
        )
        for result in results.values()
    ]
    rows.sort(key=lambda row: (row.rank is None, row.rank or 0, not row.result.complete, row.generator))
    return Board(
        results[first].protocol,
        rank_by,
        keys,
        tuple(row for row in rows if row.generator in ranked),
        Verdict(evidence, compared),
        tuple(row for row in rows if row.generator not in ranked),
        tuple(quotes),
        (*_rounding(requests), *_short_notes(evidence, short)),
        difference,
        opinions,
    )


def _demand_names(results: Iterable[Result]) -> None:
    """Raise ComparisonError where two runs bear one name."""
    seen: dict[str, Result] = {}
    for result in results:
        if result.name in seen:
            same = f"{seen[result.name].path} and {result.path}"
            raise ComparisonError(f"two runs are named {result.name}: {same}; score one again with another --name")
        seen[result.name] = result


def _rounding(requests: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """In what runs differ that moves last digits only, one line a field."""
    names = sorted(requests)
    found: dict[str, dict[str, str]] = {}  # field -> run -> value
    for one, other in combinations(names, 2):
        for difference in differences(requests[one], requests[other]):
            values = found.setdefault(difference.field, {})
            values.setdefault(one, str(difference.one))
            values.setdefault(other, str(difference.other))
    lines = []
    for what, values in found.items():
        said = dict.fromkeys(values[name] for name in names if name in values)
        groups = {value: [name for name in names if values.get(name) == value] for value in said}
        listed = "; ".join(f"{value}: {', '.join(runs)}" for value, runs in groups.items())
        lines.append(f"{what} differs ({listed}): ranked all the same, for it moves last digits only")
    return lines


def _short_notes(evidence: Evidence, short: np.ndarray) -> list[str]:
    """Which scores leave out clips that others count."""
    count = evidence.defined()
    return [
        f"{evidence.names[run]}: {evidence.keys[place]} is defined in {count[place, run]} of {len(evidence.clips)} "
        "clips, fewer than for others, and not ranked"
        for place, run in zip(*np.nonzero(short), strict=True)
    ]


def _rank_key(asked: str | None, usual: str, keys: tuple[str, ...], people: tuple[str, ...]) -> str:
    """The key to rank by: the one asked for, else the protocol's, else the first mouth score, else the first.

    people: keys of what people said, by which nothing is ranked unless it is asked for.
    """
    if asked is not None:
        if asked not in keys:
            raise ComparisonError(registry.unknown("score", asked, keys))
        return asked
    if not keys:
        raise ComparisonError("none of the runs has a score; see their result.json for why")
    keys = tuple(key for key in keys if key not in people) or keys
    return next((key for key in [usual, *keys] if key in keys and (key == usual or key.endswith("/mouth"))), keys[0])


def _ranks(scores: Mapping[str, Score], better: str) -> dict[str, int]:
    """Ranks from 1, the same for equal values; undefined scores have none."""
    worth = {name: oriented(score.value, better) for name, score in scores.items() if not math.isnan(score.value)}
    return {name: 1 + sum(other > mine for other in worth.values()) for name, mine in worth.items()}
