"""Files that are read as a whole because they are small: tables of settings, JSON, texts."""

from __future__ import annotations

import os
from pathlib import Path

from lsbench.system import regular

MOST_BYTES = 64 << 20  # a result of a hundred thousand clips with notes has less than half


def read_small(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a file.

    Args:
        path: of a regular file, links followed.
        most: bytes that it may have.

    Raises:
        OSError: where it cannot be read, or is no regular file.
        ValueError: where it is larger.
    """
    with regular.opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(min(most, size) + 1)  # which takes memory for as many bytes as are asked for
    if len(content) > most:
        raise ValueError(f"it is larger than {most >> 20} MB")
    return content


def read_small_text(path: Path, most: int = MOST_BYTES) -> str:
    """The same as UTF-8 text, a byte order mark left out; ValueError also where it is none."""
    return read_small(path, most).decode("utf-8-sig")
