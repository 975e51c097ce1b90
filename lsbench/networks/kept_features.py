"""What networks see in reference frames, kept in memory while generators are scored one after the other in a process.

It is megabytes a frame, so that a disk would gain little, and memory bounds it: LIMIT_BYTES. What is kept comes back to
the bit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from lsbench.networks.packed import Packed

LIMIT_BYTES = 1 << 30  # of a process: about 12 clips of GRID for LPIPS on whole frames, 70 of the face


class KeptFeatures:
    """Layers by key, of so many bytes at most.

    The first stay: generators are scored over the same clips in the same order, where the oldest are those that are
    needed next. What was asked for neither in this round nor in the last one makes room.
    """

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self.limit = limit
        self._layers: dict[Hashable, list[Packed]] = {}
        self._asked: dict[Hashable, int] = {}  # the round in which each was last asked for
        self._round = self._open = 0
        self._lock = threading.Lock()

    @contextmanager
    def round(self, *, last: bool = False) -> Iterator[None]:
        """The scoring of one generator, say; outside of rounds nothing is kept.

        Args:
            last: what is first asked for in this round will not be asked for after it, and is let go.
        """
        with self._lock:
            self._round, self._open = self._round + 1, self._open + 1
            before = set(self._layers)
        try:
            yield
        finally:
            with self._lock:
                self._open -= 1
                for key in self._layers.keys() - before if last else ():
                    del self._layers[key], self._asked[key]

    def layers(self, key: Hashable, compute: Callable[[], Iterator[Tensor]]) -> Iterator[Tensor]:
        """The layers that compute() gives, one after the other; kept where there is room for all of them.

        Args:
            key: of all that decides their bits.
            compute: gives tensors (B, channels, h, w) on the CPU.
        """
        if not self._open:
            yield from compute()
            return
        with self._lock:
            kept = self._layers.get(key)
            if kept is not None:
                self._asked[key] = self._round
            room = self.limit - self.bytes + self._stale_bytes()
        if kept is not None:
            yield from (packed.tensor() for packed in kept)
        else:
            yield from self._keep(key, compute(), room)

    @property
    def bytes(self) -> int:
        """Memory that they take."""
        return sum(_bytes(layers) for layers in self._layers.values())

    def forget(self) -> None:
        """Keep nothing of what was."""
        with self._lock:
            self._layers.clear()
            self._asked.clear()

    def _keep(self, key: Hashable, layers: Iterator[Tensor], room: int) -> Iterator[Tensor]:
        from lsbench.networks.packed import Packed

        packed: list[Packed] = []
        for layer in layers:
            if room >= 0:
                packed.append(Packed.of(layer))
                room -= packed[-1].bytes
            yield layer
        if room < 0:
            return
        with self._lock:
            for stale in [other for other in self._asked if self._is_stale(other)]:
                if self.bytes + _bytes(packed) > self.limit:
                    del self._layers[stale], self._asked[stale]
            if self.bytes + _bytes(packed) <= self.limit:
                self._layers[key], self._asked[key] = packed, self._round

    def _is_stale(self, key: Hashable) -> bool:
        return self._asked[key] < self._round - 1

    def _stale_bytes(self) -> int:
        return sum(_bytes(layers) for key, layers in self._layers.items() if self._is_stale(key))


def _bytes(layers: list[Packed]) -> int:
    return sum(packed.bytes for packed in layers)


KEPT = KeptFeatures()
