"""`lsbench compare`: two runs against each other."""

from __future__ import annotations

from pathlib import Path

import click

from lsbench.cli.common import examples, say
from lsbench.cli.leaderboard import run_argument


@click.command(
    epilog=examples(
        "lsbench compare runs/a runs/b",
        "lsbench compare runs/a runs/b --by lmd --clips 43",
        "lsbench compare runs/a runs/b --format json",
    )
)
@click.argument("one", type=run_argument, metavar="RUN")
@click.argument("other", type=run_argument, metavar="RUN")
@click.option("--by", metavar="METRIC/REGION", help="Score whose clips are listed; the protocol's if not given.")
@click.option("--clips", type=click.IntRange(0), default=10, show_default=True, help="How many clips are listed.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
def compare(one: Path, other: Path, by: str | None, clips: int, style: str) -> None:
    """Show in which fields two runs differ, and by how much, score by score and clip by clip, worst clips first."""
    from lsbench.board.compare import compare as compare_runs
    from lsbench.report.text import comparison as texts
    from lsbench.report.text.console import console

    comparison = compare_runs(one, other)
    listed = comparison.score(by)
    if style == "json":
        say(texts.to_json(comparison), nl=False)
    else:
        texts.show_comparison(comparison, listed, clips, console())
