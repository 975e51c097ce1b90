"""What the terminal shows: boards, scores of one run, lists, progress. Only cli.py calls it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lsbench.board.board import Board
from lsbench.board.compare import Comparison, ScoreDifference
from lsbench.networks.weights import Status
from lsbench.report.text.comparison import CLIPS, FIELDS, SCORES, clip_rows, field_rows, score_rows
from lsbench.report.text.markdown import caption, cell, clips, columns, quoted_caption, quoted_table
from lsbench.report.text.remarks import notes, remarks
from lsbench.run.result import Result
from lsbench.run.shown import number

PIPE_WIDTH = 1000  # columns, where the output is no terminal: nothing is cut


def console(*, stderr: bool = False) -> Console:
    """Standard output or error, as wide as the terminal, or wide enough for any table where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False)


def show_board(board: Board, out: Console) -> None:
    """Print the ranked table, whole frame beside mouth, and what must be read with it.

    Face scores are left to the other formats: the table is for the comparison of whole and mouth. Columns that do not
    fit beside each other follow in further tables.
    """
    keys = [key for key in columns(board) if not key.endswith("/face") or key == board.rank_by]
    rows = [*board.rows, *board.anchors]
    cells = {key: [cell(board, row, key) for row in rows] for key in keys}
    heads = {key: board.column(key).heading.replace(":", "\n", 1).replace("/", "\n", 1) for key in keys}
    width = {key: max(map(len, [*cells[key], *heads[key].split("\n")])) + 3 for key in keys}
    names = min(max([len("generator"), *(len(row.generator) for row in rows)]), max(9, out.width // 3))
    ranks = max(len("rank"), *(len(board.place(row)) for row in rows))
    counts = max(len("clips"), *(len(clips(row)) for row in rows))
    room = out.width - sum(column + 3 for column in (ranks, names))
    out.print(Text(caption(board)))
    for part, group in enumerate(_rows_of_columns(keys, width, room - counts - 3, room)):
        table = Table(pad_edge=False)
        table.add_column("rank", justify="right")
        table.add_column("generator", overflow="fold", max_width=names)
        if part == 0:
            table.add_column("clips", justify="right")
        for key in group:
            table.add_column(Text(heads[key]), justify="right", no_wrap=True)
        for index, row in enumerate(rows):
            if index == len(board.rows):
                table.add_section()
            marked = [_marked(cells[key][index], best=row.ranks.get(key) == 1) for key in group]
            counted = [clips(row)] if part == 0 else []
            table.add_row(board.place(row), Text(row.generator), *counted, *marked)
        out.print(table)
    for quotes in board.quotes:
        out.print(Text(quoted_caption(quotes)))
        header, lines = quoted_table(board, quotes)
        out.print(_plain(header, lines))
    for remark in remarks(board):
        out.print(Text(f"· {remark}"))


def show_comparison(comparison: Comparison, listed: ScoreDifference | None, clips: int, out: Console) -> None:
    """Print the differing fields of two runs, their scores, and the clips of one score."""
    for which, result in (("one", comparison.first), ("other", comparison.second)):
        state = f"{result.clips} of {result.expected} clips{'' if result.complete else ', INCOMPLETE'}"
        out.print(Text(f"{which}: {result.name}, {state}, {result.path}"))
    if comparison.fields:
        out.print(_plain(FIELDS, field_rows(comparison)))
    else:
        out.print(Text("No field differs that can move a number."))
    if not comparison.comparable:
        out.print(Text("Not comparable: the runs were made under different conditions, and nothing is tested."))
    if comparison.withheld:
        out.print(Text(f"No differences: {comparison.withheld}."))
    if comparison.scores:
        out.print(_plain(SCORES, score_rows(comparison)))
    if listed and listed.clips and clips:
        out.print(Text(f"{listed.key} by clip, those where {comparison.second.name} loses most first:"))
        out.print(_plain(CLIPS, clip_rows(listed, clips)))


def _rows_of_columns(keys: Sequence[str], width: Mapping[str, int], first: int, later: int) -> list[list[str]]:
    """Keys in order, in groups that fit the room of the first and of later tables.

    Whole and mouth of a metric stay together where they fit at all.
    """
    metrics: dict[str, list[str]] = {}
    for key in keys:
        metrics.setdefault(key.partition("/")[0], []).append(key)
    groups: list[list[str]] = [[]]
    for metric in metrics.values():
        together = sum(width[key] for key in metric) <= later
        for block in [metric] if together else [[key] for key in metric]:
            room = first if len(groups) == 1 else later
            if groups[-1] and sum(width[key] for key in [*groups[-1], *block]) > room:
                groups.append([])
            groups[-1] += block
    return groups


def show_result(result: Result) -> None:
    """Print the scores of one run, regions side by side; on stderr what must be read with them."""
    held = {key: key.rpartition("/")[::2] if "/" in key else (key, "") for key in result.scores}
    shown = [region for region in ("whole", "mouth", "face", "") if region in {place for _, place in held.values()}]
    rows = []
    for metric in dict.fromkeys(metric for metric, _ in held.values()):
        values = {place: number(result[key]) for key, (name, place) in held.items() if name == metric}
        rows.append([metric, *[values.get(region, "") for region in shown]])
    show_table(["metric", *[region or "value" for region in shown]], rows)
    state = "complete" if result.complete else "INCOMPLETE"
    _lines(console(), [f"{result.name}: {result.clips} of {result.expected} clips, {state}; kept in {result.path}"])
    left = notes(result)
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


def show_table(header: Sequence[str], rows: Iterable[Sequence[str]], out: Console | None = None) -> None:
    """Print a plain table of texts."""
    (out or console()).print(_plain(header, rows))


def _lines(out: Console, lines: Iterable[str]) -> None:
    """One line a text, never wrapped."""
    for line in lines:
        out.print(Text(line), soft_wrap=True)


def _plain(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in header:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*[Text(cell) for cell in row])
    return table


def _marked(text: str, *, best: bool) -> Text:
    """A cell: red or green where the mouth loses or gains places, bold where it is the best, its interval dimmed."""
    colour = "red" if "▼" in text else "green" if "▲" in text else ""
    marked = Text(text, style=f"bold {colour}" if best else colour)
    marked.highlight_regex(r"±\S+", "dim")
    return marked
