"""`lsbench weights`: list, fetch, import and verify weight files."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from lsbench.cli.common import Commands, examples
from lsbench.errors import LsbenchError


@click.group(name="weights", cls=Commands)
def weights_group() -> None:
    """Weight files of the networks: list, fetch, import, verify."""


@weights_group.command(name="list", epilog=examples("lsbench weights list"))
def weights_list() -> None:
    """Every weight file: size, licence, what it is for, and whether it is here."""
    from lsbench.networks import weights
    from lsbench.report.text.weights import show_weights

    show_weights(weights.status())


@weights_group.command(name="fetch", epilog=examples("lsbench weights fetch face_landmarker", "lsbench weights fetch"))
@click.argument("names", nargs=-1)
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def weights_fetch(names: tuple[str, ...], quiet: bool) -> None:
    """Fetch weight files by name (all of them if none is named), checked by sha256."""
    from lsbench.cli.progress import progress_bar
    from lsbench.networks import weights

    failed = []
    for name in names or tuple(weights.WEIGHTS):
        try:
            with progress_bar(quiet) as progress:
                path = weights.fetch(name, progress=partial(progress, name))
            click.echo(f"{name}: {path}")
        except LsbenchError as error:
            if names:
                raise
            failed.append(name)
            click.echo(f"lsbench: {' '.join(str(error).split())}", err=True)
    if failed:
        raise LsbenchError(f"{len(failed)} of {len(weights.WEIGHTS)} files could not be fetched: {', '.join(failed)}")


@weights_group.command(name="import", epilog=examples("lsbench weights import ~/Downloads"))
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE|DIR")
def weights_import(source: Path) -> None:
    """Copy weight files from a file or folder, recognised by size and sha256: for machines without a network."""
    from lsbench.networks import weights

    found = weights.import_files(source)
    for name, path in found.files:
        click.echo(f"{name}: {path}")
    for path, near in found.unrecognised:
        if near:
            click.echo(f"left: {path} {near}", err=True)


@weights_group.command(name="verify", epilog=examples("lsbench weights verify"))
def weights_verify() -> None:
    """Read every weight file that is here and compare its sha256; exit status 1 where one is damaged."""
    from lsbench.networks import weights
    from lsbench.report.text.weights import show_weights

    states = weights.status(rehash=True)
    show_weights(states)
    bad = [state.weight.name for state in states if state.state not in ("present", "missing")]
    if bad:
        raise LsbenchError(f"damaged: {', '.join(bad)}. Run lsbench weights fetch {' '.join(bad)}")
