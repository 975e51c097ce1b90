"""Outputs that would lie on the work of others, or on an input."""

from __future__ import annotations

import shutil
from pathlib import Path

from hostile import Case, Stock


def run(folder: Path, stock: Stock) -> None:
    """run/: a finished run."""
    shutil.copytree(stock.run, folder / "run")


CASES = [
    Case("bundle of a folder that is no run", ["bundle", "nothing", "--out", "x.zip"], words=["nothing", "not a run"]),
    Case("bundle to a folder that is a file", ["bundle", "run", "--out", "run/run.json/x.zip"], run, words=["x.zip"]),
]
