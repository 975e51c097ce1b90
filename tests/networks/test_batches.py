"""Batches on a device: how large, and what becomes of them where the memory does not suffice."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from lsbench.errors import MetricError
from lsbench.networks import batches

torch = pytest.importorskip("torch")

DEVICE = "cpu:0"  # takes the way of devices


@pytest.mark.parametrize(("free", "batch"), [(None, 128), (1 << 30, 64), (50 << 20, 2), (1 << 20, 1)])
def test_batches_take_half_of_the_free_memory(free: int | None, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_free_bytes", lambda _: free)
    assert batches.device_batch("cuda", 8 << 20) == batch


def test_a_cpu_has_its_own_batches() -> None:
    assert batches.sized(lambda most: most, "cpu", 7, 1 << 60) == 7
    assert batches.sized(lambda most: most, DEVICE, 7, 1) == batches.DEVICE_BATCH


class Card:
    """A device that holds so many frames: what it computes of more ends in PyTorch's error."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.asked: list[int] = []

    def double(self, values: np.ndarray) -> Any:
        self.asked.append(len(values))
        if len(values) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return torch.from_numpy(values) * 2

    def run(self, values: np.ndarray) -> np.ndarray:
        def in_batches(most: int) -> Any:
            parts = [values[part] for part in batches.even(len(values), most)]
            return torch.cat(batches.each(self.double, parts, DEVICE))

        return batches.sized(in_batches, DEVICE, 1, 1).numpy()


def test_without_memory_batches_are_halved_once_and_the_result_is_the_same() -> None:
    values = np.arange(200.0)
    card = Card(room=64)
    assert card.run(values).tolist() == (2 * values).tolist()
    assert card.asked == [100, 50, 50, 50, 50]
    with pytest.raises(MetricError, match="128 frames at once do not fit its memory, nor do half as many"):
        Card(room=20).run(values)


def test_one_thread_at_a_time_hands_over_a_batch() -> None:
    working = threading.Lock()

    def work(_: int) -> bool:
        alone = working.acquire(blocking=False)
        time.sleep(0.001)
        if alone:
            working.release()
        return alone

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: batches.each(work, range(5), DEVICE), range(4)))
    assert done == [[True] * 5] * 4


def test_even_slices_cover_every_frame_once() -> None:
    for count in range(1, 40):
        for most in (1, 3, 16):
            parts = batches.even(count, most)
            lengths = {part.stop - part.start for part in parts}
            assert max(lengths) <= most and max(lengths) - min(lengths) <= 1
            assert count == 1 or most < 3 or min(lengths) > 1
            assert [place for part in parts for place in range(count)[part]] == list(range(count))
