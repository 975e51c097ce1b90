"""Memory: what is free in the process is given back to the system; where there is too little, that is said by name."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from lsbench.errors import LsbenchError

_SAID = (
    "can't allocate memory",
    "out of memory",
    "Failed to allocate",
)  # by PyTorch and OpenCV, as errors of their own


def give_back() -> None:
    """Hand freed memory back to the system: after a clip of a gigabyte of windows, glibc keeps much of it."""
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@contextmanager
def enough(where: str) -> Iterator[None]:
    """LsbenchError where the memory does not suffice for what is done inside.

    Args:
        where: the start of the message, such as `clip s1/bbaf2n`.
    """
    try:
        yield
    except LsbenchError:
        raise
    except Exception as error:
        if not isinstance(error, MemoryError) and not any(said in str(error) for said in _SAID):
            raise
        raise LsbenchError(
            f"{where}: does not fit in memory. Try smaller or shorter videos, or fewer --workers"
        ) from None


@cache
def _glibc() -> Any:
    """The C library where it is glibc; None elsewhere, where freed memory is not kept."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None
