"""A leaderboard on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lsbench.leaderboard import Board
from lsbench.report.text import caption, cell, columns, heading, rank_cell, remarks


def show(board: Board, console: Console) -> None:
    """Print the ranked table, whole frame beside mouth, and what must be read with it.

    Face scores are left to the other formats: the table is for the comparison of whole and mouth.
    """
    keys = [key for key in columns(board) if not key.endswith("/face")]
    table = Table(caption_justify="left", show_lines=False, pad_edge=False)
    table.add_column("rank", justify="right")
    table.add_column("generator", overflow="fold")
    for key in keys:
        style = "bold" if key == board.rank_by else None
        table.add_column(Text(heading(board, key).replace("/", "\n", 1)), justify="right", style=style)
    for row in board.rows:
        table.add_row(rank_cell(row), Text(row.generator), *[_marked(cell(board, row, key)) for key in keys])
    console.print(escape(caption(board)))
    console.print(table)
    for remark in remarks(board):
        console.print(f"[dim]·[/dim] {escape(remark)}", highlight=False)


def _marked(text: str) -> Text:
    style = "red" if "▼" in text else "green" if "▲" in text else ""
    return Text(text, style=style)
