"""Finished runs to ranks: what may be compared, who is ahead by which score, where whole frame and mouth disagree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations
from pathlib import Path

import numpy as np

from lsbench import registry
from lsbench.board.board import Board, Row
from lsbench.board.clip_values import Evidence, gather
from lsbench.board.people import Opinions, demand_of_board
from lsbench.board.quotes import Quotes
from lsbench.board.significance import Verdict
from lsbench.errors import ComparisonError
from lsbench.metrics._base.direction import oriented
from lsbench.run.conditions import Conditions, demand_comparable
from lsbench.run.folder import Run
from lsbench.run.result import Result, Score


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
    folders = {path.resolve(): Run(path) for path in map(Path, runs)}
    beside = {path.resolve(): Run(path) for path in map(Path, anchors)}
    if not folders:
        raise ComparisonError("no runs to rank")
    results = {path: folder.result() for path, folder in {**folders, **beside}.items()}
    _demand_names(results.values())
    opened = {**folders, **beside}
    conditions = {result.name: opened[path].conditions for path, result in results.items() if result.scores}
    for one, other in combinations(conditions, 2):  # every two, for two runs are compared in what both of them have
        demand_comparable(one, conditions[one], other, conditions[other])
    first = next(iter(folders))
    if opinions is not None:
        demand_of_board(opinions, results[first].protocol["digest"], [results[path].name for path in folders])
        results = {path: opinions.applied(result) if path in folders else result for path, result in results.items()}
    found = dict.fromkeys(key for path in [*folders, *beside] for key in results[path].scores)
    keys = tuple(sorted(found, key=lambda key: opinions is not None and key in opinions.keys))  # people's last
    rank_by = _rank_key(rank_by, results[first].protocol.get("rank_by", ""), keys, opinions.keys if opinions else ())
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
        (*_rounding(conditions), *_short_notes(evidence, short)),
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


def _rounding(conditions: Mapping[str, Conditions]) -> list[str]:
    """In what runs differ that moves last digits only, one line a field."""
    names = sorted(conditions)
    found: dict[str, dict[str, str]] = {}  # field -> run -> value
    for one, other in combinations(names, 2):
        for difference in conditions[one].differences(conditions[other]):
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
