"""Memory for decoded pictures: one array that grows while a video is short, handed on from clip to clip."""

from __future__ import annotations

import math
import weakref

import numpy as np

from lsbench.media import film

_SPARE_BYTES = 256 << 20

# Memory of clips that are gone, for clips to come: touching fresh memory can take as long as decoding into it. No lock:
# each operation on the dict is atomic, and the garbage collector may give memory back in the middle of anything.
_spare: dict[int, np.ndarray] = {}


class _Loan:
    """Memory as arrays hold it: they keep the loan alive, and when the last of them is gone the memory is spare."""

    def __init__(self, memory: np.ndarray) -> None:
        self.__array_interface__ = memory.__array_interface__
        weakref.finalize(self, _keep, memory).atexit = False


def _keep(memory: np.ndarray) -> None:
    _spare[id(memory)] = memory
    spares = list(_spare.values())
    while sum(len(spare) for spare in spares) > _SPARE_BYTES:
        _spare.pop(id(spares.pop(0)), None)


def _borrow(shape: tuple[int, ...]) -> np.ndarray:
    """An uninitialised uint8 array; its memory is handed out again only after it and every view of it are gone."""
    size = math.prod(shape)
    for memory in list(_spare.values()):
        if size <= len(memory) <= 2 * size and _spare.pop(id(memory), None) is not None:
            break
    else:
        memory = np.empty(size, np.uint8)
    return np.asarray(_Loan(memory))[:size].reshape(shape)


class Store:
    """The pictures of one video, kept as long as all of them take at most film.HELD_BYTES.

    Args:
        height, width: of every picture, px.
        expected: how many are announced.
    """

    def __init__(self, height: int, width: int, expected: int) -> None:
        self._count = 0
        self._most = film.HELD_BYTES // (3 * height * width)
        self._pictures: np.ndarray | None = None
        if expected <= self._most:
            self._pictures = _borrow((expected, height, width, 3))

    def place(self) -> np.ndarray | None:
        """Where the next picture goes, uint8 (height, width, 3); None once they are too many, and are not kept."""
        pictures = self._pictures
        if pictures is None:
            return None
        if self.is_full:
            if self._count == self._most:
                self._pictures = None
                return None
            self._pictures = _borrow((min(2 * self._count, self._most), *pictures.shape[1:]))
            self._pictures[: self._count] = pictures
            pictures = self._pictures
        self._count += 1
        return pictures[self._count - 1]

    @property
    def is_full(self) -> bool:
        """Whether the next place() finds no room where the pictures are, so that they move or are given up."""
        return self._pictures is not None and self._count == len(self._pictures)

    @property
    def held(self) -> np.ndarray | None:
        """All of them, uint8 (N, height, width, 3); None where they were too many."""
        return None if self._pictures is None else self._pictures[: self._count]
