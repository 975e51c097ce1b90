"""Box plots of per-frame values, as in the paper, drawn by matplotlib as SVG and PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbench.board.frames import Summary
from lsbench.errors import LsbenchError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_INCHES, ROW_INCHES = 7.0, 0.42
MOST_POINTS = 100  # outliers of a generator that are drawn one by one in an SVG


def box_plots(summaries: Sequence[Summary], out: Path) -> list[Path]:
    """One figure a score, KEY.svg and KEY.png in `out`: box of the quartiles, whiskers of 1.5 times their distance."""
    from matplotlib import rc_context

    written = []
    for key in dict.fromkeys(summary.key for summary in summaries):
        figure = box_figure([summary for summary in summaries if summary.key == key])
        for suffix in (".svg", ".png"):
            path = out / f"{key.replace('/', '-').replace(':', '-')}{suffix}"
            try:
                out.mkdir(parents=True, exist_ok=True)
                with rc_context({"svg.hashsalt": key}):
                    figure.savefig(path, dpi=150, metadata={"Date": None} if suffix == ".svg" else None)
            except OSError as error:
                raise LsbenchError(f"{path}: cannot be written ({error})") from error
            written.append(path)
    return written


def box_figure(shown: Sequence[Summary]) -> Figure:
    """The box plots of one score, generators below each other."""
    from matplotlib.figure import Figure

    key = shown[0].key
    figure = Figure(figsize=(WIDTH_INCHES, 1.1 + ROW_INCHES * len(shown)), layout="constrained")
    axes = figure.subplots()
    drawn = axes.boxplot(
        [summary.values[np.isfinite(summary.values)] for summary in shown],
        orientation="horizontal",
        showmeans=True,
        widths=0.6,
        flierprops={"marker": ".", "markersize": 3, "alpha": 0.4},
        medianprops={"color": "tab:orange"},
        meanprops={"marker": "D", "markersize": 4, "markerfacecolor": "white", "markeredgecolor": "black"},
    )
    for fliers in drawn["fliers"]:
        fliers.set_rasterized(len(fliers.get_xdata()) > MOST_POINTS)
    axes.set_yticks(range(1, 1 + len(shown)), [_label(summary) for summary in shown], parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"{key}, of each frame{' (dB)' if key.startswith('psnr') else ''}")
    axes.grid(axis="x", alpha=0.3)
    return figure


def _label(summary: Summary) -> str:
    infinite = int(np.count_nonzero(~np.isfinite(summary.values)))
    return summary.generator + (f"\n({infinite} identical frames left out)" if infinite else "")
