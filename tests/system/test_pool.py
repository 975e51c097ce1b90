"""One function over many jobs: order, errors, progress, in one process and in several."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numba
import pytest

from lsbench.errors import LsbenchError, MediaError
from lsbench.system import compiled, pool

BOTH = pytest.mark.parametrize("workers", [1, 2])


def root(number: int) -> float:
    if number < 0:
        raise MediaError(f"{number} has no root")
    return number**0.5


def die(number: int) -> int:
    if number == 1:
        os._exit(9)
    return number


def touch(path: Path) -> Path:
    path.touch()
    return path


@BOTH
def test_results_come_in_the_order_of_the_jobs(workers: int) -> None:
    assert list(pool.each(root, [9, 1, 4], workers)) == [3, 1, 2]
    assert list(pool.each(root, [], workers)) == []


@BOTH
def test_each_ends_with_the_first_error(workers: int) -> None:
    results = pool.each(root, [4, -1, -2, 9], workers)
    assert next(results) == 2
    with pytest.raises(MediaError, match="-1 has no root"):
        next(results)


@BOTH
def test_outcomes_keep_errors_beside_their_jobs(workers: int) -> None:
    (first, two), (second, error), (third, three) = pool.outcomes(root, [4, -1, 9], workers)
    assert (first, two, second, third, three) == (4, 2, -1, 9, 3)
    assert isinstance(error, MediaError) and str(error) == "-1 has no root"


@BOTH
def test_progress_counts_what_the_caller_has_dealt_with(workers: int) -> None:
    told: list[tuple[str, int, int]] = []
    dealt: list[int] = []

    def progress(label: str, done: int, total: int) -> None:
        assert len(dealt) == done
        told.append((label, done, total))

    for job, _ in pool.outcomes(root, [4, -1, 9], workers, progress=progress, label=str):
        dealt.append(job)
    assert told == [("4", 1, 3), ("-1", 2, 3), ("9", 3, 3)]
    told.clear(), dealt.clear()
    for _ in pool.each(root, [4, 9], workers, progress=progress, label="roots"):
        dealt.append(0)
    assert told == [("roots", 1, 2), ("roots", 2, 2)]


def test_jobs_that_nobody_asks_for_are_not_begun(tmp_path: Path) -> None:
    for path in pool.each(touch, [tmp_path / "a", tmp_path / "b"], 1):
        assert path == tmp_path / "a"
        break
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_worker_that_is_killed_is_a_named_error() -> None:
    with pytest.raises(LsbenchError, match="a worker process exited with code 9; finished clips are kept"):
        list(pool.each(die, [0, 1, 2], 2))


def test_threads_share_a_process_in_the_order_of_the_jobs() -> None:
    """As many work side by side as there are workers, the first job before them; errors stay beside their jobs."""
    begun: list[int] = []
    together = threading.Barrier(3, timeout=20)

    def meet(number: int) -> float:
        begun.append(number)
        if number != 4:
            assert begun[0] == 4
            together.wait()
        return root(number)

    done = list(pool.outcomes(meet, [4, 9, -1, 16], workers=3, threads=True))
    assert [outcome for _, outcome in done if not isinstance(outcome, MediaError)] == [2, 3, 4]
    assert str(done[2][1]) == "-1 has no root"
    assert list(pool.outcomes(root, [], 3, threads=True)) == []


def test_threads_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "cores", lambda: 8)

    def parts(_: int) -> int:
        seen: list[slice] = []
        compiled.in_parallel(seen.append, 16)
        return len(seen)

    (_, first), *others = pool.outcomes(parts, range(4), workers=8, threads=True)
    assert [count for _, count in others] == [1, 1, 1]  # one thread has no need of parts
    assert first == 1 or numba.get_num_threads() > 1
