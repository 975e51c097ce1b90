"""A board in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lsbench.board.board import Board
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.text.console import plain_table, words
from lsbench.report.text.markdown import caption, cell, clips, columns, frames, quoted_caption, quoted_table
from lsbench.report.text.remarks import remarks
from lsbench.system.visible import visible


def show_board(board: Board, out: Console) -> None:
    """Print the ranked table, whole frame beside mouth, and what must be read with it.

    Face scores are left to the other formats: the table is for the comparison of whole and mouth. Columns that do not
    fit beside each other follow in further tables.
    """
    keys = [key for key in columns(board) if not key.endswith("/face") or key == board.rank_by]
    rows, compared = [*board.rows, *board.anchors], frames(board)
    cells = {key: [cell(board, row, key) for row in rows] for key in keys}
    heads = {key: _head(key, board.column(key).heading) for key in keys}
    width = {key: max(map(len, [*cells[key], *heads[key].split("\n")])) + 3 for key in keys}
    names = min(max([len("generator"), *(len(row.generator) for row in rows)]), max(9, out.width // 3))
    ranks = max(len("rank"), *(len(board.rank_text(row)) for row in rows))
    counts = max(len("clips"), *(len(clips(row)) for row in rows))
    counts += max(map(len, compared.values())) + 3 if compared else 0
    room = out.width - sum(column + 3 for column in (ranks, names))
    out.print(words(caption(board)))
    for part, group in enumerate(_rows_of_columns(keys, width, room - counts - 3, room)):
        table = Table(pad_edge=False)
        table.add_column("rank", justify="right")
        table.add_column("generator", overflow="fold", max_width=names)
        if part == 0:
            table.add_column("clips", justify="right")
            if compared:
                table.add_column("frames", justify="right")
        for key in group:
            table.add_column(words(heads[key]), justify="right", no_wrap=True)
        for index, row in enumerate(rows):
            if index == len(board.rows):
                table.add_section()
            marked = [_marked(cells[key][index], best=row.ranks.get(key) == 1) for key in group]
            counted = [clips(row), *([compared[row.generator]] if compared else [])] if part == 0 else []
            table.add_row(board.rank_text(row), words(row.generator), *counted, *marked)
        out.print(table)
    for quotes in board.quotes:
        out.print(words(quoted_caption(quotes)))
        header, lines = quoted_table(board, quotes)
        out.print(plain_table(header, lines))
    for remark in remarks(board):
        out.print(words(f"· {remark}"))


def _rows_of_columns(keys: Sequence[str], width: Mapping[str, int], first: int, later: int) -> list[list[str]]:
    """Keys in order, in groups that fit the room of the first and of later tables.

    Whole and mouth of a metric stay together where they fit at all.
    """
    metrics: dict[str, list[str]] = {}
    for key in keys:
        metrics.setdefault(ScoreKey.parse(key).spec, []).append(key)
    groups: list[list[str]] = [[]]
    for metric in metrics.values():
        together = sum(width[key] for key in metric) <= later
        for block in [metric] if together else [[key] for key in metric]:
            room = first if len(groups) == 1 else later
            if groups[-1] and sum(width[key] for key in [*groups[-1], *block]) > room:
                groups.append([])
            groups[-1] += block
    return groups


def _marked(text: str, *, best: bool) -> Text:
    """A cell: red or green where the mouth loses or gains places, bold where it is the best, its interval dimmed."""
    colour = "red" if "▼" in text else "green" if "▲" in text else ""
    marked = words(text, style=f"bold {colour}" if best else colour)
    marked.highlight_regex(r"±\S+", "dim")
    return marked


def _head(key: str, heading: str) -> str:
    """The heading of a column in lines: metric, options, region with the direction."""
    parts = ScoreKey.parse(key)
    arrow = heading.removeprefix(key)
    *lines, last = [visible(part) for part in (parts.metric, parts.options, parts.region) if part]
    return "\n".join([*lines, f"{last}{arrow}"])
