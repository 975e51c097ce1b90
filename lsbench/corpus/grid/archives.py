"""Zip and tar archives of unknown origin, read safely.

Members are handed out by name and written to where the caller says, never to where the archive says. Links, devices,
sparse files and names that lead elsewhere are left out; what an archive can make us read is bounded.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, TypeAlias

from lsbench.errors import CorpusError
from lsbench.system import regular
from lsbench.system.cache import write_atomically

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
MAX_MEMBER_BYTES = 16 << 20  # a GRID clip has half a megabyte, at 720x576 two or three
MAX_RATIO = 20  # of what comes out to what went in; video hardly compresses
SPARE_BYTES = 64 << 20  # that small archives of texts may expand to
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, ValueError)


Plain: TypeAlias = "IO[bytes] | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile"


@dataclass(frozen=True)
class Listing:
    """The usable members of an archive.

    Attributes:
        members: name -> size in bytes.
        faults: what was left out, or may have been, and why.
        twice: members that are listed again.
    """

    members: dict[str, int]
    faults: tuple[str, ...]
    twice: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Entry:
    name: str
    size: int
    kind: str  # "" for a regular file
    open: Any  # () -> a file of its bytes


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is an archive."""
    return path.name.lower().endswith(SUFFIXES)


def contents(archive: Path) -> Listing:
    """What an archive holds. One that is damaged gives what stands before the damage, which is among the faults."""
    members: dict[str, int] = {}
    faults, twice = [], []
    try:
        for entry in _entries(archive):
            if why := _fault(entry):
                faults.append(f"{entry.name!r}: {why}")
            elif entry.name in members:
                twice.append(f"{entry.name!r}: listed twice; the first one counts")
            else:
                members[entry.name] = entry.size
    except CorpusError as error:
        faults.append(str(error))
    return Listing(members, tuple(faults), tuple(twice))


def extract(archive: Path, targets: Mapping[str, Path]) -> dict[str, str]:
    """Write members, by name, to their targets in one pass; name -> why, for those that could not be read.

    A target that is there is left as it is: files are written whole or not at all.
    """
    wanted = {name: path for name, path in targets.items() if not path.exists()}
    faults: dict[str, str] = {}
    if not wanted:
        return faults
    try:
        for entry in _entries(archive):
            if entry.name not in wanted or _fault(entry):
                continue
            target = wanted.pop(entry.name)
            try:
                content = _read(entry)
            except CorpusError as error:
                faults[entry.name] = str(error)
            else:
                write_atomically(target, lambda file, content=content: file.write(content))  # type: ignore[misc]
            if not wanted:
                break
    except CorpusError as error:
        return faults | {name: str(error) for name in wanted}
    return faults | dict.fromkeys(wanted, "no longer in the archive")


def _fault(entry: _Entry) -> str:
    """Why an entry must not be used; empty where it may be."""
    path = PurePosixPath(entry.name)
    if entry.kind:
        return f"{entry.kind}, not a file"
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in entry.name
        or ":" in entry.name
        or not entry.name.isprintable()
    ):
        return "its name leads out of the archive, or is no plain name"
    if entry.size > MAX_MEMBER_BYTES:
        return f"{entry.size:,} bytes; expected at most {MAX_MEMBER_BYTES:,}"
    return ""


def _read(entry: _Entry) -> bytes:
    """The bytes of a member, never more than it announced."""
    with _named("damaged"), entry.open() as source:
        content: bytes = source.read(entry.size + 1)
    if len(content) != entry.size:
        raise CorpusError(f"damaged: {len(content):,} bytes of {entry.size:,}")
    return content


def _entries(archive: Path) -> Iterator[_Entry]:
    """Every member but folders; CorpusError at the first damage."""
    with _named(f"{archive}: damaged, or not an archive"):
        limit = MAX_RATIO * archive.stat().st_size + SPARE_BYTES
        yield from (_zip_entries if archive.name.lower().endswith(".zip") else _tar_entries)(archive, limit)


def _zip_entries(archive: Path, limit: int) -> Iterator[_Entry]:
    with regular.opened(archive) as source, zipfile.ZipFile(source) as file:
        total = 0
        for info in file.infolist():
            total += info.file_size
            if total > limit:
                raise CorpusError(f"{archive}: announces more than {limit:,} bytes; taken for a decompression bomb")
            mode = info.external_attr >> 16
            kind = "encrypted" if info.flag_bits & 1 else "a link" if stat.S_ISLNK(mode) else ""
            if not info.is_dir():
                yield _Entry(info.filename, info.file_size, kind, lambda info=info: file.open(info))


def _tar_entries(archive: Path, limit: int) -> Iterator[_Entry]:
    with (
        regular.opened(archive) as source,
        _decompressed(source) as plain,
        tarfile.open(fileobj=_Bounded(plain, limit, archive), mode="r:") as file,
    ):
        for info in file:
            usual = info.isreg() and not info.issparse()
            kind = "" if usual else "a link" if info.issym() or info.islnk() else "a device or sparse"
            if not info.isdir():
                name = info.name.removeprefix("./")
                yield _Entry(name, info.size, kind, lambda info=info: file.extractfile(info))


def _decompressed(source: BinaryIO) -> Plain:
    head = source.read(6)
    source.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return gzip.open(source)
    if head.startswith(b"BZh"):
        return bz2.open(source)
    return lzma.open(source) if head.startswith(b"\xfd7zXZ") else source


class _Bounded(io.RawIOBase):
    """A file in which nobody gets past `limit`, nor asks for more than a member at once."""

    def __init__(self, file: Plain, limit: int, archive: Path) -> None:
        self._file, self._limit, self._archive = file, limit, archive

    def read(self, size: int = -1) -> bytes:
        self._demand(self._file.tell() + size)
        if not 0 <= size <= MAX_MEMBER_BYTES + 1:
            raise CorpusError(f"{self._archive}: a header of {size:,} bytes; taken for a decompression bomb")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_SET:
            self._demand(offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def _demand(self, offset: int) -> None:
        if offset > self._limit:
            raise CorpusError(f"{self._archive}: holds more than {self._limit:,} bytes; taken for a decompression bomb")


@contextmanager
def _named(what: str) -> Iterator[None]:
    """What damaged archives make their readers raise becomes a CorpusError; the reader's own faults do not."""
    try:
        yield
    except (*_DAMAGE, gzip.BadGzipFile) as error:
        raise CorpusError(f"{what} ({error})") from error
    except RuntimeError as error:  # zipfile's way to say that a password is missing
        raise CorpusError(f"{what} ({error})") from error
