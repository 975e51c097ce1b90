"""What may be written to: an output is new, empty, or recognisably its verb's own, and never one of the verb's inputs.

Every verb asks here before it works for hours, and writes nothing where it is refused. What is its own it recognises by
what it wrote: a mark in a page, a field in a record, the columns of a table.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from lsbench.errors import OutputError

HEAD_BYTES = 4000  # of a file, in which its mark stands
SHOWN = 60  # characters of a file that an error quotes
LISTED = 3  # names in a folder that an error lists

Own = Callable[[Path], bool]


def demand_folder(out: Path, verb: str, own: Own, inputs: Iterable[Path] = (), option: str = "--out") -> None:
    """Raise OutputError unless a verb may write into a folder.

    Hidden files, folders without files, and what this process's own output is led to do not count as lying in it.

    Args:
        out: the folder, which need not be there.
        verb: as a user spells it, such as `lsbench report`.
        own: whether a folder in which something lies is the verb's own.
        inputs: files and folders that the verb reads. It may be none of them; and neither hold one nor lie in one
            unless it is the verb's own already.
        option: that named the folder.
    """
    inputs = [path for path in inputs if path.exists()]
    there = out.resolve()
    if any(path.resolve() == there for path in inputs):
        raise OutputError(f"{out} is what {verb} reads; nothing was written. Pass another {option}")
    _demand_no_file_above(out, option)
    if out.is_dir() and (names := _names(out)):
        if own(out):
            return
        held = next((path for path in inputs if path.resolve().is_relative_to(there)), None)
        more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
        what = f"{held}, which it reads," if held else f"{', '.join(names[:LISTED])}{more}"
        raise OutputError(
            f"{out} is not of {verb}: {what} stands there, and nothing was written. Pass another {option}, or move it "
            "away"
        )
    if _is_there(out) and not out.is_dir():
        raise OutputError(
            f"{out} is {_described(out)}; expected a folder, or nothing. Nothing was written: pass another {option}"
        )
    _demand_apart(out, verb, inputs, option)


def demand_file(path: Path, verb: str, own: Own, inputs: Iterable[Path] = (), option: str = "--out") -> None:
    """Raise OutputError unless a verb may write a file.

    Args:
        path: the file, which need not be there; an empty one counts as none.
        verb: as a user spells it.
        own: whether a file is the verb's own.
        inputs: files and folders that the verb reads. It may be none of them, and lie in none unless it is the verb's
            own already.
        option: that named the file.
    """
    inputs = [given for given in inputs if given.exists()]
    for given in inputs:
        if _lies_in(given, path) or (path.exists() and path.samefile(given)):
            raise OutputError(f"{path} is what {verb} reads; nothing was written. Pass another {option}")
    _demand_no_file_above(path, option)
    if not _is_there(path) or (path.is_file() and not path.stat().st_size):
        _demand_apart(path, verb, inputs, option)
    elif not path.is_file() or not own(path):
        raise OutputError(
            f"{path} is not of {verb}: {_described(path)} stands there, and nothing was written. "
            f"Pass another {option}, or move it away"
        )


def marked(mark: str) -> Own:
    """Whether a file bears a mark in its first HEAD_BYTES; False for what cannot be read."""

    def bears(path: Path) -> bool:
        return mark in _head(path)

    return bears


def _is_there(path: Path) -> bool:
    """Whether anything stands at a path, even a link that leads nowhere."""
    return path.exists() or path.is_symlink()


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a path is another or lies below it, whatever links lead there."""
    return path.resolve().is_relative_to(folder.resolve())


def _demand_apart(out: Path, verb: str, inputs: Iterable[Path], option: str) -> None:
    """Raise OutputError where something new would lie in a folder that is read."""
    for path in inputs:
        if path.is_dir() and _lies_in(out, path):
            raise OutputError(
                f"{out} would lie in {path}, which {verb} reads; nothing was written. Pass an {option} outside of it"
            )


def _demand_no_file_above(path: Path, option: str) -> None:
    """Raise OutputError where a path leads through something that is no folder."""
    above = next((parent for parent in path.parents if _is_there(parent)), None)
    if above is not None and not above.is_dir():
        raise OutputError(
            f"{path}: {above} is {_described(above)}, no folder, and nothing was written. Pass another {option}"
        )


def _names(folder: Path) -> list[str]:
    """What lies in a folder and counts."""
    return sorted(path.name for path in folder.iterdir() if _counts(path))


def _counts(path: Path) -> bool:
    if path.name.startswith(".") or _is_output(path):
        return False
    return path.is_symlink() or not path.is_dir() or any(map(_counts, path.iterdir()))


def _is_output(path: Path) -> bool:
    """Whether what this process says goes to a file."""
    for stream in (1, 2):
        try:
            if os.path.samestat(path.stat(), os.fstat(stream)):
                return True
        except OSError:
            continue
    return False


def _described(path: Path) -> str:
    """What stands at a path, in words."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link that leads nowhere" if path.is_symlink() else "something that cannot be read"
    if stat.S_ISDIR(mode):
        return "a folder"
    if not stat.S_ISREG(mode):
        return "no plain file"
    text = "".join(character if character.isprintable() else " " for character in _head(path)).strip()
    return f"a file that begins {text[:SHOWN]!r}" if text else "a file"


def _head(path: Path) -> str:
    """The beginning of a plain file as text; empty for anything else, and where it cannot be read."""
    if not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return file.read(HEAD_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
