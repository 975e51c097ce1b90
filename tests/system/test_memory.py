"""Memory that does not suffice."""

from __future__ import annotations

import numpy as np
import pytest

from lsbench.errors import LsbenchError, MediaError
from lsbench.system import pool
from lsbench.system.memory import enough


def too_much(size: int) -> int:
    return len(np.empty(size, np.uint8))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried ..."),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    ],
)
def test_it_is_named(error: Exception) -> None:
    with pytest.raises(LsbenchError, match="^clip a: does not fit in memory"), enough("clip a"):
        raise error


def test_other_errors_are_as_they_were() -> None:
    for error in (ValueError("x"), MediaError("clip b: out of memory, it said")):
        with pytest.raises(type(error)) as caught, enough("clip a"):
            raise error
        assert caught.value is error


@pytest.mark.parametrize("workers", [1, 2])
def test_a_job_that_does_not_fit_is_the_outcome_of_that_job(workers: int) -> None:
    sizes = [1 << 60, 10]
    outcomes = [outcome for _, outcome in pool.outcomes(too_much, sizes, workers)]
    assert isinstance(outcomes[0], LsbenchError) and "does not fit in memory" in str(outcomes[0])
    assert outcomes[1] == 10
