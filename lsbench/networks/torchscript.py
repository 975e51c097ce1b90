"""The tensors of a TorchScript archive: its storages and the pickle that names them; its program is not looked at."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.networks.record_pickle import Record, leaves, read

_NAMES = ("torch._utils._rebuild_tensor_v2", "torch.jit._pickle.build_intlist", "collections.OrderedDict")
_STORAGES: dict[str, np.dtype[Any]] = {
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
}
_PICKLE_BYTES = 1 << 24  # of names and shapes; the numbers lie in members of their own


def is_archive(path: Path) -> bool:
    """Whether a file is a zip archive with the members of a TorchScript program."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return any(name.count("/") == 1 and name.endswith("/constants.pkl") for name in names)


def arrays(path: Path) -> dict[str, np.ndarray]:
    """The parameters and buffers of an archive by their names in the program, such as `net.conv.weight`.

    Raises:
        ValueError: where it names anything but tensors and modules, or a tensor does not fit its storage.
        zipfile.BadZipFile, OSError: where it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        (root,) = {name.split("/")[0] for name in archive.namelist() if name.endswith("/constants.pkl")}
        with archive.open(_member(archive, f"{root}/data.pkl")) as file:
            data = file.read(_PICKLE_BYTES + 1)
        if len(data) > _PICKLE_BYTES:
            raise ValueError(f"{root}/data.pkl has more than {_PICKLE_BYTES:,} bytes")
        module = read(data, (*_NAMES, *_STORAGES), prefix="__torch__.")
        return {
            name: _tensor(archive, root, name, leaf)
            for name, leaf in leaves(module, ".")
            if isinstance(leaf, Record) and leaf.name == "torch._utils._rebuild_tensor_v2"
        }


def _tensor(archive: zipfile.ZipFile, root: str, name: str, record: Record) -> np.ndarray:
    match record.args:
        case (
            Record(name="outside", args=("storage", type() as storage, str(key), _, int(numel))),
            0,
            size,
            stride,
            *_,
        ):
            dtype = _STORAGES.get(getattr(storage, "name", ""))
        case _:
            raise ValueError(f"{name[:100]} is no tensor with a storage of its own")
    if dtype is None:
        raise ValueError(f"{name[:100]} has numbers of a kind that is not read")
    if not _fits(size, stride, numel):
        raise ValueError(f"{name[:100]} is said to be {str(size)[:100]}, and its storage has {numel:,} numbers")
    member = _member(archive, f"{root}/data/{key}")
    if member.file_size != numel * dtype.itemsize or member.compress_size != member.file_size:
        raise ValueError(f"{member.filename} has {member.file_size:,} bytes, not {numel * dtype.itemsize:,}")
    content = archive.read(member)
    if len(content) != member.file_size:
        raise ValueError(f"{member.filename} ends after {len(content):,} of {member.file_size:,} bytes")
    return np.frombuffer(content, dtype).reshape(size)


def _fits(size: Any, stride: Any, numel: int) -> bool:
    """Whether a shape is that of numbers in a row, as many as there are."""
    sides = isinstance(size, tuple) and all(isinstance(side, int) and side >= 0 for side in size)
    if not sides or math.prod(size) != numel or not isinstance(stride, tuple) or len(stride) != len(size):
        return False
    steps = [math.prod(size[i + 1 :]) for i in range(len(size))]
    return all(side == 1 or own == step for side, own, step in zip(size, stride, steps, strict=True))


def _member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    try:
        return archive.getinfo(name)
    except KeyError:
        raise ValueError(f"it has no member {name[:100]}") from None
