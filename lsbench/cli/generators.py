"""`lsbench generators`: which generators there are."""

from __future__ import annotations

import click

from lsbench.cli.common import examples


@click.command(epilog=examples("lsbench generators"))
def generators() -> None:
    """List the registered generators, and whether they see the answer, as stand-ins do."""
    from lsbench import registry
    from lsbench.report.text.console import show_table

    rows = []
    for name, target in registry.table("generators", registry.GENERATORS).items():
        found = registry.load(target)
        answer = name in registry.STANDINS or getattr(found, "sees_answer", False)
        rows.append(
            [name, "the answer" if answer else "what the protocol shows", " ".join((found.__doc__ or "").split())]
        )
    show_table(["name", "sees", "what it renders"], rows)
