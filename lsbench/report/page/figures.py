"""Figures of the report page: SVG files that follow the reader's light or dark theme."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbench.board.board import Board
from lsbench.board.frames import METRICS, Summary
from lsbench.board.significance import Agreement
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.report.page.box_plots import box_figure
from lsbench.report.text.markdown import columns
from lsbench.report.text.pairs import flip_lines
from lsbench.report.text.remarks import against
from lsbench.system.cache import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THEME = "svg{color:#1b2333;fill:currentColor}@media(prefers-color-scheme:dark){svg{color:#e4e8f0}}"
KEPT, FLIPPED = "#7a869a", "#d9730d"


@dataclass(frozen=True)
class Drawn:
    """A figure on the page: its file below the page's folder, its size in CSS pixels, and words.

    alt: in place of the picture. says, lines: below it, in a sentence and in a list.
    """

    file: str
    alt: str
    says: str
    width: int
    height: int
    lines: tuple[str, ...] = ()


def draw_boxes(board: Board, values: Mapping[str, Mapping[str, np.ndarray]], out: Path) -> list[Drawn]:
    """Box plots of per-frame SSIM and PSNR, as in the paper. values: by score key and generator, float64 (frames,)."""
    drawn = []
    rows = [*board.rows, *board.anchors]
    for key in [key for name in METRICS for key in columns(board) if re.split("[:/]", key)[0] == name]:
        shown = [
            Summary(row.generator, key, values[key][row.generator]) for row in rows if row.generator in values[key]
        ]
        if shown:
            says = "; ".join(
                f"{each.generator}: median {each.figures['median']:.4g}, from {each.figures['min']:.4g} to "
                f"{each.figures['max']:.4g}"
                for each in shown
            )
            drawn.append(_write(box_figure(shown), out, f"box-{_slug(key)}", f"Per-frame {key}. {says}", key))
    return drawn


def draw_slopes(board: Board, out: Path) -> list[Drawn]:
    """For every metric on both, each generator's rank on the whole frame joined to its rank on the mouth."""
    drawn = []
    for agreement in board.whole_against_mouth():
        if agreement.pairs:
            metric = ScoreKey.parse(agreement.one).spec
            moved = "; ".join(
                f"{row.generator} {row.ranks[agreement.one]} and {row.ranks[agreement.other]}"
                for row in board.rows
                if agreement.one in row.ranks and agreement.other in row.ranks
            )
            alt = f"Ranks by {metric}, on the whole frame and on the mouth: {moved}"
            figure = slope_figure(board, agreement)
            drawn.append(
                _write(figure, out, f"slope-{_slug(metric)}", alt, against(agreement), tuple(flip_lines(agreement)))
            )
    return drawn


def slope_figure(board: Board, agreement: Agreement) -> Figure:
    """Ranks by two scores side by side, the first on top; generators in a flipped pair are drawn in colour.

    Those of a significant flip with a full line, the others dashed.
    """
    from matplotlib.figure import Figure

    rows = [row for row in board.rows if agreement.one in row.ranks and agreement.other in row.ranks]
    flipped = {name for flip in agreement.flips for name in (flip.ahead, flip.behind)}
    sure = {name for flip in agreement.flips if flip.significant for name in (flip.ahead, flip.behind)}
    figure = Figure(figsize=(7.0, 1.0 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    sides = [_places([row.ranks[key] for row in rows]) for key in (agreement.one, agreement.other)]
    for row, left, right in zip(rows, *sides, strict=True):
        moved = row.generator in flipped
        colour = FLIPPED if moved else KEPT
        style = "--" if moved and row.generator not in sure else "-"
        width = 2.4 if row.generator in sure else 1.2
        axes.plot([0, 1], [left, right], style, color=colour, linewidth=width, marker="o", markersize=4)
        for at, height, key, align in ((0, left, agreement.one, "right"), (1, right, agreement.other, "left")):
            label = f"{row.generator}  {row.ranks[key]}" if align == "right" else f"{row.ranks[key]}  {row.generator}"
            offset = (-8, 0) if align == "right" else (8, 0)
            axes.annotate(
                label,
                (at, height),
                offset,
                textcoords="offset points",
                ha=align,
                va="center",
                fontsize=9,
                parse_math=False,
                annotation_clip=False,
            )
    axes.set_xlim(-1.1, 2.1)
    axes.set_ylim(len(rows) + 0.5, 0.5)
    axes.set_xticks([0, 1], [ScoreKey.parse(key).region for key in (agreement.one, agreement.other)])
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    return figure


def _places(ranks: Sequence[int]) -> list[int]:
    """Heights 1, 2 ... in the order of the ranks, equal ranks below each other."""
    order = sorted(range(len(ranks)), key=lambda index: ranks[index])
    return [order.index(index) + 1 for index in range(len(ranks))]


def _write(figure: Figure, out: Path, name: str, alt: str, says: str, lines: tuple[str, ...] = ()) -> Drawn:
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", transparent=True, dpi=150, metadata={"Date": None})
    svg = text.getvalue().replace("#000000", "currentColor")
    svg = re.sub(r"(<svg [^>]*>)", rf"\1<style>{THEME}</style>", svg, count=1)
    write_atomically(out / "figures" / f"{name}.svg", lambda file: file.write(svg.encode()))
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    return Drawn(f"figures/{name}.svg", alt, says, width, height, lines)


def _slug(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text)
