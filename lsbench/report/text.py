"""A leaderboard as data and as text: CSV, JSON, Markdown."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from lsbench.leaderboard import Board, Row
from lsbench.results import Result, encode

PAIRED = ("whole", "mouth")


def columns(board: Board) -> list[str]:
    """Score keys in display order: per metric whole beside mouth, then face, then metrics without a region."""
    metrics = list(dict.fromkeys(key.rpartition("/")[0] or key for key in board.keys))
    ordered = [f"{metric}/{region}" for metric in metrics for region in (*PAIRED, "face")]
    return [key for key in [*ordered, *metrics] if key in board.keys]


def cell(board: Board, row: Row, key: str) -> str:
    """A value with its rank; on the mouth also how many places it loses (▼) or gains (▲) against the whole frame."""
    score = row.result.scores.get(key)
    if score is None:
        return "-"
    text = number(score.value)
    if key in row.ranks:
        text += f" ({row.ranks[key]})"
    metric, _, region = key.rpartition("/")
    moved = board.disagreement(row, metric) if region == "mouth" else 0
    return f"{text} {'▼' if moved > 0 else '▲'}{abs(moved)}" if moved else text


def number(value: float) -> str:
    """About four significant figures; `undefined` for NaN."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def heading(board: Board, key: str) -> str:
    """A key with the direction in which it improves: `psnr/whole ↑`."""
    return f"{key} {'↑' if board.better(key) == 'higher' else '↓'}"


def rank_cell(row: Row) -> str:
    """The rank, or why there is none."""
    if row.rank is not None:
        return str(row.rank)
    return "-" if row.result.complete else "incomplete"


def remarks(board: Board) -> list[str]:
    """What must be read with the numbers: disagreements, incomplete runs, unavailable metrics, notes."""
    found = []
    for metric in dict.fromkeys(key.rpartition("/")[0] for key in board.keys if key.endswith("/mouth")):
        moved = [row for row in board.rows if board.disagreement(row, metric)]
        if moved:
            names = ", ".join(row.generator for row in moved)
            found.append(f"{metric}: whole frame and mouth rank {len(moved)} generators differently: {names}")
    said: dict[str, list[str]] = {}
    for row in board.rows:
        result = row.result
        if not result.complete:
            found.append(f"{result.name} is incomplete, {result.clips} of {result.expected} clips, and not ranked")
        for note in notes(result):
            said.setdefault(note, []).append(result.name)
    everyone = len(board.rows) if len(board.rows) > 1 else 0
    return found + [f"{'all' if len(names) == everyone else ', '.join(names)}: {note}" for note, names in said.items()]


def notes(result: Result) -> list[str]:
    """What must be read with one run's numbers, keys that share a reason together."""
    said = []
    if result.frames < result.reference_frames:
        said.append(f"{result.frames} of {result.reference_frames} reference frames compared")
    reasons: dict[str, list[str]] = {}
    for key, why in result.unavailable.items():
        reasons.setdefault(f"not measured: {why}", []).append(key)
    for key, score in result.scores.items():
        if score.note:
            reasons.setdefault(score.note, []).append(key)
    return said + [f"{_short(result, keys)}: {reason}" for reason, keys in reasons.items()]


def _short(result: Result, keys: list[str]) -> str:
    """The keys, with one name for a metric whose regions are all among them."""
    every = [*result.scores, *result.unavailable]
    named = []
    for key in keys:
        metric = key.partition("/")[0]
        whole = all(other in keys for other in every if other.partition("/")[0] == metric)
        named.append(metric if whole else key)
    return ", ".join(dict.fromkeys(named))


def to_csv(board: Board) -> str:
    """One line a generator: rank, generator, clips, complete, then value and rank of every score key."""
    keys = columns(board)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    scored = [name for key in keys for name in (key, f"rank {key}")]
    writer.writerow(["rank", "generator", "clips", "complete", *scored])
    for row in board.rows:
        scores = row.result.scores
        values: list[Any] = []
        for key in keys:
            values += [encode(scores[key].value) if key in scores else None, row.ranks.get(key)]
        writer.writerow([row.rank, row.generator, row.result.clips, str(row.result.complete).lower(), *values])
    return out.getvalue()


def to_json(board: Board) -> str:
    """The contract's JSON: protocol, rank_by, rows of rank, generator, clips, complete and scores."""
    rows = [
        {
            "rank": row.rank,
            "generator": row.generator,
            "clips": row.result.clips,
            "complete": row.result.complete,
            "scores": {
                key: {"value": encode(score.value), "low": None, "high": None, "better": score.better}
                | ({"note": score.note} if score.note else {})
                for key, score in row.result.scores.items()
            },
        }
        for row in board.rows
    ]
    content = {"protocol": board.protocol, "rank_by": board.rank_by, "rows": rows}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_markdown(board: Board) -> str:
    """A Markdown table with the remarks below it."""
    keys = columns(board)
    lines = [
        ["rank", "generator", "clips", *[heading(board, key) for key in keys]],
        ["---:", "---", "---:", *["---:"] * len(keys)],
    ]
    for row in board.rows:
        clips = f"{row.result.clips}/{row.result.expected}"
        lines.append([rank_cell(row), row.generator, clips, *[cell(board, row, key) for key in keys]])
    table = "\n".join(f"| {' | '.join(map(_escape, line))} |" for line in lines)
    below = "".join(f"- {_escape(remark)}\n" for remark in remarks(board))
    return f"{caption(board)}\n\n{table}\n" + (f"\n{below}" if below else "")


def caption(board: Board) -> str:
    """What the board shows and how to read it."""
    return (
        f"Protocol {board.protocol['name']} {board.protocol['version']}, {board.protocol['clips']} clips, "
        f"ranked by {board.rank_by}; in brackets the rank by each score, ▼ ▲ places lost or gained from whole to mouth."
    )


def _escape(text: str) -> str:
    for character in "\\|`*_<>[]":
        text = text.replace(character, f"\\{character}")
    return text.replace("\n", " ")
