"""Running one function over many jobs, in this process, its threads or several, with results in their order."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from lsbench.errors import LsbenchError
from lsbench.registry import import_own, own_modules
from lsbench.system import log
from lsbench.system.endings import explained, oom_kills
from lsbench.system.memory import enough

PATIENCE_S = 2.0  # that a worker has to clear up when it is told to stop
STOPPED = 143  # its exit code then, that of SIGTERM
SAFE_PATH = "PYTHONSAFEPATH"  # of the environment: Python does not look for modules in the working directory

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
    context, oom_before = multiprocessing.get_context("spawn"), oom_kills()
    closing = context.Event()
    settings = (_share(workers), log.shown(), closing, SAFE_PATH in os.environ, own_modules())
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_start, initargs=settings)
    processes: Mapping[int, BaseProcess] = pool._processes  # kept, for a pool that breaks forgets them
    try:
        with _undisturbed():
            futures = [pool.submit(_in_worker, function, job) for job in jobs]
        for job, future in zip(jobs, futures, strict=True):
            yield job, future.result()
    except BrokenProcessPool as error:
        raise LsbenchError(
            f"a worker process {_end_of(processes.values(), oom_before)}; finished clips are kept, the same command "
            "goes on with the rest. Where memory is short, try fewer --workers"
        ) from error
    except KeyboardInterrupt:
        _end(processes.values())
        raise
    finally:
        closing.set()  # a job that a worker has been handed already is not begun
        pool.shutdown(wait=True, cancel_futures=True)


def _in_threads(
    function: Callable[[Job], Done], jobs: Sequence[Job], workers: int
) -> Iterator[tuple[Job, Done | LsbenchError]]:
    for job in jobs[:1]:
        yield job, _named(function, job)
    if len(jobs) > 1:
        from lsbench.system import compiled

        pool = ThreadPoolExecutor(workers, "worker", compiled.use_threads, (_share(workers),))
        try:
            futures = [pool.submit(_named, function, job) for job in jobs[1:]]
            for job, future in zip(jobs[1:], futures, strict=True):
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


def _in_worker(function: Callable[[Job], Done], job: Job) -> Done | LsbenchError:
    """_named() in a worker process: not where the pool closes, and to its end at once where it is told to stop."""
    if _worker.closing is not None and _worker.closing.is_set():
        return LsbenchError("not begun")
    try:
        _worker.busy = True
        return _named(function, job)
    except _Stopped:  # what the job had begun is cleared up
        _leave(STOPPED)
    finally:
        _worker.busy = False


class _Stopped(KeyboardInterrupt):
    """The job that a worker does is to be left."""


@dataclass
class _Worker:
    """What a worker process knows of itself. closing: is set when no other job is wanted; busy: whether it does one."""

    closing: Any = None
    busy: bool = False


_worker = _Worker()
_leave = os._exit  # whatever a generator's code makes of it later


def _stop(*_: object) -> None:
    """SIGTERM in a worker: leave the job, or where there is none, the process."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if _worker.busy:
        raise _Stopped
    _leave(STOPPED)


def _end(processes: Iterable[BaseProcess]) -> None:
    """End worker processes: told first, so that they clear up, then killed."""
    processes = list(processes)
    for process in processes:
        process.terminate()
    until = time.monotonic() + PATIENCE_S
    for process in processes:
        process.join(max(0.0, until - time.monotonic()))
        if process.is_alive():
            process.kill()


def _end_of(processes: Iterable[BaseProcess], oom_before: int) -> str:
    """How the worker ended that broke the pool: the others were told to stop when it had."""
    for process in (processes := list(processes)):
        process.join(PATIENCE_S)
    codes = [process.exitcode for process in processes if process.exitcode is not None]
    own = [code for code in codes if code not in (-signal.SIGTERM, STOPPED)] or codes
    return explained(own[0], oom_before) if own else "is gone"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """While workers are started: Ctrl-C, which a terminal sends to them too, waits until they can take it; and no
    file in the working directory stands in for a module of Python's own."""
    safe, masked = os.environ.get(SAFE_PATH), hasattr(signal, "pthread_sigmask")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if masked else set()
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if safe is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = safe
        if masked:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(threads: int, log_level: int, closing: Any, safe: bool, own: Mapping[str, str]) -> None:
    _worker.closing = closing
    signal.signal(signal.SIGINT, lambda *_: None)  # its parent says when to stop; programs that it starts know SIGINT
    signal.signal(signal.SIGTERM, _stop)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if not safe:
        os.environ.pop(SAFE_PATH, None)
    if log_level:
        log.show(log_level)
    for name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(threads)
    import_own(own)  # jobs may hold objects of them
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _leave(1)
