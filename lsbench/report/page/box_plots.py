"""Box plots of per-frame values, as in the paper, drawn by matplotlib as SVG and PNG."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbench.board.frames import Summary
from lsbench.report.page.render import write
from lsbench.system.outputs import demand_file, demand_folder, marked

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH_INCHES, ROW_INCHES = 7.0, 0.42
VERB = "lsbench leaderboard --summary"
MARKS: dict[str, dict[str, str | None]] = {"svg": {"Date": None, "Creator": VERB}, "png": {"Software": VERB}}
MOST_POINTS = 100  # outliers of a generator that are drawn one by one in an SVG


def box_plots(summaries: Sequence[Summary], out: Path, inputs: Iterable[Path] = ()) -> list[Path]:
    """One figure a score, KEY.svg and KEY.png in `out`: box of the quartiles, whiskers of 1.5 times their distance.

    Raises OutputError, and writes nothing, where `out` holds something else. inputs: what the summaries were read from.
    """
    from matplotlib import rc_context

    demand_folder(out, VERB, lambda folder: any(map(marked(VERB), folder.iterdir())), inputs)
    keys = list(dict.fromkeys(summary.key for summary in summaries))
    files = {(key, style): out / f"{re.sub('[/:]', '-', key)}.{style}" for key in keys for style in MARKS}
    for path in files.values():
        demand_file(path, VERB, marked(VERB))
    for key in keys:
        figure = box_figure([summary for summary in summaries if summary.key == key])
        for style, mark in MARKS.items():
            content = io.BytesIO()
            with rc_context({"svg.hashsalt": key}):
                figure.savefig(content, format=style, dpi=150, metadata=mark)
            write(files[key, style], content.getvalue())
    return list(files.values())


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
