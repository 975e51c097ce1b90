"""`lsbench leaderboard`: what finished runs say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import Above, examples, say

if TYPE_CHECKING:
    from lsbench.board.board import Board

STYLES = ["table", "csv", "json", "markdown", "latex"]
run_argument = click.Path(path_type=Path)
style_option = click.option("--format", "style", type=click.Choice(STYLES), default="table", show_default=True)


@click.command(
    epilog=examples(
        "lsbench leaderboard runs/*",
        "lsbench leaderboard runs/a runs/b --rank-by psnr/whole --difference 0.5",
        "lsbench leaderboard runs/* --format markdown > BOARD.md",
        "lsbench leaderboard runs/* --mos mos.json --rank-by mos/overall",
        "lsbench leaderboard runs/* --summary --out figures",
        "lsbench leaderboard runs/* --frames frames.parquet",
    )
)
@click.argument("runs", nargs=-1, required=True, type=run_argument, metavar="RUN...")
@click.option("--rank-by", metavar="METRIC/REGION", help="Score to rank by; the protocol's if not given.")
@style_option
@click.option(
    "--difference",
    type=Above(),
    help="Say how many clips, or segments, this difference takes.",
)
@click.option("--quote", "quoted", multiple=True, type=run_argument, metavar="FILE.toml", help="Published figures.")
@click.option("--mos", "mos_path", type=run_argument, metavar="FILE.json", help="What people said: of mos read --out.")
@click.option(
    "--summary",
    is_flag=True,
    help="Mean, median, max and min of per-frame SSIM and PSNR instead, of runs that may be ranked together.",
)
@click.option(
    "--frames",
    type=run_argument,
    metavar="FILE",
    help="Also write the value of every frame of every run, by every score that has one: .csv or .parquet.",
)
@click.option("--out", type=run_argument, metavar="DIR", help="With --summary: folder for box plots, SVG and PNG.")
def leaderboard(
    runs: tuple[Path, ...],
    rank_by: str | None,
    style: str,
    difference: float | None,
    quoted: tuple[Path, ...],
    mos_path: Path | None,
    summary: bool,
    frames: Path | None,
    out: Path | None,
) -> None:
    """Rank finished runs, whole frame beside mouth, with intervals and tests.

    Runs whose protocol, metric signatures or weights differ are refused; incomplete runs are shown without a rank.
    Quoted figures are shown below the board and never compared with it. With --mos what people said of the generators
    stands in columns of its own, mos/overall and so on, by which it may be ranked.
    """
    if out is not None and not summary:
        raise click.UsageError("--out goes with --summary: the folder for its box plots")
    if frames is not None:
        from lsbench.board.frames import SUFFIXES, write_frames

        if frames.suffix.lower() not in SUFFIXES:
            raise click.UsageError(f"--frames {frames}: expected a file that ends with {' or '.join(SUFFIXES)}")
    board = read_board(list(runs), rank_by, difference, quoted, mos_path)
    if summary:
        show_summary(board, style, out, runs)
    else:
        show_board(board, style)
    if frames is not None:
        for line in write_frames(board, frames):
            say(line, err=True)
        say(str(frames), err=True)


def read_board(
    runs: list[Path],
    rank_by: str | None = None,
    difference: float | None = None,
    quoted: tuple[Path, ...] = (),
    mos_path: Path | None = None,
) -> Board:
    """Rank runs, their anchors beside them."""
    from lsbench.board.people import read_study_result
    from lsbench.board.quotes import read_quotes
    from lsbench.board.rank import leaderboard as rank
    from lsbench.run import anchors

    return rank(
        runs,
        rank_by,
        anchors=anchors.beside(runs),
        quotes=[read_quotes(path) for path in quoted],
        difference=difference,
        study=read_study_result(mos_path) if mos_path is not None else None,
    )


def show_board(board: Board, style: str = "table") -> None:
    """Print a board."""
    if style == "table":
        from lsbench.report.text import terminal
        from lsbench.report.text.console import console

        terminal.show_board(board, console())
        return
    from lsbench.report.text import json_record, latex, markdown

    writers = {
        "csv": markdown.to_csv,
        "json": json_record.to_json,
        "markdown": markdown.to_markdown,
        "latex": latex.to_latex,
    }
    say(writers[style](board), nl=False)


def show_summary(board: Board, style: str, out: Path | None, runs: tuple[Path, ...] = ()) -> None:
    """Print the figures of per-frame values, those of the anchors last, and draw them."""
    from lsbench.board.frames import summarise
    from lsbench.report.text import tables

    summaries = summarise(board)
    header = ["score", "generator", "frames", "mean", "median", "max", "min"]
    rows: list[list[tables.Cell]] = [
        [each.key, each.generator, len(each.values), *each.figures.values()] for each in summaries
    ]
    if style == "table":
        from lsbench.report.text.console import show_table

        show_table(header, [[tables.text(cell) for cell in row] for row in rows])
    else:
        say(tables.render(style, header, rows), nl=False)
    if out is not None:
        from lsbench.report.page.box_plots import box_plots

        for path in box_plots(summaries, out, [*runs, *board.inputs]):
            say(str(path), err=True)
