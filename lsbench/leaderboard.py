"""Finished runs to ranks: what may be compared, who is ahead by which score, where whole frame and mouth disagree."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench import registry
from lsbench.errors import ComparisonError
from lsbench.results import Result, RunFolder, Score

DECODERS = ("av", "soxr")  # libraries that give metrics their pixels and samples


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
    """Comparable runs, ranked by one key; `keys` are all scores that any run has, in the order of the first run."""

    protocol: Mapping[str, Any]
    rank_by: str
    keys: tuple[str, ...]
    rows: tuple[Row, ...]

    def better(self, key: str) -> str:
        """`higher` or `lower`: which way is better."""
        return next(row.result.scores[key].better for row in self.rows if key in row.result.scores)

    def disagreement(self, row: Row, metric: str) -> int:
        """Places that a run loses (positive) or gains (negative) from metric/whole to metric/mouth."""
        whole, mouth = row.ranks.get(f"{metric}/whole"), row.ranks.get(f"{metric}/mouth")
        return mouth - whole if whole and mouth else 0


def leaderboard(runs: Iterable[str | Path], rank_by: str | None = None) -> Board:
    """Rank finished runs by a score key such as `ssim/mouth` (the protocol's own where none is named).

    Incomplete and unfinished runs and undefined scores are shown, never ranked. Raises ComparisonError where protocol
    digest, metric signatures, tracker, weights or decoders differ, naming the field.
    """
    paths = [Path(run) for run in runs]
    folders = {path.resolve(): RunFolder(path) for path in paths}
    if not folders:
        raise ComparisonError("no runs to rank")
    results = [folder.result() for folder in folders.values()]
    names = [result.name for result in results]
    for result in results:
        if names.count(result.name) > 1:
            same = " and ".join(str(other.path) for other in results if other.name == result.name)
            raise ComparisonError(f"two runs are named {result.name}: {same}; score one again with another --name")
    scored = [
        (result.name, folders[path].request()) for path, result in zip(folders, results, strict=True) if result.scores
    ]
    for name, request in scored[1:]:
        _demand_comparable(*scored[0], name, request)
    keys = tuple(dict.fromkeys(key for result in results for key in result.scores))
    rank_by = _rank_key(rank_by, results[0].protocol["rank_by"], keys)
    ranked = [result for result in results if result.complete]
    ranks = {
        key: _ranks({result.name: result.scores[key] for result in ranked if key in result.scores}) for key in keys
    }
    rows = [
        Row(
            ranks[rank_by].get(result.name),
            result,
            {key: ranks[key][result.name] for key in keys if result.name in ranks[key]},
        )
        for result in results
    ]
    rows.sort(key=lambda row: (row.rank is None, row.rank or 0, not row.result.complete, row.generator))
    return Board(results[0].protocol, rank_by, keys, tuple(rows))


def _rank_key(asked: str | None, usual: str, keys: tuple[str, ...]) -> str:
    """The key to rank by: the one asked for, else the protocol's, else the first mouth score, else the first."""
    if asked is not None:
        if asked not in keys:
            raise ComparisonError(registry.unknown("score", asked, keys))
        return asked
    if not keys:
        raise ComparisonError("none of the runs has a score; see their result.json for why")
    return next((key for key in [usual, *keys] if key in keys and (key == usual or key.endswith("/mouth"))), keys[0])


def _ranks(scores: Mapping[str, Score]) -> dict[str, int]:
    """Ranks from 1, the same for equal values; undefined scores have none."""
    defined = {name: score for name, score in scores.items() if not math.isnan(score.value)}
    return {name: 1 + sum(_ahead(other, score) for other in defined.values()) for name, score in defined.items()}


def _ahead(one: Score, other: Score) -> bool:
    return one.value > other.value if one.better == "higher" else one.value < other.value


def _demand_comparable(name: str, request: Mapping[str, Any], other_name: str, other: Mapping[str, Any]) -> None:
    """Raise ComparisonError naming the first field that can move a number and differs between two runs."""
    for where, mine, theirs in _differences(request, other):
        raise ComparisonError(
            f"runs {name} and {other_name} cannot be ranked together: {where} is {mine} in the one, {theirs} in the "
            "other. Score both again under the same conditions"
        )


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[tuple[str, Any, Any]]:
    """(field, value, value) for every field that moves a number and differs; score keys that one lacks do not count."""
    protocols = one["protocol"], other["protocol"]
    if protocols[0]["digest"] != protocols[1]["digest"]:
        for name in sorted(protocols[0].keys() - {"name", "version", "rank_by", "digest"}):
            if protocols[0][name] != protocols[1].get(name):
                yield f"protocol {name}", protocols[0][name], protocols[1].get(name)
        yield "protocol digest", protocols[0]["digest"], protocols[1]["digest"]
    for key in one["metrics"].keys() & other["metrics"].keys():
        if one["metrics"][key] != other["metrics"][key]:
            yield f"signature of {key}", one["metrics"][key], other["metrics"][key]
    if one["tracker"] and other["tracker"] and one["tracker"] != other["tracker"]:
        yield "face tracker", one["tracker"], other["tracker"]
    for name in sorted(one["weights"].keys() & other["weights"].keys()):
        if one["weights"][name] != other["weights"][name]:
            yield f"sha256 of {name}", one["weights"][name], other["weights"][name]
    for library in DECODERS:
        if one["versions"][library] != other["versions"][library]:
            yield f"version of {library}", one["versions"][library], other["versions"][library]
