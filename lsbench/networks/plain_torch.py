"""Files that torch.save() wrote, read without running code: tensors, numbers, texts, and tables and lists of them."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

from lsbench.system import regular


def read(path: Path) -> Any:
    """The content of a file, its tensors on the CPU.

    Raises:
        OSError: where it cannot be read.
        ValueError: saying in a few words of our own why it is not read: PyTorch's advise to read it unsafely.
    """
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            regular.demand(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except pickle.UnpicklingError as error:
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise ValueError("it holds Python objects beside tensors and plain values, which are not loaded") from error
        raise ValueError("it is no file of PyTorch, or is damaged or cut off") from error
    except Exception as error:  # a damaged file can make its reader raise anything
        raise ValueError("it is no file of PyTorch, or is damaged or cut off") from error


def tensor(value: Any, key: str) -> Any:
    """A kind (see lsbench.system.shape): a plain tensor of real numbers."""
    import torch

    from lsbench.system.shape import Misfit

    if not isinstance(value, torch.Tensor) or value.layout is not torch.strided or value.is_quantized:
        raise Misfit(key, f"is {type(value).__name__}; expected a tensor")
    if value.is_complex():
        raise Misfit(key, "holds complex numbers")
    return value
