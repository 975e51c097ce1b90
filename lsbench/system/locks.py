"""One process at a time: a lock on a file, which the system takes back when the process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def exclusive(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock on a file, which is made for it and removed at the end.

    On a file system without locks nothing is held.

    Args:
        path: of the file, in a folder that exists.
        wait: until nobody else holds it.

    Raises:
        BlockingIOError: where it is held elsewhere and `wait` is False.
        OSError: where the file cannot be made.
    """
    while True:
        with open(path, "ab") as file:
            _lock(file, wait)
            if not _lies_at(file, path):  # its holder removed it between our opening and our locking it
                continue
            try:
                yield
            finally:
                if _lies_at(file, path):
                    with suppress(OSError):  # Windows removes no open file: it stays, and does no harm
                        path.unlink()
            return


def _lies_at(file: IO[bytes], path: Path) -> bool:
    """Whether a path leads to an open file, and not to nothing or to another file of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], wait: bool) -> None:
        while True:
            try:
                return msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait:
                    raise BlockingIOError from error
            with suppress(OSError):  # raised after ten seconds of waiting
                return msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes], wait: bool) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            return
