"""What may be replaced: a verb replaces what it wrote itself, which its mark shows, and nothing else."""

from __future__ import annotations

from pathlib import Path

from lsbench.errors import LsbenchError

HEAD_BYTES = 4000  # of a file, in which its mark stands
SHOWN = 60  # characters of a file that an error quotes


def demand_own(path: Path, mark: str, verb: str) -> None:
    """Raise LsbenchError, saying what stands there, where a path is taken by something without the mark of a verb."""
    if not path.exists() and not path.is_symlink():
        return
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8", errors="replace")
        if mark in head:
            return
        content = f"a file that begins {head.strip()[:SHOWN]!r}" if head.strip() else "an empty file"
    else:
        content = "a folder" if path.is_dir() else "no plain file"
    raise LsbenchError(
        f"{path} is not of {verb}: {content} stands there, and nothing was written. Pass another --out, or move it away"
    )


def demand_folder(path: Path) -> None:
    """Raise LsbenchError where a folder is wanted and something else stands."""
    if (path.exists() or path.is_symlink()) and not path.is_dir():
        raise LsbenchError(f"{path} is a file; expected a folder, or nothing. Pass another --out")
