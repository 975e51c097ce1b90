"""Where lsbench keeps what it can compute again: on disk, by content, never by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import platformdirs


def cache_dir() -> Path:
    """LSBENCH_CACHE, or the user's cache directory for lsbench."""
    named = os.environ.get("LSBENCH_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("lsbench", appauthor=False))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let write(file) fill a temporary file beside `path`, then rename it: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error  # of the file that was to be
        raise
