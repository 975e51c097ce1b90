"""Where lsbench keeps what it can compute again: on disk, by content, never by name."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import platformdirs


def cache_dir() -> Path:
    """LSBENCH_CACHE, or the user's cache directory for lsbench."""
    named = os.environ.get("LSBENCH_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("lsbench", appauthor=False))


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Let write(file) fill a temporary file beside `path`, then rename it: a reader sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
