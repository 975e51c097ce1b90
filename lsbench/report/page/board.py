"""A leaderboard as the report page shows it: cells, explanations, agreement, provenance, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from lsbench.board.board import Board, Row
from lsbench.board.clip_values import values_by_clip
from lsbench.metrics._base.direction import in_words, oriented
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.text.markdown import clips, columns, frames
from lsbench.report.text.remarks import against
from lsbench.run.folder import Run
from lsbench.run.shown import number
from lsbench.system.strict_json import encode, flat


def headline(board: Board) -> str:
    """Who is ahead by the board's key, and whether that is more than chance, in a sentence."""
    ranked = [row for row in board.rows if row.rank is not None]
    if not ranked:
        return f"No run can be ranked by {board.rank_by}."
    leaders = [row.generator for row in ranked if row.rank == 1]
    value = board.column().shown(board.column().scores[leaders[0]].value)
    if len(ranked) == 1:
        return f"{leaders[0]} has {board.rank_by} {value}; there is no other generator to compare it with."
    if len(leaders) > 1:
        return f"{', '.join(leaders[:-1])} and {leaders[-1]} share the first place by {board.rank_by} ({value})."
    pair = board.neighbours()[0]
    said = f"{pair.one} is ahead by {board.rank_by} ({value}) of {len(ranked)} generators"
    if math.isnan(pair.p):
        return f"{said}; whether its lead over {pair.other} is more than chance could not be tested."
    if pair.significant:
        return f"{said}, and its lead over {pair.other} is more than chance (p = {pair.p:.2g})."
    return f"{said}, but cannot be told apart from {pair.other} (p = {pair.p:.2g})."


def lede(board: Board) -> str:
    """How whole frame and mouth agree by the board's own metric, in a sentence; empty where there is nothing to say."""
    metric = ScoreKey.parse(board.rank_by).spec
    return (
        against(board.significance.agreement(f"{metric}/whole", f"{metric}/mouth")) if metric in board.paired() else ""
    )


def heads(board: Board) -> list[dict[str, Any]]:
    """The columns: key, metric, region, which way is better."""
    lines = []
    for key in columns(board):
        part = ScoreKey.parse(key)
        # Columns of people stay whatever regions are shown: their second part is a question.
        column = board.column(key)
        chosen_by = "" if column.by_people else part.region
        parts = {"metric": part.spec, "region": part.region, "chosen_by": chosen_by}
        lines.append({"key": key, **parts, "better": column.better})
    return lines


def rows(board: Board) -> list[dict[str, Any]]:
    """The rows, anchors last, each with a cell for every column."""
    keys, compared = columns(board), frames(board)
    spans = {key: _span(board, key) for key in keys}
    return [
        {
            "place": index,
            "rank": board.rank_text(row),
            "order": index,
            "generator": row.generator,
            "anchor": row in board.anchors,
            "clips": clips(row),
            "frames": compared.get(row.generator, ""),
            "cells": [_cell(board, row, key, spans[key]) for key in keys],
        }
        for index, row in enumerate((*board.rows, *board.anchors))
    ]


def agreement(board: Board) -> dict[str, Any]:
    """Kendall's tau of every two scores with its interval and the flips in words, in the order of the columns.

    No lines where there is nothing to rank.
    """
    keys = [key for key in columns(board) if key in board.keys]
    at = [board.keys.index(key) for key in keys]
    lines = [[_tau(board, i, j) for j in at] for i in at]
    return {"scores": keys, "lines": lines if any(tau is not None for line in lines for tau in line) else []}


def explanations(board: Board) -> list[dict[str, str]]:
    """What each score asks, which way is better, its source and its signature."""
    lines = []
    for column in map(board.column, columns(board)):
        asks, source = column.describe()
        better = in_words(column.better).removesuffix(" is better")
        signature = next(iter(column.scores.values())).signature
        lines.append({"key": column.key, "asks": asks, "better": better, "source": source, "signature": signature})
    return lines


def provenance(board: Board) -> dict[str, Any]:
    """Every field of run.json: those that all runs share, and for each other field what the runs say."""
    requests = {row.generator: flat(Run.of(row.result).request()) for row in (*board.rows, *board.anchors)}
    fields = list(dict.fromkeys(name for request in requests.values() for name in request))
    values = {name: {run: _shown(request, name) for run, request in requests.items()} for name in fields}
    same = {name: next(iter(by_run.values())) for name, by_run in values.items() if len(set(by_run.values())) == 1}
    return {
        "same": same,
        "differs": {name: by_run for name, by_run in values.items() if name not in same},
        "paths": {row.generator: str(Run.of(row.result).path.resolve()) for row in (*board.rows, *board.anchors)},
    }


def clip_values(row: Row, ids: Sequence[str], keys: Sequence[str]) -> dict[str, list[Any]]:
    """The value of every clip by every score that has one, in the order of ids; None where there is none."""
    by_key: dict[str, list[Any]] = {}
    by_clip = values_by_clip(row.result) if row.result.scores else {}
    for key in keys:
        values = by_clip.get(key, {})
        if any(not math.isnan(value) for value in values.values()):
            by_key[key] = [encode(float(f"{values.get(clip, math.nan):.5g}")) for clip in ids]
    return by_key


def people_values(board: Board, row: Row, ids: Sequence[str]) -> dict[str, list[Any]]:
    """What people said of every clip, as clip_values(); nothing where there are no ratings of this generator."""
    by_key = board.study.clip_values(row.generator) if board.study is not None else {}
    return {
        key: [encode(float(f"{values.get(clip, math.nan):.5g}")) for clip in ids]
        for key, values in by_key.items()
        if key in board.keys and row.generator in board.column(key).scores
    }


def worst_first(values: Mapping[str, Sequence[Any]], key: str, better: str) -> list[int]:
    """Places of the clips, the worst first by a score; those without a value last."""
    of_clips = values.get(key, [])
    defined = [clip for clip, value in enumerate(of_clips) if value is not None]
    return sorted(defined, key=lambda clip: oriented(float(of_clips[clip]), better)) + [
        clip for clip, value in enumerate(of_clips) if value is None
    ]


def _cell(board: Board, row: Row, key: str, span: tuple[float, float]) -> dict[str, Any] | None:
    column = board.column(key)
    score = column.scores.get(row.generator)
    if score is None:
        return None
    low, high = column.interval(row.generator)
    part = ScoreKey.parse(key)
    cell: dict[str, Any] = {
        "value": column.shown(score.value),
        "sort": None if math.isnan(score.value) else encode(score.value),
        "rank": row.ranks.get(key),
        "best": row.ranks.get(key) == 1,
        "group": column.letters.get(row.generator, ""),
        "moved": board.disagreement(row, part.spec) if part.region == "mouth" else 0,
        "spread": column.margin(row.generator),
        "note": score.note or "",
        "bar": None,
    }
    if math.isfinite(score.value):
        ends = [score.value if math.isnan(end) else end for end in (low, high)]
        cell["limits"] = "" if math.isnan(low) else f"{number(low)} to {number(high)}"
        cell["bar"] = [_percent(value, span) for value in (ends[0], score.value, ends[1])]
    return cell


def _tau(board: Board, one: int, other: int) -> tuple[float, str] | None:
    tau, low, high = (float(each[one, other]) for each in (board.significance.taus, *board.significance.tau_limits))
    if math.isnan(tau):
        return None
    flips = board.significance.flips[one, other]
    interval = "" if math.isnan(low) else f"95 %: {low:.2f} to {high:.2f}; "
    return tau, f"{interval}{flips} {'flip' if flips == 1 else 'flips'}"


def _span(board: Board, key: str) -> tuple[float, float]:
    """The range that the bars of a column cover: of all finite values and limits."""
    column, ends = board.column(key), []
    for generator, score in column.scores.items():
        ends += [score.value, *column.interval(generator)]
    ends = [value for value in ends if math.isfinite(value)]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _percent(value: float, span: tuple[float, float]) -> float:
    low, high = span
    return round(100 * (value - low) / (high - low), 1) if high > low else 50.0


def _shown(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name, "")
    return "none" if value is None else str(value)
