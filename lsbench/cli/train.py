"""The verbs `train` and `plot`: a baseline trained on prepared shards, and the figures of a run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from lsbench.cli.common import INCOMPLETE, examples, say


@click.command(
    epilog=examples(
        "lsbench train lipgan --data toy --out training/toy --steps 200",
        "lsbench train l1wgangp --data DATA --out training/l1wgangp --dry-run",
        "lsbench train l1wgangp --data DATA --out training/l1wgangp --resume automatic",
        "torchrun --nproc-per-node 4 -m lsbench train lipgan --data DATA --out training/lipgan",
    )
)
@click.argument("model")
@click.option("--data", required=True, metavar="DIR|toy", help="What `lsbench prepare grid` made; or toy.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The run's folder.")
@click.option("--steps", type=click.IntRange(1), help="Batches in all; the model's own number if not given.")
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Another setting; --dry-run shows them all."
)
@click.option("--resume", type=click.Choice(["never", "automatic"]), default="never", show_default=True)
@click.option("--device", default="auto", show_default=True, help="A GPU where there is one; cpu, cuda, cuda:1 ...")
@click.option("--dry-run", is_flag=True, help="Check the data, print plan and settings, and end.")
@click.option("--quiet", "-q", is_flag=True, help="No progress bar.")
def train(
    model: str,
    data: str,
    out: Path,
    steps: int | None,
    settings: tuple[str, ...],
    resume: str,
    device: str,
    dry_run: bool,
    quiet: bool,
) -> None:
    """Train MODEL: lipgan, l1wgangp or wgangp.

    `--data toy` renders a small corpus and trains a small network on it, unless settings say otherwise.
    OUT holds checkpoint.pt (everything, to go on from), log.jsonl, tensorboard/ and sheets/. SIGTERM or Ctrl-C ends the
    run after a checkpoint. Exit status: 0 done, 1 an error, 3 stopped before the last step.
    """
    from lsbench import registry
    from lsbench.cli.progress import progress_bar
    from lsbench.report.text.console import show_table
    from lsbench.system.ranks import Ranks

    folder, defaults = Path(data), ()
    if data == "toy":
        defaults = registry.load(registry.TRAINING["toy settings"])
        with progress_bar(quiet) as progress:
            folder = registry.load(registry.TRAINING["toy"])(progress)
    if steps is not None:
        settings = (*settings, f"steps={steps}")
    request = {"defaults": defaults, "settings": settings, "resume": resume == "automatic", "device": device}
    if dry_run:
        plan, described = registry.load(registry.TRAINING["plan"])(model, folder, out, **request)
        show_table(["", ""], plan)
        show_table(["setting", "value", "what it is"], described)
        return
    first = Ranks.of_training().first
    with training_bar(model, quiet or not first) as report:
        outcome = registry.load(registry.TRAINING["train"])(model, folder, out, report=report, **request)
    done = outcome.step == outcome.steps
    if first:
        state = "done" if done else "stopped; the same command with --resume automatic goes on"
        say(f"{model}: step {outcome.step} of {outcome.steps}, {state}; kept in {outcome.out}")
    if not done:
        sys.exit(INCOMPLETE)


@click.command(epilog=examples("lsbench plot training/lipgan", "lsbench plot training/lipgan --out figures"))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the figures; RUN/figures if not given.")
def plot(run: Path, out: Path | None) -> None:
    """Draw the paper's figures of a training RUN: losses, SSIM and PSNR over the steps, and their box plots."""
    from lsbench import registry

    for path in registry.load(registry.TRAINING["plot"])(run, out or run / "figures"):
        say(path)


@contextmanager
def training_bar(label: str, quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A report function (steps done, of how many, how it goes) that draws on stderr; silent where it is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    parts = (TextColumn(label), BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn())
    silent = quiet or not sys.stderr.isatty()
    how = TextColumn("{task.description}", table_column=None)
    with Progress(*parts, how, console=Console(stderr=True), disable=silent, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, steps, text: bar.update(task, completed=done, total=steps, description=text)
