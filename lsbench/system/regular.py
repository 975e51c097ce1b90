"""Regular files, opened without waiting for a pipe and without asking a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_OTHERS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def opened(path: Path) -> BinaryIO:
    """A regular file, links followed, to be read; every file that others may have made is opened so.

    Raises:
        OSError: where it cannot be opened, or is a folder, a pipe, a socket or a device; its strerror says which.
    """
    demand(path)
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _demand(os.fstat(descriptor), path)  # should another have taken its place
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def demand(path: Path) -> None:
    """OSError, as opened() raises it, where a path is no regular file: for libraries that open paths themselves."""
    _demand(path.stat(), path)


def _demand(found: os.stat_result, path: Path) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        what = next((name for is_one, name in _OTHERS if is_one(found.st_mode)), "neither file nor folder")
        raise OSError(errno.EINVAL, f"{what}, not a file", str(path))
