"""The tensors of a weight file as NumPy arrays, whatever form it has; the content decides, not the file's name.

safetensors; state_dicts by torch.load(weights_only=True); pickles of NumPy arrays; TorchScript archives. Of the last
two nothing that they name is imported or called, and no program is run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lsbench.errors import WeightsError
from lsbench.networks import layouts, numpy_pickle, plain_torch, torchscript
from lsbench.system import regular

_TORCH_BEFORE_ZIP = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the magic number that torch.save wrote first


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a file under canonical names (see layouts), sorted by name.

    Raises:
        WeightsError: where it cannot be read, holds none, or holds numbers that are not finite.
    """
    try:
        arrays = _read(path)
    except Exception as error:  # a hostile file can make its reader raise anything
        raise unfit(path, f"cannot be read ({_first_line(error)})") from error
    try:
        arrays = layouts.canonical(arrays)
    except KeyError as error:
        raise unfit(path, f"lacks the tensor {str(error.args[0])[:200]}") from error
    if not arrays:
        raise unfit(path, "holds no tensors")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise unfit(path, f"holds numbers that are not finite, in {name}")
    return arrays


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """A sha256 that names a network: two files of equal tensors have the same.

    Of each tensor in the order of their names: a line `NAME DTYPE SHAPE`, such as `conv.weight <f4 (64, 3, 7, 7)`, then
    its bytes in the order of rows.
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        total.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def write_arrays(arrays: Mapping[str, np.ndarray], path: Path) -> None:
    """Keep tensors as safetensors."""
    from safetensors.numpy import save

    path.write_bytes(save(dict(arrays)))  # save_file would hide it from other users


def whole(path: Path) -> bool:
    """Whether a safetensors file has as many bytes as its header says; the bytes themselves are not read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy"):
            return True
    except SafetensorError:
        return False


def unfit(path: Path, reason: str) -> WeightsError:
    """The error of a weight file that is not what it should be."""
    return WeightsError(f"weight file {path} {reason}. Run lsbench weights verify, or pass another --weights NAME=PATH")


def _read(path: Path) -> dict[str, np.ndarray]:
    """The tensors under the names that the file gives them."""
    with regular.opened(path) as file:
        start = file.read(len(_TORCH_BEFORE_ZIP))
        if start[8:9] == b"{" and not start.startswith(b"\x80"):
            return _safetensors(path)
        if start[:1] == b"\x80" and start != _TORCH_BEFORE_ZIP:
            return numpy_pickle.arrays(start + file.read())
    return torchscript.arrays(path) if torchscript.is_archive(path) else _state_dict(path)


def _safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    return load_file(path)


def _state_dict(path: Path) -> dict[str, np.ndarray]:
    import torch

    state = plain_torch.read(path)
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError("it holds no state_dict")
    return {
        str(name): (value.float() if value.dtype is torch.bfloat16 else value).detach().numpy()
        for name, value in state.items()
    }


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
