"""Several processes on one run, started by torchrun on one machine or many: each takes its share of the clips.

Without torchrun there is one rank, and nothing of this costs anything. What is exchanged are jobs' outcomes, over gloo;
networks of rank r run on the r-th device of its machine.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from lsbench.errors import LsbenchError, RunError
from lsbench.system import pool

Job = TypeVar("Job")
Done = TypeVar("Done")
T = TypeVar("T")

TIMEOUT = timedelta(days=30)  # ranks wait for the slowest; a rank that dies breaks its connections at once


def rank() -> int:
    """This process among those that torchrun started, from 0; 0 where it was started alone."""
    return int(os.environ.get("RANK", 0)) if world() > 1 else 0


def world() -> int:
    """Number of processes that torchrun started."""
    return int(os.environ.get("WORLD_SIZE", 1))


def cores() -> int:
    """Cores for this rank: those of its machine, shared among the ranks on it."""
    return max(1, pool.cores() // (int(os.environ.get("LOCAL_WORLD_SIZE", 1)) if world() > 1 else 1))


def own_device(device: str) -> str:
    """`cuda` as this rank's own device of its machine; other devices as they are."""
    return f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if device == "cuda" and world() > 1 else device


def join() -> None:
    """Join the other ranks, once, until the process ends; nothing where there are none."""
    if world() == 1:
        return
    from torch import distributed

    if distributed.is_initialized():
        return
    try:
        distributed.init_process_group("gloo", timeout=TIMEOUT)
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise RunError(f"rank {rank()} of {world()} cannot join the others: {first}. Start it with torchrun") from None
    atexit.register(_leave)


def _leave() -> None:
    from torch import distributed

    with suppress(RuntimeError):  # a group that lost a member cannot be left in order
        distributed.destroy_process_group()


def everyones(value: T) -> list[T]:
    """The values of all ranks, in their order; every rank must call it."""
    if world() == 1:
        return [value]
    from torch import distributed

    values: list[Any] = [None] * world()
    _collective(distributed.all_gather_object, values, value)
    return values


def send(value: Any, to: int) -> None:
    """Hand a value to another rank, which must receive() it."""
    from torch import distributed

    _collective(distributed.send_object_list, [value], to)


def receive(source: int) -> Any:
    """The value that another rank sends."""
    from torch import distributed

    values: list[Any] = [None]
    _collective(distributed.recv_object_list, values, source)
    return values[0]


def run(
    function: Callable[[Job], Done],
    jobs: Sequence[Job],
    workers: int,
    own_done: Callable[[Job, Done | LsbenchError], None] = lambda *_: None,
) -> Iterator[tuple[Job, Done | LsbenchError]]:
    """pool.run() over all ranks: each takes every world()-th job, and all yield the outcomes of all, in their order.

    own_done: is called with each job of this rank when it is done; what it raises ends the rank.
    """
    outcomes = []
    for job, outcome in pool.run(function, jobs[rank() :: world()], workers):
        own_done(job, outcome)
        if world() == 1:
            yield job, outcome
        else:
            outcomes.append(outcome)
    if world() > 1:
        shares = everyones(outcomes)
        for place, job in enumerate(jobs):
            yield job, shares[place % world()][place // world()]


def _collective(function: Callable[..., Any], *arguments: Any) -> None:
    try:
        function(*arguments)
    except RuntimeError as error:
        raise RunError(
            f"rank {rank()} of {world()}: another rank ended or cannot be reached; finished clips are kept, the same "
            "command goes on with the rest"
        ) from error
