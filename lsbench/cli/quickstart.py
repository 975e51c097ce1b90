"""`lsbench quickstart`: the toy corpus rendered, scored and ranked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lsbench.cli.common import examples, labelled, say
from lsbench.cli.leaderboard import read_board, show_board

if TYPE_CHECKING:
    from lsbench.protocol.protocol import Protocol
    from lsbench.system.pool import Progress

MOST_WORKERS = 4  # more would import PyTorch longer than they save


@click.command(epilog=examples("lsbench quickstart", "lsbench quickstart --out /tmp/toy"))
@click.option("--out", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def quickstart(out: Path, quiet: bool) -> None:
    """Render the toy corpus, score the stand-in generators on it, and print the board.

    The weights of FID and LPIPS are fetched meanwhile where they are not here. Where they cannot be had, stderr says
    why, and the board shows the rest.
    """
    from lsbench import registry
    from lsbench.cli.progress import progress_bar
    from lsbench.corpus.toy.render import is_toy, write_corpus
    from lsbench.protocol import protocol
    from lsbench.run.score import score_all
    from lsbench.system import pool
    from lsbench.system.outputs import demand_folder

    rules, reference = protocol.load("toy"), out / "reference"
    demand_folder(out, "lsbench quickstart", lambda folder: is_toy(folder / "reference"))
    videos = [out / "generated" / name for name in registry.STANDINS]
    workers = min(MOST_WORKERS, pool.cores())
    with progress_bar(quiet) as progress, ThreadPoolExecutor(1) as beside:
        fetching = beside.submit(fetch_weights, rules, progress)
        write_corpus(reference, frames=rules.frames or 0, progress=labelled(progress, "render the corpus"))
        bench = rules.bind(reference)
        for _ in pool.each(partial(render, bench), videos, workers, progress=progress, label="render the stand-ins"):
            pass
        missing = fetching.result()
        scores = labelled(progress, "score")
        results = score_all(
            videos, protocol=bench, out=out / "runs", workers=workers, offline=bool(missing), progress=scores
        )
    for reason in missing:
        say(f"lsbench: {reason}", err=True)
    show_board(read_board([result.path for result in results if result.path]))
    say(f"\nRuns are in {out / 'runs'}. Again, as JSON: lsbench leaderboard {out / 'runs'}/* --format json")


def fetch_weights(rules: Protocol, progress: Progress) -> list[str]:
    """Fetch the weights that a protocol's metrics need; what keeps some from being had."""
    from lsbench.errors import WeightsError
    from lsbench.metrics._base import catalogue
    from lsbench.networks import weights

    needed = {name for metric in catalogue.metrics(rules.metrics, rules.regions) for name in metric.weights}
    fetched = weights.fetch_each(sorted(needed), lambda name, *bytes_: progress(f"fetch {name}", *bytes_))
    return [str(outcome) for _, outcome in fetched if isinstance(outcome, WeightsError)]


def render(bench: Protocol, videos: Path) -> None:
    """Render the stand-in after which a folder is named over the toy corpus."""
    from lsbench.generation.render import generate

    generate(videos.name, bench, videos)
