"""The command line: parse, call, print. The only place that prints or exits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lsbench import __version__
from lsbench.cli.audit import audit_group
from lsbench.cli.bundle import bundle, verify
from lsbench.cli.common import (
    Commands,
)
from lsbench.cli.compare import compare
from lsbench.cli.generate import generate
from lsbench.cli.leaderboard import leaderboard
from lsbench.cli.lists import generators, metrics
from lsbench.cli.mos import mos_group
from lsbench.cli.prepare import prepare_group
from lsbench.cli.protocols import protocols_group
from lsbench.cli.quickstart import quickstart
from lsbench.cli.report import report
from lsbench.cli.score import score
from lsbench.cli.train import plot, train
from lsbench.cli.weights import weights_group

if TYPE_CHECKING:
    pass


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lsbench")
def main() -> None:
    """Is my lip-sync generator better, where, and can I trust the number?

    \b
    Try it on the built-in corpus:   lsbench quickstart
    Score your own videos:           lsbench score GENERATED --reference REAL
    Rank what you have scored:       lsbench leaderboard runs/*
    """


main.add_command(quickstart)
main.add_command(score)
main.add_command(leaderboard)
main.add_command(generate)
main.add_command(metrics)
main.add_command(generators)
main.add_command(report)
main.add_command(compare)
main.add_command(bundle)
main.add_command(verify)
main.add_command(audit_group)
main.add_command(mos_group)
main.add_command(prepare_group)
main.add_command(protocols_group)
main.add_command(train)
main.add_command(plot)
main.add_command(weights_group)
