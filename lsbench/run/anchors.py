"""Anchor rows say what a score is worth: real clips compressed, the ceiling; a still mouth and swapped sound, floors.

They are runs like any other, of the stand-ins, measured once beside the runs that they explain: RUNS/.anchors/ holds
one folder for every set of conditions (protocol, signatures, weights, tracker).
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lsbench.errors import LsbenchError, RunError
from lsbench.run.folder import Run
from lsbench.system import ranks

ANCHORS = ("compressed", "still-mouth", "swapped-audio")
CONDITIONS = ("metrics", "tracker", "weights")


def folder(run: Path) -> Path:
    """Where the anchors of a run lie."""
    request = Run(run).request()
    conditions = [request["protocol"]["digest"], *(request[name] for name in CONDITIONS)]
    return run.parent / ".anchors" / hashlib.sha256(json.dumps(conditions, sort_keys=True).encode()).hexdigest()[:16]


def measure(run: Path, **options: Any) -> dict[str, str]:
    """Measure the anchors of a run that are not there yet, with the options of its own score(); name -> what failed.

    Their videos are removed when they are measured.
    """
    from lsbench.run.score import score

    failed = {}
    for name in ANCHORS:
        anchor = Run(folder(run) / name)
        if not _there(anchor):
            try:
                score(name, **options | {"name": name, "out": anchor.path.parent, "on_error": "stop"})
            except LsbenchError as error:
                if ranks.world() > 1:
                    raise  # the others wait for this rank: only its end tells them
                failed[name] = str(error)
        if ranks.rank() == 0:
            shutil.rmtree(anchor.path / "videos", ignore_errors=True)
    return failed


def beside(runs: Iterable[Path]) -> list[Path]:
    """The anchors of runs that are on no other of their boards: for each name the one with the most scores."""
    runs = list(runs)
    taken = {run.resolve().name for run in runs}
    found: dict[str, Run] = {}
    for run in dict.fromkeys(runs):
        try:
            held = [Run(folder(run.resolve()) / name) for name in ANCHORS if name not in taken]
        except RunError:
            continue  # the board itself says what is wrong with a run
        for anchor in held:
            known = found.get(anchor.path.name)
            if _there(anchor) and (known is None or len(anchor.result().scores) > len(known.result().scores)):
                found[anchor.path.name] = anchor
    return [anchor.path for anchor in found.values()]


def _there(anchor: Run) -> bool:
    try:
        return anchor.result().complete
    except RunError:
        return False
