"""Finished runs to ranks: what may be compared, who is ahead by which score, where whole frame and mouth disagree."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from lsbench import registry
from lsbench.board.board import Board, Row
from lsbench.board.clip_values import FEWEST_FRAMES, ClipValues, better_of, read_clip_values
from lsbench.board.column import Column
from lsbench.board.people import PeopleColumn, StudyResult, demand_of_board
from lsbench.board.quotes import Quotes
from lsbench.board.significance import MetricColumn, Significance
from lsbench.errors import ComparisonError
from lsbench.metrics._base.score_key import ScoreKey
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
    study: StudyResult | None = None,
) -> Board:
    """Rank finished runs by one of their scores.

    Incomplete and unfinished runs, runs that compare less than FEWEST_FRAMES of what another one compares of a clip,
    undefined scores, scores that leave out a clip which another run's score counts, and scores without a direction are
    shown, never ranked.

    Args:
        runs: Folders of runs (RUNS/NAME).
        rank_by: A score key such as `ssim/mouth`; the protocol's own where none is named.
        anchors: Folders of runs to show unranked beside them.
        quotes: Published figures to show below.
        difference: One by the board's key that the reader wants to find.
        study: What people said of these generators.

    Returns:
        The board, which prints itself.

    Raises:
        ComparisonError: Protocol digest, metric signatures, tracker, weights or decisive libraries of two runs differ
            (it names the field), two runs bear one name, no run has the score asked for, or the study is of another
            protocol.
    """
    ranked_runs = {path.resolve(): Run(path) for path in map(Path, runs)}
    anchor_runs = {path.resolve(): Run(path) for path in map(Path, anchors)}
    if not ranked_runs:
        raise ComparisonError("no runs to rank")
    opened = list({**ranked_runs, **anchor_runs}.values())
    results = [run.result() for run in opened]
    _demand_names(results)
    conditions = {result.name: run.conditions for run, result in zip(opened, results, strict=True) if result.scores}
    for one, other in combinations(conditions, 2):  # every two, for two runs are compared in what both of them have
        demand_comparable(one, conditions[one], other, conditions[other])
    first, names = results[0], [result.name for result in results[: len(ranked_runs)]]
    by_people: dict[str, dict[str, Score]] = {}
    if study is not None:
        demand_of_board(study, first.protocol["digest"], names)
        by_people = study.scores_of([result.name for result in results if result.scores and result.name in names])
    metric_keys = list(dict.fromkeys(key for result in results for key in result.scores))
    aimless = {key for result in results for key, score in result.scores.items() if score.better == "none"}
    rank_by = _rank_key(rank_by, first.protocol.get("rank_by", ""), metric_keys, list(by_people), aimless)
    complete = sorted((result for result in results if result.complete), key=lambda result: result.name)
    clip_values = read_clip_values(complete, metric_keys).with_scores(by_people)
    short, ranked = clip_values.short(), np.array([name in names for name in clip_values.names], bool)
    shares = clip_values.shares(ranked)
    compared = ~np.isnan(clip_values.oriented) & ~short & ranked & (shares >= FEWEST_FRAMES)
    significance = Significance(clip_values, compared)
    columns = tuple(_columns(significance, results, by_people, study))
    rows = []
    for result in results:
        ranks = {column.key: column.ranks[result.name] for column in columns if result.name in column.ranks}
        rows.append(Row(ranks.get(rank_by), result, ranks))
    rows.sort(key=lambda row: (row.rank is None, row.rank or 0, not row.result.complete, row.generator))
    return Board(
        first.protocol,
        rank_by,
        columns,
        tuple(row for row in rows if row.generator in names),
        significance,
        tuple(row for row in rows if row.generator not in names),
        tuple(quotes),
        (*_rounding(conditions), *_short_notes(clip_values, short), *_frame_notes(clip_values.names, shares, ranked)),
        difference,
        study,
    )


def _columns(
    significance: Significance,
    results: Sequence[Result],
    by_people: Mapping[str, Mapping[str, Score]],
    study: StudyResult | None,
) -> Iterator[Column]:
    """The columns of metrics, then those of people."""
    for row, key in enumerate(significance.clip_values.keys):
        ranks = _ranks(significance, row)
        if study is not None and key in by_people:
            yield PeopleColumn(key, "higher", by_people[key], ranks, study.question(key))
        else:
            scores = {result.name: result.scores[key] for result in results if key in result.scores}
            yield MetricColumn(key, better_of(scores.values()), scores, ranks, significance)


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
    by_field: dict[str, dict[str, str]] = {}  # field -> run -> value
    for one, other in combinations(names, 2):
        for difference in conditions[one].differences(conditions[other]):
            values = by_field.setdefault(difference.field, {})
            values.setdefault(one, str(difference.one))
            values.setdefault(other, str(difference.other))
    lines = []
    for what, values in by_field.items():
        said = dict.fromkeys(values[name] for name in names if name in values)
        groups = {value: [name for name in names if values.get(name) == value] for value in said}
        listed = "; ".join(f"{value}: {', '.join(runs)}" for value, runs in groups.items())
        lines.append(f"{what} differs ({listed}): ranked all the same, for it moves last digits only")
    return lines


def _short_notes(clip_values: ClipValues, short: np.ndarray) -> list[str]:
    """Which scores leave out clips that others count."""
    count = clip_values.defined()
    return [
        f"{clip_values.names[run]}: {clip_values.keys[row]} is defined in {count[row, run]} of "
        f"{len(clip_values.clips)} clips, fewer than for others, and not ranked"
        for row, run in zip(*np.nonzero(short), strict=True)
    ]


def _frame_notes(names: Sequence[str], shares: np.ndarray, ranked: np.ndarray) -> list[str]:
    """Which runs compare fewer frames of a clip than others, and whether they are ranked all the same."""
    fewer = sorted((float(shares[run]), name) for run, name in enumerate(names) if ranked[run] and shares[run] < 1)
    return [
        f"{name}: compared on fewer frames than others, in the shortest clip {share:.1%} of theirs"
        + (f"; not ranked below {FEWEST_FRAMES:.0%}" if share < FEWEST_FRAMES else ", and ranked beside them")
        for share, name in fewer
    ]


def _rank_key(
    asked: str | None, usual: str, metric_keys: list[str], people_keys: list[str], aimless: Collection[str]
) -> str:
    """The key to rank by: the one asked for, else the protocol's, else the first mouth score, else the first.

    By what people said nothing is ranked unless it is asked for, or there is nothing else; by what has no direction
    nothing is.

    Args:
        asked, usual: by the caller, and by the protocol.
        metric_keys, people_keys: of the scores.
        aimless: those of them that have no direction.
    """
    if asked in aimless:
        raise ComparisonError(f"score {asked}: neither more nor less of it is better; rank by another one")
    if asked is not None:
        if asked not in metric_keys and asked not in people_keys:
            raise ComparisonError(registry.unknown("score", asked, [*metric_keys, *people_keys]))
        return asked
    keys = [key for key in metric_keys if key not in aimless] or people_keys or metric_keys
    if not keys:
        raise ComparisonError("none of the runs has a score; see their result.json for why")
    first = [usual, *[key for key in keys if ScoreKey.parse(key).region == "mouth"], keys[0]]
    return next(key for key in first if key in keys)


def _ranks(significance: Significance, row: int) -> dict[str, int]:
    """By generator the rank from 1, the same for equal values, of the scores that are compared."""
    compared = np.flatnonzero(significance.compared[row])
    worth = significance.clip_values.oriented[row, compared]
    names = [significance.clip_values.names[run] for run in compared]
    return {name: 1 + int(np.count_nonzero(worth > mine)) for name, mine in zip(names, worth, strict=True)}
