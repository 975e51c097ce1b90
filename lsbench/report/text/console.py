"""The terminal that everything is printed on, and plain tables for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lsbench.system.visible import visible

PIPE_WIDTH = 1000  # columns, where the output is no terminal: nothing is cut


def console(*, stderr: bool = False) -> Console:
    """Standard output or error, as wide as the terminal, or wide enough for any table where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False)


def words(text: str, style: str = "") -> Text:
    """A text for the terminal, whatever stands in it: shown, and neither obeyed nor taken for markup."""
    return Text(visible(text, "\n"), style=style)


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]], out: Console | None = None) -> None:
    """Print a plain table of texts."""
    (out or console()).print(plain_table(header, rows))


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A plain table of texts, folded where it is too wide."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(words(name), overflow="fold")
    for row in rows:
        table.add_row(*[words(cell) for cell in row])
    return table
