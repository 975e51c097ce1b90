"""Anchor rows say what a score is worth: real clips compressed, the ceiling; a still mouth and swapped sound, floors.

They are runs like any other, of the stand-ins, measured once beside the runs that they explain: RUNS/.anchors/ holds
one folder for every set of conditions. Which anchors explain a run is asked of the conditions that they were made
under, never of the name of their folder.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError, RunError
from lsbench.run.conditions import Conditions
from lsbench.run.folder import Run
from lsbench.system.ranks import ALONE, Ranks

SWAPPED = "swapped-audio"  # where silence drives the videos there is no sound to be swapped
ANCHORS = ("compressed", "still-mouth", SWAPPED)

_log = logging.getLogger(__name__)


def folder(run: Path) -> Path:
    """Where the anchors of a run are measured."""
    return run.parent / ".anchors" / Run(run).conditions.digest[:16]


def measure(run: Path, *, ranks: Ranks = ALONE, **options: Any) -> dict[str, str]:
    """Measure the anchors of a run that are not there yet.

    Their videos are removed when they are measured.

    Args:
        run: the folder of a run.
        ranks: the processes that share the work; the first of them decides what is there.
        options: those of the run's own score().

    Returns:
        name -> what kept it from being measured.
    """
    from lsbench.run.score import score

    failed = {}
    conditions = Run(run).conditions
    silent = conditions.protocol.get("drive") == "silence"
    for name in ANCHORS:
        if silent and name == SWAPPED:
            continue
        if ranks.firsts(any(_explains(anchor, conditions) for anchor in _anchors(run.parent, name))):
            continue
        anchor = Run(folder(run) / name)
        _log.info("anchor %s: measured in %s", name, anchor.path)
        if not _continues(anchor, conditions):
            shutil.rmtree(anchor.path, ignore_errors=True)
        ranks.everyones(name)  # none begins before all have looked
        try:
            score(name, **options | {"name": name, "out": anchor.path.parent, "on_error": "stop", "ranks": ranks})
        except LsbenchError as error:
            if ranks.size > 1:
                raise  # the others wait for this rank: only its end tells them
            failed[name] = str(error)
        if ranks.first:
            shutil.rmtree(anchor.path / "videos", ignore_errors=True)
    return failed


def beside(runs: Iterable[Path]) -> list[Path]:
    """The anchors of runs that are on no other of their boards: for each name the one with the most scores."""
    runs = list(dict.fromkeys(path.resolve() for path in runs))
    taken = {run.name for run in runs}
    chosen: dict[str, tuple[int, Run]] = {}
    for run in runs:
        try:
            conditions = Run(run).conditions
        except RunError:
            continue  # the board itself says what is wrong with a run
        for name in ANCHORS:
            for anchor in _anchors(run.parent, name) if name not in taken else ():
                scores = len(anchor.conditions.metrics) if _explains(anchor, conditions) else 0
                if scores > (chosen[name][0] if name in chosen else 0):
                    chosen[name] = scores, anchor
    return [anchor.path for _, anchor in chosen.values()]


def _anchors(runs: Path, name: str) -> Iterator[Run]:
    """The runs of an anchor beside other runs, under whatever conditions."""
    for path in sorted((runs / ".anchors").glob(f"*/{name}/run.json")):
        yield Run(path.parent)


def _explains(anchor: Run, conditions: Conditions) -> bool:
    """Whether an anchor is measured, under the conditions of a run."""
    try:
        return anchor.result().complete and anchor.conditions.explains(conditions)
    except RunError:
        return False


def _continues(anchor: Run, conditions: Conditions) -> bool:
    """Whether what was begun of an anchor was begun under the conditions of a run, so that it may go on."""
    try:
        return anchor.conditions.digest == conditions.digest
    except RunError:
        return False
