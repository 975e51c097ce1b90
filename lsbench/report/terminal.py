"""What the terminal shows: boards, scores of one run, lists, progress. Only cli.py calls it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from lsbench.leaderboard import Board
from lsbench.pool import Progress
from lsbench.report.text import caption, cell, columns, heading, number, rank_cell, remarks
from lsbench.results import Result
from lsbench.weights import Status


def console(*, stderr: bool = False) -> Console:
    """Standard output or error, as wide as the terminal, or wide enough for any table where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 160, highlight=False, soft_wrap=False)


def show_board(board: Board, out: Console) -> None:
    """Print the ranked table, whole frame beside mouth, and what must be read with it.

    Face scores are left to the other formats: the table is for the comparison of whole and mouth.
    """
    keys = [key for key in columns(board) if not key.endswith("/face")]
    table = Table(pad_edge=False)
    table.add_column("rank", justify="right")
    table.add_column("generator", overflow="fold")
    for key in keys:
        style = "bold" if key == board.rank_by else None
        table.add_column(Text(heading(board, key).replace("/", "\n", 1)), justify="right", style=style)
    for row in board.rows:
        table.add_row(rank_cell(row), Text(row.generator), *[_marked(cell(board, row, key)) for key in keys])
    out.print(Text(caption(board)))
    out.print(table)
    for remark in remarks(board):
        out.print(Text(f"· {remark}"))


def show_result(result: Result) -> None:
    """Print the scores of one run, regions side by side; on stderr what could not be measured or scored."""
    held = {key: key.rpartition("/")[::2] if "/" in key else (key, "") for key in result.scores}
    shown = [region for region in ("whole", "mouth", "face", "") if region in {place for _, place in held.values()}]
    rows = []
    for metric in dict.fromkeys(metric for metric, _ in held.values()):
        values = {place: number(result[key]) for key, (name, place) in held.items() if name == metric}
        rows.append([metric, *[values.get(region, "") for region in shown]])
    show_table(["metric", *[region or "value" for region in shown]], rows)
    said = [f"{key}: {score.note}" for key, score in result.scores.items() if score.note]
    state = "complete" if result.complete else "INCOMPLETE"
    said.append(f"{result.name}: {result.clips} of {result.expected} clips, {state}; kept in {result.path}")
    _lines(console(), said)
    left = [f"{key}: not measured: {why}" for key, why in result.unavailable.items()]
    left += [f"not scored: {' '.join(why.split())}" for why in result.failed.values()]
    left += [f"left out, no such clip: {', '.join(result.extra)}"] if result.extra else []
    _lines(console(stderr=True), left)


def show_weights(states: Iterable[Status]) -> None:
    """Print what is known of the weight files."""
    rows = []
    for state in states:
        weight = state.weight
        rows.append([weight.name, state.state, f"{weight.size:,}", weight.licence, weight.purpose, str(state.path)])
    show_table(["name", "state", "bytes", "licence", "for", "file"], rows)


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a plain table of texts."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    console().print(table)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A progress function that draws on stderr, one bar per label; silent where stderr is no terminal."""
    parts = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    silent = quiet or not sys.stderr.isatty()
    with Bars(*parts, console=Console(stderr=True), disable=silent, transient=True) as bars:
        tasks = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield report


def _lines(out: Console, lines: Iterable[str]) -> None:
    """One line a text, never wrapped."""
    for line in lines:
        out.print(Text(line), soft_wrap=True)


def _marked(text: str) -> Text:
    style = "red" if "▼" in text else "green" if "▲" in text else ""
    return Text(text, style=style)
