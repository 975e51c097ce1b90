"""`lsbench quickstart`: the toy corpus rendered, scored and ranked."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import examples, labelled
from lsbench.cli.leaderboard import read_board, show_board

if TYPE_CHECKING:
    from lsbench.protocol.protocol import Protocol


@click.command(epilog=examples("lsbench quickstart", "lsbench quickstart --out /tmp/toy"))
@click.option("--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def quickstart(out: Path, quiet: bool) -> None:
    """Render the toy corpus, score the stand-in generators on it, and print the board."""
    from lsbench import registry
    from lsbench.cli.progress import progress_bar
    from lsbench.corpus.toy.render import write_corpus
    from lsbench.protocol import protocol
    from lsbench.system import pool

    reference, names = out / "reference", list(registry.STANDINS)
    with progress_bar(quiet) as progress:
        write_corpus(reference, progress=labelled(progress, "render the corpus"))
        bench = protocol.load("toy").bind(reference)
        show, workers = partial(show_stand_in, bench, out), min(2, pool.cores())
        for _ in pool.each(show, names, workers, progress=progress, label="render and score"):
            pass
    show_board(read_board([out / "runs" / name for name in names]))
    click.echo(f"\nRuns are in {out / 'runs'}. Again, as JSON: lsbench leaderboard {out / 'runs'}/* --format json")


def show_stand_in(bench: Protocol, out: Path, name: str) -> None:
    """Render one stand-in over the toy corpus and score it."""
    from lsbench.generation.render import generate
    from lsbench.run.score import score

    generate(name, bench, out / "generated" / name)
    score(out / "generated" / name, protocol=bench, out=out / "runs")
