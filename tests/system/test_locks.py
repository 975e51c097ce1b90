"""A lock on a file is held by one at a time, although the file goes when its holder does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from lsbench.errors import RunError
from lsbench.run.folder import Run
from lsbench.system import locks
from lsbench.system.locks import exclusive


@contextmanager
def removed_meanwhile(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a holder does when it leaves, done just after the next one has opened the file and before it locks it."""
    lock = locks._lock

    def late(file: IO[bytes], wait: bool) -> None:
        monkeypatch.setattr(locks, "_lock", lock)
        path.unlink()
        lock(file, wait)

    monkeypatch.setattr(locks, "_lock", late)
    yield
    assert locks._lock is lock


def test_a_lock_that_is_held_is_refused_and_then_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive(path, wait=False), pytest.raises(BlockingIOError), exclusive(path, wait=False):
        pass
    with exclusive(path, wait=False):
        assert path.exists()
    assert not path.exists()


def test_the_lock_of_a_removed_file_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lock"
    with removed_meanwhile(path, monkeypatch), exclusive(path, wait=False):
        with pytest.raises(BlockingIOError), exclusive(path, wait=False):
            pass
        assert path.exists()
    assert not path.exists()


def test_two_processes_never_score_into_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path / "run")
    with (
        removed_meanwhile(tmp_path / ".run.lock", monkeypatch),
        run.locked(),
        pytest.raises(RunError, match="another process"),
        Run(run.path).locked(),
    ):
        pass


def test_another_holder_of_the_name_keeps_its_file(tmp_path: Path) -> None:
    """As where somebody removes a lock file by hand while it is held."""
    path = tmp_path / "lock"
    with exclusive(path, wait=False):
        path.unlink()
        path.touch()
    assert path.exists()


def test_those_who_wait_come_one_after_the_other(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "lock", 0, 0

    def enter(_: int) -> None:
        nonlocal inside, most
        with exclusive(path, wait=True):
            inside += 1
            most = max(most, inside)
            time.sleep(0.001)
            inside -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(enter, range(200)))
    assert most == 1
    assert not path.exists()
