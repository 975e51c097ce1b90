"""Pickles of NumPy arrays in nested dicts, as JAX checkpoints are: read without calling what they name."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lsbench.networks.record_pickle import Record, leaves, read

SEPARATOR = "/"
_ARRAYS = ("numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct")
_NAMES = (*_ARRAYS, "numpy.ndarray", "numpy.dtype")
_KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1")


def arrays(data: bytes) -> dict[str, np.ndarray]:
    """The arrays by name, those of nested dicts joined by `/`.

    Raises:
        ValueError: where the pickle holds, or names, anything but arrays of numbers in dicts.
    """
    return {name: _array(name, leaf) for name, leaf in leaves(read(data, _NAMES), SEPARATOR)}


def _array(name: str, record: Any) -> np.ndarray:
    """The array that a record describes: of the right number of bytes, or none."""
    match record:
        case Record(name=function, state=(_, tuple(shape), Record() as kind, bool(fortran), bytes(content))) if (
            function in _ARRAYS
        ):
            dtype = _dtype(name, kind)
        case _:
            raise ValueError(f"{name[:100] or 'it'} is no array of numbers")
    if not all(isinstance(side, int) and side >= 0 for side in shape) or math.prod(shape) * dtype.itemsize != len(
        content
    ):
        raise ValueError(f"{name[:100]} is said to be {dtype} {str(shape)[:100]}, and has {len(content):,} bytes")
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")


def _dtype(name: str, record: Record) -> np.dtype[Any]:
    match record:
        case Record(name="numpy.dtype", args=(str(kind), _, _), state=(_, "<" | ">" | "|" as order, *_)) if (
            kind in _KINDS
        ):
            return np.dtype(kind).newbyteorder(order)
    raise ValueError(f"{name[:100]} is no array of numbers")
