"""Arrays by name, as files hold them: .npz, read without pickle and written whole or not at all."""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lsbench.errors import reason
from lsbench.system.cache import write_atomically

MAPPED_BYTES = 8 << 20  # an array of more stays in its file, which is read where the array is looked at
_BLOCK_BYTES = 1 << 20  # of a file that are read at once to check it
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip archive's member; the lengths of its name and of what else follows


@contextmanager
def opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a file, each read when it is asked for; large ones are mapped, read-only, and outlive the `with`.

    Raises:
        OSError: where the file cannot be opened.
        ValueError: where it is no archive of arrays, is damaged, or lacks what the body of the `with` asks for: all
            that the body raises, but an OSError, becomes one.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            yield _Members(path, arrays)
    except OSError:
        raise
    except Exception as error:  # the ways in which a damaged archive can fail to be read are many
        raise ValueError(f"not a readable archive of arrays ({said(error)})") from error


def said(error: Exception) -> str:
    """Why arrays cannot be read, in a few words: NumPy's own advise to load what is not trusted."""
    if isinstance(error, ValueError | RuntimeError) and any(
        word in str(error).lower() for word in ("pickle", "safely", "trust")
    ):
        return "it holds Python objects, which are not loaded, or no arrays"
    return reason(error)


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
            let_go(array)


def let_go(array: np.ndarray) -> None:
    """Let what was read of an array that lies in a file leave memory; it is read again where it is looked at again."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.madvise(mmap.MADV_DONTNEED)


class _Members(Mapping[str, np.ndarray]):
    """The arrays of an archive that is open."""

    def __init__(self, path: Path, arrays: Any) -> None:
        self._path, self._arrays = path, arrays

    def __getitem__(self, name: str) -> np.ndarray:
        member = self._arrays.zip.NameToInfo.get(f"{name}.npy")
        mapped = self._mapped(member) if member and member.file_size > MAPPED_BYTES else None
        if mapped is not None:
            return mapped
        array: np.ndarray = self._arrays[name]
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def _mapped(self, member: zipfile.ZipInfo) -> np.ndarray | None:
        """A member where it lies, once its checksum is seen to be right; None where it is packed, or of another form.

        Raises:
            ValueError: where it is not as long as it says.
            BadZipFile: where its checksum is another.
        """
        with self._arrays.zip.open(member) as stream:
            if member.compress_type != zipfile.ZIP_STORED or np.lib.format.read_magic(stream) != (1, 0):
                return None
            shape, in_columns, dtype = np.lib.format.read_array_header_1_0(stream)
            before = stream.tell()
            while stream.read(_BLOCK_BYTES):
                pass
        if dtype.hasobject:
            raise ValueError("an array holds objects")
        with self._path.open("rb") as file:
            file.seek(member.header_offset)
            lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            start = member.header_offset + _LOCAL_HEADER.size + sum(lengths) + before
            array = np.memmap(file, dtype, "r", start, shape, "F" if in_columns else "C")
        if array.nbytes != member.file_size - before:
            raise ValueError(f"an array of {array.nbytes} bytes takes {member.file_size - before}")
        return np.asarray(array)
