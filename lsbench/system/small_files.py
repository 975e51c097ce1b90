"""Files that are read as a whole because they are small: tables of settings, JSON, texts."""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 64 << 20  # a result of a hundred thousand clips with notes has less than half


def read_small(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file.

    Args:
        path: of a regular file, links followed.
        most: bytes that it may have.

    Raises:
        OSError: where it cannot be read.
        ValueError: where it is no regular file, or is larger.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(21, "Is a directory", str(path))
        if not stat.S_ISREG(mode):
            raise ValueError("it is no regular file")
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is larger than {most >> 20} MB")
    return content


def read_small_text(path: Path, most: int = MOST_BYTES) -> str:
    """The same as UTF-8 text, a byte order mark left out; ValueError also where it is none."""
    return read_small(path, most).decode("utf-8-sig")
