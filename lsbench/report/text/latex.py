"""A leaderboard as a LaTeX table: booktabs, best in bold, tie groups as superscripts."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lsbench.board.board import Board, Row
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.text.markdown import columns, quoted_caption, quoted_table
from lsbench.system.visible import visible

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "%": r"\%",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # behind a line's end it would be a distance, a star would forbid a page's end
    "]": "{]}",
    "*": "{*}",
}


def to_latex(board: Board) -> str:
    """A tabular that needs the package booktabs; whole and mouth of a metric share a heading."""
    keys = columns(board)
    rows = [[board.rank_text(row), _name(row), *[_cell(board, row, key) for key in keys]] for row in board.rows]
    anchors = [["", _name(row), *[_cell(board, row, key) for key in keys]] for row in board.anchors]
    note = (
        f"% {_remark(board.protocol['name'])} {_remark(board.protocol['version'])}, {board.protocol['clips']} clips, "
        f"ranked by "
        f"{board.rank_by}. In bold the best; generators that share a letter cannot be told apart (paired permutation "
        "test, Holm, 5 %); in brackets half the 95 % interval. Needs \\usepackage{booktabs}.\n"
    )
    head = [_metrics(keys), _regions(board, keys)]
    tables = [note + tabular("rl" + "r" * len(keys), head, [rows, *([anchors] if anchors else [])])]
    for quotes in board.quotes:
        header, cells = quoted_table(board, quotes)
        lines = [[escape(text) for text in row[1:]] for row in cells]
        body = tabular("l" + "r" * (len(header) - 3) + "l", [_line([escape(text) for text in header[1:]])], [lines])
        tables.append(f"% {_remark(quoted_caption(quotes))}\n{body}")
    return "\n".join(tables)


def escape(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(SPECIAL.get(character, character) for character in visible(text.replace("\n", " ")))


def _remark(text: object) -> str:
    """A text in a comment, which ends with the line."""
    return visible(" ".join(str(text).split()))


def _name(row: Row) -> str:
    """The generator, with the share of the frames that was compared where it is not all."""
    share = "" if row.result.share == 1 else f" ({row.result.share:.1%} of the frames)"
    return escape(f"{row.generator}{share}")


def _cell(board: Board, row: Row, key: str) -> str:
    column = board.column(key)
    score = column.scores.get(row.generator)
    if score is None:
        return "--"
    value = r"$\infty$" if math.isinf(score.value) else column.shown(score.value)
    text = rf"\textbf{{{value}}}" if row.ranks.get(key) == 1 else value
    margin = column.margin(row.generator)
    interval = f" ($\\pm${margin})" if margin else ""
    letters = column.letters.get(row.generator)
    return text + (rf"\textsuperscript{{{letters}}}" if letters else "") + interval


def _metrics(keys: Sequence[str]) -> str:
    """The first heading: each metric above its regions."""
    blocks: list[list[str]] = []
    for key in keys:
        metric = ScoreKey.parse(key).spec
        if blocks and blocks[-1][0] == metric:
            blocks[-1].append(key)
        else:
            blocks.append([metric, key])
    cells = [rf"\multicolumn{{{len(block) - 1}}}{{c}}{{{escape(block[0])}}}" for block in blocks]
    return _line(["", "", *cells])


def _regions(board: Board, keys: Sequence[str]) -> str:
    arrows = {"higher": r"$\uparrow$", "lower": r"$\downarrow$", "zero": r"$\to 0$", "none": ""}
    return _line(
        [
            "rank",
            "generator",
            *[
                f"{escape(key.rpartition('/')[2] if '/' in key else '')} {arrows[board.column(key).better]}".strip()
                for key in keys
            ],
        ]
    )


def tabular(shape: str, head: Sequence[str], blocks: Sequence[Sequence[Sequence[str]]]) -> str:
    """A booktabs tabular: column shape, ready head lines, blocks of rows of ready cells."""
    body = "\\midrule\n".join("".join(map(_line, rows)) for rows in blocks)
    return f"\\begin{{tabular}}{{{shape}}}\n\\toprule\n{''.join(head)}\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n"


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\\n"
