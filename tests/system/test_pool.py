"""One function over many jobs: order, errors, progress, in one process and in several."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lsbench.errors import LsbenchError, MediaError
from lsbench.system import pool

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
    with pytest.raises(LsbenchError, match="a worker process was killed"):
        list(pool.each(die, [0, 1, 2], 2))
