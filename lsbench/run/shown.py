"""How results and boards show themselves in a shell and in a notebook: numbers, plain tables, HTML tables."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence


def number(value: float) -> str:
    """About four significant figures; `undefined` for NaN."""
    if math.isnan(value):
        return "undefined"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if abs(value) >= 0.1 or value == 0 else f"{value:.3g}"


def half(value: float, width: float) -> str:
    """Half an interval's width, to as many decimals as number() gives its value."""
    shown = number(value)
    return f"{width:.2g}" if "e" in shown else f"{width:.{len(shown.partition('.')[2])}f}"


def text_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = ()) -> str:
    """A table in plain text, two blanks between the columns: those numbered in `left` to the left, others right."""
    lines = [header, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(header))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def html_table(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """The same for a notebook; every text is shown as it is, no markup in it."""
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<table style="white-space: nowrap"><caption style="text-align: left">{html.escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
