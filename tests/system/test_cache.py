"""Files are written whole or not at all, with the mode that the user's umask gives them."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest

from lsbench.system.cache import write_atomically

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes of files exist on Unix only")


def hello(file: BinaryIO) -> None:
    file.write(b"hello")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def private() -> Iterator[None]:
    """A umask that gives nothing to others."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@POSIX
def test_a_file_has_the_mode_of_the_umask(tmp_path: Path, private: None) -> None:
    write_atomically(tmp_path / "a", hello)
    assert mode(tmp_path / "a") == 0o600
    os.umask(0o002)
    write_atomically(tmp_path / "a", hello)
    assert mode(tmp_path / "a") == 0o664


@POSIX
def test_files_that_other_threads_make_meanwhile_keep_their_mode(
    tmp_path: Path, private: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The umask belongs to the whole process: who changes it, be it for a moment, changes it for all threads."""
    umask = os.umask

    def seen_by_another_thread(mask: int) -> int:
        before = umask(mask)
        threads.submit((tmp_path / "other").touch).result()
        return before

    monkeypatch.setattr(os, "umask", seen_by_another_thread)
    with ThreadPoolExecutor(1) as threads:
        write_atomically(tmp_path / "a", hello)
        threads.submit((tmp_path / "other").touch).result()
    monkeypatch.undo()
    assert mode(tmp_path / "other") == 0o600


def test_a_write_that_fails_leaves_the_file_before_and_nothing_else(tmp_path: Path) -> None:
    def half(file: BinaryIO) -> None:
        file.write(b"hal")
        raise OSError(28, "No space left on device")

    write_atomically(tmp_path / "folder" / "a", hello)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "folder" / "a", half)
    assert [path.read_bytes() for path in (tmp_path / "folder").iterdir()] == [b"hello"]


def test_writers_of_one_file_leave_one_of_them(tmp_path: Path) -> None:
    texts = [bytes([number]) * 10_000 for number in range(40)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda text: write_atomically(tmp_path / "a", lambda file: file.write(text)), texts))
    assert (tmp_path / "a").read_bytes() in texts
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
