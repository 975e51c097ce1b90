"""One process at a time: a lock on a file, which the system takes back when the process ends, however it ends."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def exclusive(path: Path, wait: bool) -> Iterator[None]:
    """Hold the lock on `path`, a file made for it. BlockingIOError where it is held elsewhere and `wait` is False.

    On a file system without locks nothing is held.
    """
    with open(path, "ab") as file:
        _lock(file, wait)
        yield


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
