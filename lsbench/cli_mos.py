"""`lsbench mos`: human ratings as a blinded study. `make` writes what raters open, `read` what they said."""

from __future__ import annotations

from pathlib import Path

import click

from lsbench.verbs import Commands, examples

path_option = click.Path(path_type=Path)
LONG = 30  # minutes of a session that raters bear without a long break, ITU-T P.910


@click.group(name="mos", cls=Commands)
def mos_group() -> None:
    """Ask people: a blinded study of clips that opens from disk."""


@mos_group.command(
    epilog=examples(
        "lsbench mos make runs/* --out study",
        "lsbench mos make runs/one runs/two --out study --method pairs --seed 7",
        "lsbench mos make runs/* --out study --clips 40 --per-rater 60",
    )
)
@click.argument("runs", nargs=-1, required=True, type=path_option, metavar="RUN...")
@click.option("--out", required=True, type=path_option, metavar="DIR", help="Folder for the page; it goes to raters.")
@click.option("--key", type=path_option, metavar="FILE", help="What tells the items; DIR-key.json if not given.")
@click.option(
    "--method",
    type=click.Choice(["acr", "pairs"]),
    default="acr",
    show_default=True,
    help="Rate one video from 1 to 5 (ITU-T P.910), or choose between two.",
)
@click.option("--clips", type=click.IntRange(1), metavar="N", help="Clips; as fit 20 minutes if not given.")
@click.option("--repeats", type=click.IntRange(0), metavar="N", help="Items shown twice; a tenth, at least 3.")
@click.option("--per-rater", type=click.IntRange(1), metavar="N", help="Items of each rater, a balanced share of all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Decides clips and orders.")
@click.option(
    "--reference", type=path_option, metavar="DIR", help="The real clips, where they are not where they were."
)
@click.option("--workers", type=click.IntRange(1), help="Processes; one per core if not given.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def make(
    runs: tuple[Path, ...],
    out: Path,
    key: Path | None,
    method: str,
    clips: int | None,
    repeats: int | None,
    per_rater: int | None,
    seed: int,
    reference: Path | None,
    workers: int | None,
    quiet: bool,
) -> None:
    """Write a study for raters, OUT/index.html, that opens from disk without server or network.

    Raters check their sound and headphones, practise, and rate sync, mouth and the whole of every item, the real clips
    hidden among them, some items twice, in an order of their own; the page gives them a file of ratings. Nothing in
    DIR tells which generator made what: that is in the key, which stays with you. The same command makes the same
    study again as long as its key is there.
    """
    from lsbench.mos.make.page import make_study
    from lsbench.mos.make.study import Wishes
    from lsbench.report.text.terminal import progress_bar
    from lsbench.system import pool

    with progress_bar(quiet) as progress:
        made = make_study(
            list(runs),
            out,
            Wishes(method, clips, repeats, seed, per_rater),
            key=key,
            reference=reference,
            workers=workers or pool.cores(),
            progress=progress,
        )
    study = made.study
    shown = f"{study.shown} of {len(study.trials)}" if study.shares else f"{study.shown}"
    what, count = ("pairs" if method == "pairs" else "items"), len({item.clip for item in study.key.items.values()})
    click.echo(
        f"Study {study.key.study}: {len(study.trials)} {what} of {count} clips "
        f"and {len(study.key.runs)} generators beside the real clips."
    )
    click.echo(
        f"Each rater sees {shown}, {study.key.repeats} of them twice: about {study.minutes} minutes with all checks."
    )
    if study.minutes > LONG:
        click.echo(f"Beyond {LONG} minutes raters tire: pass fewer --clips, or --per-rater.", err=True)
    click.echo(f"Page: {made.page}\nKey:  {made.key}")
    click.echo(f"Give raters the folder {made.page.parent} alone; the key tells what they see.")
