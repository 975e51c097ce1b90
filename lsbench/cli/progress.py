"""The progress bar of the verbs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from lsbench.system.pool import Progress
from lsbench.system.visible import visible


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A progress function that draws on stderr, one bar per label; silent where stderr is no terminal."""
    parts = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    silent = quiet or not sys.stderr.isatty()
    with Bars(*parts, console=Console(stderr=True), disable=silent, transient=True) as bars:
        tasks = {}

        def report(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(visible(label), total=total)
            bars.update(tasks[label], completed=done, total=total)

        yield report
