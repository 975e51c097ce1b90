"""Activations without the zeros that a ReLU leaves in most places: a quarter to a third of the memory, no bit lost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numba import float32, uint8
from torch import Tensor

from lsbench.system.compiled import compiled, images


@dataclass(frozen=True)
class Packed:
    """A float32 tensor (B, channels, h, w) on the CPU.

    Attributes:
        shape: (B, h, w, channels), the order of its numbers.
        places: a bit for each number, uint8: whether it is no zero.
        values: those that are none, float32.
    """

    shape: tuple[int, ...]
    places: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, layer: Tensor) -> Packed:
        """The tensor, which is fastest in the memory order of frames; negative zeros become plain ones."""
        numbers = np.ascontiguousarray(layer.permute(0, 2, 3, 1).numpy())
        places = np.empty(-(-numbers.size // 8), np.uint8)
        values = np.empty(np.count_nonzero(numbers) + 1, np.float32)
        _pack()(numbers.ravel(), places, values)
        return cls(numbers.shape, places, values)

    @property
    def bytes(self) -> int:
        """Memory that it takes."""
        return self.places.nbytes + self.values.nbytes

    def tensor(self) -> Tensor:
        """The tensor, in the memory order of frames."""
        numbers = np.empty(math.prod(self.shape), np.float32)
        _unpack()(self.places, self.values, numbers)
        return torch.from_numpy(numbers).view(self.shape).permute(0, 3, 1, 2)


# Each number is written, or read, whether it is zero or not, and the next one takes its place if it is: to ask first
# would take the processor three times as long. So there is one more value than numbers that are not zero.


@cache
def _pack() -> Callable[..., None]:
    """Compiled: (numbers (N,), places (N / 8,) and values (numbers that are not zero + 1,) to fill) -> None."""

    @compiled(images(float32, 1), uint8[::1], float32[::1])
    def pack(numbers, places, values):  # type: ignore[no-untyped-def]
        count = 0
        for place in range(len(places)):
            bits = 0
            for bit in range(min(8, len(numbers) - 8 * place)):
                number = numbers[8 * place + bit]
                values[count] = number
                some = number != 0
                count += some
                bits |= some << bit
            places[place] = bits
        values[count] = 0

    return pack


@cache
def _unpack() -> Callable[..., None]:
    """Compiled: (places (N / 8,), values, numbers (N,) to fill) -> None."""

    @compiled(images(uint8, 1), images(float32, 1), float32[::1])
    def unpack(places, values, numbers):  # type: ignore[no-untyped-def]
        count = 0
        for place in range(len(places)):
            bits = places[place]
            for bit in range(min(8, len(numbers) - 8 * place)):
                some = (bits >> bit) & 1
                numbers[8 * place + bit] = values[count] if some else float32(0)
                count += some

    return unpack
