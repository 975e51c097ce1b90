"""Machine code for the inner loops of image metrics: compiled on first use, kept on disk, run on several threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba

from lsbench.system.cache import cache_dir

_own = threading.local()


def images(dtype: Any, dimensions: int) -> Any:
    """The type of a contiguous array that a loop only reads; writable arrays are taken too."""
    return numba.types.Array(dtype, dimensions, "C", readonly=True)


def compiled(*argument_types: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Compile a function for these argument types, with IEEE arithmetic: no reordering, so the same bits everywhere.

    The machine code is kept in NUMBA_CACHE_DIR or lsbench's cache folder, never beside the source, where uninstalling
    would leave it behind; where that cannot be written it is compiled anew in each process. The loops run without
    Python's global lock.
    """
    signature = numba.void(*argument_types)

    def compile_for(function: Callable[..., None]) -> Callable[..., None]:
        loop: Callable[..., None]
        try:
            with _own_folder():
                loop = numba.njit(signature, nogil=True, error_model="numpy", cache=True)(function)
        except (RuntimeError, OSError):
            loop = numba.njit(signature, nogil=True, error_model="numpy")(function)
        return loop

    return compile_for


@contextmanager
def _own_folder() -> Iterator[None]:
    """Numba's folder is ours meanwhile; other packages' machine code stays where they keep it.

    OSError where it cannot be written: Numba itself would go on to the next place, beside the source.
    """
    config: Any = numba.config
    before = config.CACHE_DIR
    folder = Path(before or cache_dir() / "numba")
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise PermissionError(folder)
    config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        config.CACHE_DIR = before


def use_threads(count: int) -> None:
    """Have the calling thread's loops run on so many threads, where several of them share the cores."""
    _own.threads = count


def in_parallel(work: Callable[[slice], None], frames: int) -> None:
    """Run work on all frames, a few at a time, on as many threads as use_threads or numba.set_num_threads allows.

    Plain threads rather than numba's own: those end the process when two threads call them at once, or after a fork.
    The calling thread works too, so a helper that starts late costs nothing.
    """
    threads = min(getattr(_own, "threads", None) or numba.get_num_threads(), frames)
    if threads == 1:
        return work(slice(0, frames))
    size = max(1, frames // (8 * threads))
    parts = iter([slice(start, min(start + size, frames)) for start in range(0, frames, size)])

    def work_on_parts() -> None:
        for part in parts:
            work(part)

    with ThreadPoolExecutor(threads - 1) as pool:
        helpers = [pool.submit(work_on_parts) for _ in range(threads - 1)]
        work_on_parts()
    for helper in helpers:
        helper.result()
    return None
