"""`lsbench mos`: what people say of the videos."""

from __future__ import annotations

import click

from lsbench.cli_mos_read import read
from lsbench.verbs import Commands


@click.group(name="mos", cls=Commands)
def mos_group() -> None:
    """What people say: studies of human ratings, made and read."""


mos_group.add_command(read)
