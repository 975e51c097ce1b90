"""The command line: parse, call, print. The only place that prints or exits."""

from __future__ import annotations

import click

from lsbench import __version__
from lsbench.cli.audit import audit_group
from lsbench.cli.bundle import bundle, verify
from lsbench.cli.common import Commands
from lsbench.cli.compare import compare
from lsbench.cli.doctor import doctor
from lsbench.cli.generate import generate
from lsbench.cli.generators import generators
from lsbench.cli.leaderboard import leaderboard
from lsbench.cli.metrics import metrics
from lsbench.cli.mos import mos_group
from lsbench.cli.prepare import prepare_group
from lsbench.cli.protocols import protocols_group
from lsbench.cli.quickstart import quickstart
from lsbench.cli.report import report
from lsbench.cli.score import score
from lsbench.cli.train import plot, train
from lsbench.cli.weights import weights_group


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lsbench")
@click.option("--debug", is_flag=True, help="Show what is done step by step, and where an error comes from.")
def main(debug: bool) -> None:
    """Is my lip-sync generator better, where, and can I trust the number?

    \b
    Try it on the built-in corpus:   lsbench quickstart
    Score your own videos:           lsbench score GENERATED --reference REAL
    Rank what you have scored:       lsbench leaderboard runs/*
    """
    if debug:
        from lsbench.system import log

        log.show()


main.add_command(quickstart)
main.add_command(doctor)
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
