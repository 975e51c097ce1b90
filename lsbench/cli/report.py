"""`lsbench report`: a leaderboard as static pages."""

from __future__ import annotations

from pathlib import Path

import click

from lsbench.cli.common import Above, examples, say
from lsbench.cli.leaderboard import read_board

path_option = click.Path(path_type=Path)


@click.command(
    epilog=examples(
        "lsbench report runs/* --out report",
        "lsbench report runs/* --out report --clips 10 --rank-by lmd --difference 0.1",
        "lsbench report runs/* --out report --no-videos",
        "lsbench report runs/* --out report --mos mos.json",
    )
)
@click.argument("runs", nargs=-1, required=True, type=path_option, metavar="RUN...")
@click.option("--out", required=True, type=path_option, metavar="DIR", help="Folder for the pages.")
@click.option("--rank-by", metavar="METRIC/REGION", help="Score to rank by; the protocol's if not given.")
@click.option("--difference", type=Above(), help="Say how many clips this difference takes.")
@click.option("--quote", "quoted", multiple=True, type=path_option, metavar="FILE.toml", help="Published figures.")
@click.option("--audit", "audited", type=path_option, metavar="DIR", help="Show what lsbench audit found beside it.")
@click.option("--mos", "mos_path", type=path_option, metavar="FILE.json", help="What people said: of mos read --out.")
@click.option("--clips", type=click.IntRange(0), metavar="N", help="Videos of the N worst clips of each run only.")
@click.option("--videos/--no-videos", default=True, show_default=True, help="Real and generated side by side.")
@click.option(
    "--reference", type=path_option, metavar="DIR", help="The real clips, where they are not where they were."
)
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core if not given.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def report(
    runs: tuple[Path, ...],
    out: Path,
    rank_by: str | None,
    difference: float | None,
    quoted: tuple[Path, ...],
    audited: Path | None,
    mos_path: Path | None,
    clips: int | None,
    videos: bool,
    reference: Path | None,
    workers: int | None,
    quiet: bool,
) -> None:
    """Write a page that opens from disk, without server or network: OUT/index.html.

    The board with intervals, sortable and filterable; with --mos what people said, and which metric agrees with them;
    box plots, whole frame against mouth, which metrics agree, what each asks, where the numbers come from; and for
    every clip real and generated side by side, with the mouth, the difference, and the curves of every metric.
    Videos are made once: a later report into the same folder keeps them.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.report.audit.files import read_audit
    from lsbench.report.page.write import write_report
    from lsbench.system import pool

    board = read_board(list(runs), rank_by, difference, quoted, mos_path)
    shown = None if audited is None else read_audit(audited)
    with progress_bar(quiet) as progress:
        index = write_report(
            board,
            out,
            audit=shown,
            videos=videos,
            clips=clips,
            reference=reference,
            inputs=[*runs, *quoted, *filter(None, (audited, mos_path))],
            workers=workers or pool.cores(),
            progress=progress,
        )
    say(index)
