"""Arrays by name, as files hold them: .npz, read without pickle and written whole or not at all."""

from __future__ import annotations

import mmap
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from lsbench.system.cache import write_atomically


@contextmanager
def opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a file, each read when it is asked for.

    Raises:
        OSError: where the file cannot be opened.
        ValueError: where it is no archive of arrays, is damaged, or lacks what the body of the `with` asks for: all
            that the body raises, but an OSError, becomes one.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield arrays
    except OSError:
        raise
    except Exception as error:  # the ways in which a damaged archive can fail to be read are many
        raise ValueError(f"not a readable archive of arrays ({error})") from error


def read(path: Path) -> dict[str, np.ndarray]:
    """All arrays of a file, by name; raises as opened() does."""
    with opened(path) as arrays:
        content = dict(arrays)
        if not all(isinstance(array, np.ndarray) for array in content.values()):
            raise ValueError("a member is no array")  # NumPy hands out its bytes
        return content


def write(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays, or numbers, by name; OSError where the disk refuses them."""
    write_atomically(path, lambda file: pack(file, arrays))


def pack(file: BinaryIO, arrays: Mapping[str, Any]) -> None:
    """Write arrays into a file that is open, as numpy.savez does; those that lie in files do not stay in memory."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, values in arrays.items():
            array = np.asanyarray(values)
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
            if isinstance(array, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
                cast(Any, array)._mmap.madvise(mmap.MADV_DONTNEED)
