"""Any table in every format: for what is smaller than a board."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from lsbench.report.text.latex import escape, tabular
from lsbench.report.text.markdown import markdown_table
from lsbench.run.shown import number
from lsbench.system import strict_json
from lsbench.system.strict_json import encode
from lsbench.system.visible import in_cell

Cell = str | int | float | None


def render(style: str, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """The table as csv, json (a list of objects), markdown or latex; floats in full, or rounded where people read."""
    if style == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerows([map(in_cell, header), *([_cell(cell) for cell in row] for row in rows)])
        return out.getvalue()
    if style == "json":
        content = [dict(zip(header, map(_plain, row), strict=True)) for row in rows]
        return strict_json.text(content)
    shown = [[text(cell) for cell in row] for row in rows]
    if style == "markdown":
        return markdown_table(header, shown)
    words = [isinstance(cell, str) for cell in rows[0]] if rows else [True] * len(header)
    shape = "".join("l" if word else "r" for word in words)
    head = [" & ".join(map(escape, header)) + " \\\\\n"]
    return tabular(shape, head, [[[escape(cell) for cell in row] for row in shown]])


def text(cell: Cell) -> str:
    """A cell for people."""
    return number(cell) if isinstance(cell, float) else "-" if cell is None else str(cell)


def _cell(cell: Cell) -> Any:
    """A cell of a CSV file."""
    return in_cell(cell) if isinstance(cell, str) else _plain(cell)


def _plain(cell: Cell) -> Any:
    return encode(cell) if isinstance(cell, float) else cell
