"""Arrays by name, as files hold them: .npz, read without pickle and written whole or not at all."""

from __future__ import annotations

import math
import mmap
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lsbench.errors import reason
from lsbench.system import regular
from lsbench.system.cache import write_atomically

MAPPED_BYTES = 8 << 20  # an array of more stays in its file, which is read where the array is looked at
UNPACKED_BYTES = 256 << 20  # that the arrays of a file may take together which are packed in it
_BLOCK_BYTES = 1 << 20  # of a file that are read at once to check it
_SUFFIX = ".npy"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_LOCAL_HEADER = struct.Struct("<26xHH")  # of a zip archive's member; the lengths of its name and of what else follows


@contextmanager
def opened(path: Path) -> Iterator[Mapping[str, np.ndarray]]:
    """The arrays of a file, each read when it is asked for; large ones are mapped, read-only, and outlive the `with`.

    Raises:
        OSError: where the file cannot be opened.
        ValueError: where it is no archive of arrays, is damaged, would take more memory than its file or
            UNPACKED_BYTES, or lacks what the body of the `with` asks for: all that the body raises, but an OSError,
            becomes one.
    """
    try:
        with regular.opened(path) as file, zipfile.ZipFile(file) as archive:
            yield _Members(path, archive)
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
        return dict(arrays)


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

    def __init__(self, path: Path, archive: zipfile.ZipFile) -> None:
        self._path, self._archive = path, archive
        self._members = {info.filename.removesuffix(_SUFFIX): info for info in archive.infolist()}
        packed = [info for info in archive.infolist() if info.compress_type != zipfile.ZIP_STORED]
        if (unpacked := sum(info.file_size for info in packed)) > UNPACKED_BYTES:
            raise ValueError(f"it unpacks to {unpacked:,} bytes; expected at most {UNPACKED_BYTES:,}")

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self:
            raise KeyError(f"{name} is not in it")
        member = self._members[name]
        if not member.filename.endswith(_SUFFIX):
            raise ValueError(f"its member {name} is no array")
        with self._archive.open(member) as stream:  # gives no more bytes than the member announces
            version = np.lib.format.read_magic(stream)
            shape, in_columns, dtype = _HEADERS[version](stream)
            if dtype.hasobject:
                raise ValueError("an array holds objects")
            before = stream.tell()
            size, announced = member.file_size - before, math.prod(shape) * dtype.itemsize
            if announced != size:
                raise ValueError(f"an array of {announced:,} bytes takes {size:,}")
            if member.file_size > MAPPED_BYTES and member.compress_type == zipfile.ZIP_STORED:
                while stream.read(_BLOCK_BYTES):  # checks what it holds against its checksum
                    pass
                return self._mapped(member, before, shape, in_columns, dtype)
            return np.ndarray(shape, dtype, bytearray(stream.read()), order="F" if in_columns else "C")

    def __contains__(self, name: object) -> bool:
        return name in self._members

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def _mapped(
        self, member: zipfile.ZipInfo, before: int, shape: tuple[int, ...], in_columns: bool, dtype: np.dtype[Any]
    ) -> np.ndarray:
        """A member where it lies; before: bytes of its header."""
        with self._path.open("rb") as file:
            file.seek(member.header_offset)
            lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
            start = member.header_offset + _LOCAL_HEADER.size + sum(lengths) + before
            return np.asarray(np.memmap(file, dtype, "r", start, shape, "F" if in_columns else "C"))
