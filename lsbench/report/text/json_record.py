"""A leaderboard as JSON, as lsbench/report/leaderboard.schema.json describes it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from lsbench.board.board import Board, Row
from lsbench.board.column import Pair
from lsbench.board.significance import Agreement
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.text.people import study_record
from lsbench.report.text.remarks import remarks
from lsbench.statistics.bootstrap import CONFIDENCE, RESAMPLES, SEED
from lsbench.statistics.permutation import ALPHA
from lsbench.statistics.power import POWER
from lsbench.system import strict_json
from lsbench.system.strict_json import encode


def to_json(board: Board) -> str:
    """The board with everything that was found: rows, intervals, tests, agreement of rankings, remarks."""
    return strict_json.text(record(board))


def record(board: Board) -> dict[str, Any]:
    """The content of to_json()."""
    significance = board.significance
    return {
        "protocol": dict(board.protocol),
        "rank_by": board.rank_by,
        "rows": [_row(board, row) for row in board.rows],
        "anchors": [_row(board, row) for row in board.anchors],
        "quoted": [asdict(quotes) for quotes in board.quotes],
        "statistics": {
            "confidence": CONFIDENCE,
            "alpha": ALPHA,
            "power": POWER,
            "resamples": RESAMPLES,
            "seed": SEED,
            "drawn": significance.units.by,
            "units": significance.units.count,
            "note": significance.units.note,
        },
        "neighbours": [_pair(pair) for pair in board.neighbours()],
        "detectable": {key: encode(significance.detectable(key)) for key in board.keys},
        "difference": board.difference,
        "clips_needed": encode(board.clips_needed),
        "whole_against_mouth": [_agreement(board, agreement) for agreement in board.whole_against_mouth()],
        "pairs": {column.key: [_pair(pair) for pair in column.every_two()] for column in board.columns},
        "agreement": {
            "keys": list(board.keys),
            "tau": _matrix(significance.taus),
            "low": _matrix(significance.tau_limits[0]),
            "high": _matrix(significance.tau_limits[1]),
            "flips": significance.flips.tolist(),
        },
        "opinions": study_record(board.study) if board.study is not None else None,
        "remarks": remarks(board),
    }


def _row(board: Board, row: Row) -> dict[str, Any]:
    scores = {}
    for column in board.columns:
        score = column.scores.get(row.generator)
        if score is None:
            continue
        low, high = column.interval(row.generator)
        scores[column.key] = {
            "value": encode(score.value),
            "low": encode(low),
            "high": encode(high),
            "better": column.better,
            "rank": row.ranks.get(column.key),
            "group": column.letters.get(row.generator),
        } | ({"note": score.note} if score.note else {})
    return {
        "rank": row.rank,
        "generator": row.generator,
        "clips": row.result.clips,
        "complete": row.result.complete,
        "frames": row.result.compared_frames,
        "reference_frames": row.result.reference_frames,
        "scores": scores,
    }


def _matrix(values: np.ndarray) -> list[list[Any]]:
    return [[encode(value) for value in row] for row in values.tolist()]


def _pair(pair: Pair) -> dict[str, Any]:
    content = {name: encode(value) if isinstance(value, float) else value for name, value in asdict(pair).items()}
    return content | {"significant": pair.significant}


def _agreement(board: Board, agreement: Agreement) -> dict[str, Any]:
    rankings = {}
    for side, key in (("whole", agreement.one), ("mouth", agreement.other)):
        ranked = [row for row in board.rows if key in row.ranks]
        rankings[side] = [row.generator for row in sorted(ranked, key=lambda row: row.ranks[key])]
    return {
        "metric": ScoreKey.parse(agreement.one).spec,
        "tau": encode(agreement.tau),
        "low": encode(agreement.low),
        "high": encode(agreement.high),
        "pairs": agreement.pairs,
        "rankings": rankings,
        "flips": [
            {
                "whole_ahead": flip.ahead,
                "mouth_ahead": flip.behind,
                "p": None if math.isnan(flip.p) else flip.p,
                "significant": flip.significant,
            }
            for flip in agreement.flips
        ],
    }
