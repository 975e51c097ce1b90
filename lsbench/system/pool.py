"""Running one function over many jobs, in this process, its threads or several, with results in their order."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from lsbench.errors import LsbenchError
from lsbench.system import log
from lsbench.system.memory import enough

Job = TypeVar("Job")
Done = TypeVar("Done")
Progress = Callable[[str, int, int], None]  # what is being done, how much of it is done, of how much
Label = str | Callable[[Job], str]  # what progress is told, of all jobs or of each


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    function: Callable[[Job], Done],
    jobs: Sequence[Job],
    workers: int,
    *,
    progress: Progress | None = None,
    label: Label[Job] = "",
) -> Iterator[Done]:
    """What a function returns for each job, in the order of the jobs; the first error ends it.

    Args:
        function: of one job. It is pickled where there are several workers, and so are jobs and results.
        jobs: all of them.
        workers: processes; 1 works in this one. Several are started afresh (spawn) and share the cores among them; a
            worker ends itself when this process dies.
        progress: is told how many jobs are done, each when the caller asks for the next.
        label: what it is told is being done; or a function of the job that says it.

    Yields:
        function(job). When the caller stops asking, jobs that have not begun are dropped.

    Raises:
        LsbenchError: the first that a job raises, or a worker that was killed.
    """
    for _, outcome in outcomes(function, jobs, workers, progress=progress, label=label):
        if isinstance(outcome, LsbenchError):
            raise outcome
        yield outcome


def outcomes(
    function: Callable[[Job], Done],
    jobs: Sequence[Job],
    workers: int,
    *,
    progress: Progress | None = None,
    label: Label[Job] = "",
    threads: bool = False,
) -> Iterator[tuple[Job, Done | LsbenchError]]:
    """As each(), but a named error is the outcome of its job and the others go on: yields (job, result or error).

    threads: the workers are threads of this process, for jobs that wait for a device and share what is loaded on it.
    The first job runs alone, so that it is loaded once.
    """
    work = _in_threads if threads and workers > 1 else _outcomes
    for done, (job, outcome) in enumerate(work(function, jobs, workers), start=1):
        yield job, outcome
        if progress:
            progress(label if isinstance(label, str) else label(job), done, len(jobs))


def _outcomes(
    function: Callable[[Job], Done], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Done | LsbenchError]]:
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, _named(function, job)
        return
    context, settings = multiprocessing.get_context("spawn"), (_share(workers), log.shown())
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_start, initargs=settings)
    try:
        yield from _worked(pool, function, jobs)
    except BrokenProcessPool as error:
        raise LsbenchError(
            "a worker process was killed (out of memory?); finished clips are kept, the same command goes on with the "
            "rest. Try fewer --workers"
        ) from error


def _in_threads(
    function: Callable[[Job], Done], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Done | LsbenchError]]:
    for job in jobs[:1]:
        yield job, _named(function, job)
    if len(jobs) > 1:
        from lsbench.system import compiled

        yield from _worked(
            ThreadPoolExecutor(workers, "worker", compiled.use_threads, (_share(workers),)), function, jobs[1:]
        )


def _worked(
    pool: Executor, function: Callable[[Job], Done], jobs: Sequence[Job]
) -> Iterator[tuple[Job, Done | LsbenchError]]:
    """What a pool of workers makes of the jobs; those that have not begun are dropped when the caller stops asking."""
    try:
        futures = [pool.submit(_named, function, job) for job in jobs]
        for job, future in zip(jobs, futures, strict=True):
            yield job, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _share(workers: int) -> int:
    """Cores for each of several workers."""
    return max(1, cores() // workers)


def _named(function: Callable[[Job], Done], job: Job) -> Done | LsbenchError:
    try:
        with enough("what was being done"):
            return function(job)
    except LsbenchError as error:
        return error


def _start(threads: int, log_level: int) -> None:
    if log_level:
        log.show(log_level)
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
