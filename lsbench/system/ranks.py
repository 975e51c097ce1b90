"""Several processes on one job, started by torchrun on one machine or many: each takes its share.

Nothing here looks at the environment of its own accord: who wants to share says so with Ranks.of_torchrun(), and hands
the value down. So a process that happens to be a rank of something else, a training for example, is alone here. What is
exchanged are the outcomes of jobs, over gloo; networks of rank r run on the r-th device of its machine.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from threading import Event
from typing import Any, TypeVar

from lsbench.errors import LsbenchError, RunError
from lsbench.system import pool

Job = TypeVar("Job")
Done = TypeVar("Done")
T = TypeVar("T")

TIMEOUT = timedelta(days=30)  # ranks wait for the slowest; a rank that dies breaks its connections at once

member_lost = Event()  # set by whoever finds that another rank is gone


@dataclass(frozen=True)
class Ranks:
    """The processes that share a job, and which of them this one is.

    Attributes:
        rank: this process among them, from 0.
        size: how many there are.
        local_rank, local_size: the same among those on this machine.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @classmethod
    def of_torchrun(cls) -> Ranks:
        """The processes that torchrun started.

        Raises:
            RunError: where this process was not started by torchrun.
        """
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        numbers = [os.environ.get(name, "1" if name == "LOCAL_WORLD_SIZE" else "") for name in names]
        if not all(number.isdigit() for number in numbers):
            raise RunError("ranks were asked for, but this process was not started by torchrun")
        return cls(*map(int, numbers))

    @classmethod
    def of_training(cls) -> Ranks:
        """Those that torchrun started, or this process alone: for programs that torchrun is the usual way to start."""
        return cls.of_torchrun() if int(os.environ.get("WORLD_SIZE", 1)) > 1 else cls()

    @property
    def first(self) -> bool:
        """Whether this process speaks and writes for all."""
        return self.rank == 0

    @property
    def cores(self) -> int:
        """Cores for this process: those of its machine, shared among the ranks on it."""
        return max(1, pool.cores() // self.local_size)

    def own_device(self, device: str) -> str:
        """`cuda` as this rank's own device of its machine; other devices as they are."""
        return f"cuda:{self.local_rank}" if device == "cuda" and self.size > 1 else device

    def everyones(self, value: T) -> list[T]:
        """The values of all ranks, in their order; every rank must call it."""
        if self.size == 1:
            return [value]
        from torch import distributed

        values: list[Any] = [None] * self.size
        self._collective(distributed.all_gather_object, values, value)
        return values

    def firsts(self, value: T) -> T:
        """The value of the first rank, on every rank."""
        return self.everyones(value)[0]

    def send(self, value: Any, to: int) -> None:
        """Hand a value to another rank, which must receive() it."""
        from torch import distributed

        self._collective(distributed.send_object_list, [value], to)

    def receive(self, source: int) -> Any:
        """The value that another rank sends."""
        from torch import distributed

        values: list[Any] = [None]
        self._collective(distributed.recv_object_list, values, source)
        return values[0]

    def run(
        self,
        function: Callable[[Job], Done],
        jobs: Sequence[Job],
        workers: int,
        own_done: Callable[[Job, Done | LsbenchError], None] = lambda *_: None,
        *,
        threads: bool = False,
    ) -> Iterator[tuple[Job, Done | LsbenchError]]:
        """pool.outcomes() over all ranks: each takes every size-th job, and all yield the outcomes of all, in order.

        own_done: is called with each job of this rank when it is done; what it raises ends the rank. threads: see
        pool.outcomes().
        """
        outcomes = []
        for job, outcome in pool.outcomes(function, jobs[self.rank :: self.size], workers, threads=threads):
            own_done(job, outcome)
            if self.size == 1:
                yield job, outcome
            else:
                outcomes.append(outcome)
        if self.size > 1:
            shares = self.everyones(outcomes)
            for index, job in enumerate(jobs):
                yield job, shares[index % self.size][index // self.size]

    def join(self) -> None:
        """Meet the other ranks, once, until the process ends; nothing where there are none."""
        if self.size == 1:
            return
        from torch import distributed

        if distributed.is_initialized():
            return
        try:
            distributed.init_process_group("gloo", timeout=TIMEOUT)
        except (RuntimeError, ValueError) as error:
            first = str(error).splitlines()[0]
            raise RunError(
                f"rank {self.rank} of {self.size} cannot join the others: {first}. Start it with torchrun"
            ) from None
        atexit.register(_leave)

    def _collective(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.join()
        try:
            function(*arguments)
        except RuntimeError as error:
            member_lost.set()
            raise RunError(
                f"rank {self.rank} of {self.size}: another rank ended or cannot be reached; finished clips are kept, "
                "the same command goes on with the rest"
            ) from error


ALONE = Ranks()


def end_if_lost(status: int) -> None:
    """End this process at once, with this exit status, where another rank is lost; else do nothing.

    For a program that has said what happened and has nothing left to do. Threads of the transport may still be at work
    on the connections that broke: an error that one of them meets while the group is taken down ends the process by
    SIGABRT, whatever its status was to be. So nothing is taken down.
    """
    if not member_lost.is_set():
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(status)


def _leave() -> None:
    from torch import distributed

    with suppress(RuntimeError):  # a group that lost a member cannot be left in order
        distributed.destroy_process_group()
