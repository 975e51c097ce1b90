"""A leaderboard as text: its cells, CSV and Markdown."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

from lsbench.board.board import Board, Row
from lsbench.board.quotes import Quotes
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.text.pairs import flip_lines, pair_caption, pair_header, pair_lines
from lsbench.report.text.remarks import remarks
from lsbench.run.shown import number
from lsbench.system.strict_json import encode
from lsbench.system.visible import in_cell, visible

PAIRED = ("whole", "mouth")


def columns(board: Board) -> list[str]:
    """Score keys in display order: what people said, per metric whole beside mouth, face, metrics without a region."""
    people = [column.key for column in board.columns if column.by_people]
    metrics = list(dict.fromkeys(ScoreKey.parse(key).spec for key in board.metric_keys))
    ordered = [f"{metric}/{region}" for metric in metrics for region in (*PAIRED, "face")]
    return people + [key for key in [*ordered, *metrics] if key in board.metric_keys]


def cell(board: Board, row: Row, key: str) -> str:
    """A value, half its interval, tie group and rank; on the mouth also places lost (▼) or gained (▲) from whole."""
    text = board.column(key).text(row.generator)
    if key in row.ranks:
        text += f" ({row.ranks[key]})"
    part = ScoreKey.parse(key)
    moved = board.disagreement(row, part.spec) if part.region == "mouth" else 0
    return f"{text} {'▼' if moved > 0 else '▲'}{abs(moved)}" if moved else text


def to_csv(board: Board) -> str:
    """One line a generator: rank, generator, clips, complete; of every score value, interval, tie group and rank.

    Where not all runs compared all frames, also how many, of how many.
    """
    keys, compared = columns(board), frames(board)
    counted = ["frames", "reference frames"] if compared else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    scored = [name for key in keys for name in (key, f"low {key}", f"high {key}", f"group {key}", f"rank {key}")]
    writer.writerow(["rank", "generator", "clips", "complete", *counted, *map(in_cell, scored)])
    for row in (*board.rows, *board.anchors):
        values: list[Any] = []
        for key in keys:
            column = board.column(key)
            score = column.scores.get(row.generator)
            values.append(encode(score.value) if score else None)
            values += [
                *map(encode, column.interval(row.generator)),
                column.letters.get(row.generator, ""),
                row.ranks.get(key),
            ]
        result = row.result
        numbers = [result.compared_frames, result.reference_frames] if compared else []
        writer.writerow(
            [row.rank, in_cell(row.generator), result.clips, str(result.complete).lower(), *numbers, *values]
        )
    return out.getvalue()


def to_markdown(board: Board) -> str:
    """A Markdown table; below it quoted figures and remarks, every two generators, flips, and agreement of scores."""
    keys, compared = columns(board), frames(board)
    rows = [
        [
            *(board.rank_text(row), row.generator, clips(row)),
            *([compared[row.generator]] if compared else []),
            *[cell(board, row, key) for key in keys],
        ]
        for row in (*board.rows, *board.anchors)
    ]
    header = ["rank", "generator", "clips", *(["frames"] if compared else [])]
    header += [board.column(key).heading for key in keys]
    parts = [f"{caption(board)}\n", markdown_table(header, rows)]
    parts += [f"{quoted_caption(quotes)}\n\n{markdown_table(*quoted_table(board, quotes))}" for quotes in board.quotes]
    parts.append(_bullets(remarks(board)))
    if pairs := board.column().every_two():
        parts.append(f"{escape(pair_caption(board))}\n\n{markdown_table(pair_header(board), pair_lines(pairs))}")
    for agreement in board.whole_against_mouth():
        if agreement.flips:
            metric = ScoreKey.parse(agreement.one).spec
            parts.append(f"Flips by {escape(metric)}:\n\n{_bullets(flip_lines(agreement))}")
    if len(board.keys) > 1:
        said = "Kendall's tau of the rankings by every two scores, in brackets its 95 % interval and the flips:"
        parts.append(f"{said}\n\n{markdown_table(*agreement_table(board))}")
    return "\n".join(filter(None, parts))


def agreement_table(board: Board) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the matrix of taus, in the order of the columns."""
    keys = columns(board)
    at = [board.keys.index(key) for key in keys]
    return ["", *keys], [[key, *[_tau(board, one, other) for other in at]] for one, key in zip(at, keys, strict=True)]


def _tau(board: Board, one: int, other: int) -> str:
    """A cell of the matrix: nothing to say of a score and itself."""
    tau, low, high = (float(each[one, other]) for each in (board.significance.taus, *board.significance.tau_limits))
    if math.isnan(tau):
        return "-"
    interval = "" if math.isnan(low) else f"{low:.2f} to {high:.2f}; "
    return f"{tau:.2f}" if one == other else f"{tau:.2f} ({interval}{board.significance.flips[one, other]})"


def _bullets(lines: Sequence[str]) -> str:
    return "".join(f"- {escape(line)}\n" for line in lines)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table of texts: the second column to the left, others to the right."""
    marks = ["---" if column == 1 else "---:" for column in range(len(header))]
    lines = [map(escape, header), marks, *(map(escape, row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def quoted_caption(quotes: Quotes) -> str:
    """Where quoted figures come from, and that they are no part of the board."""
    return f"Quoted, not comparable with the above (other clips, crops or definitions may apply): {quotes.source}"


def quoted_table(board: Board, quotes: Quotes) -> tuple[list[str], list[list[str]]]:
    """Header and rows of quoted figures: keys of the board first, then those that only the source has."""
    given = {key for row in quotes.rows for key in row.scores}
    keys = [key for key in columns(board) if key in given]
    keys += sorted(given - set(keys))
    rows = [
        ["quoted", row.generator, *[number(row.scores[key]) if key in row.scores else "-" for key in keys], row.note]
        for row in quotes.rows
    ]
    return ["", "generator", *keys, "note"], rows


def caption(board: Board) -> str:
    """What the board shows and how to read it."""
    read = "± half the 95 % interval; who shares a letter cannot be told apart; " if board.tested else ""
    return f"{board.caption}. {read}in brackets the rank by each score, ▼ ▲ places lost or gained from whole to mouth."


def clips(row: Row) -> str:
    """Clips scored of those expected."""
    return f"{row.result.clips}/{row.result.expected}"


def frames(board: Board) -> dict[str, str]:
    """Frames compared of those that could be, by generator, with the share; none where all runs compared all."""
    results = [row.result for row in (*board.rows, *board.anchors)]
    if all(result.share == 1 for result in results):
        return {}
    return {
        result.name: f"{result.compared_frames}/{result.reference_frames} ({result.share:.1%})" for result in results
    }


def escape(text: str) -> str:
    """Text that Markdown shows as it is."""
    text = visible(text.replace("\n", " "))
    for character in "\\|`*_<>[]&~$":
        text = text.replace(character, f"\\{character}")
    return text
