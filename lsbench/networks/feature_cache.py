"""Features kept on disk by content: computed once for the same pixels, network, weights and machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np

from lsbench.system import arrays
from lsbench.system.cache import cache_dir


def cached_features(
    frames: np.ndarray, maker: Sequence[object], shape: tuple[int, int], compute: Callable[[], np.ndarray]
) -> np.ndarray:
    """compute(), float32 of `shape`, or what it gave before for the same frames.

    frames: the pixels that the network sees, which stand for the file, the frames of it that were taken, the boxes and
    the decoder at once. maker: everything else that can move a bit, each with a repr of its own.
    """
    digest = hashlib.sha256(repr((list(maker), frames.shape)).encode())
    digest.update(np.ascontiguousarray(frames).data)
    name = digest.hexdigest()
    path = cache_dir() / "features" / name[:2] / f"{name}.npz"
    features = _read(path, shape)
    if features is None:
        features = compute()
        with suppress(OSError):  # a cache that cannot be written costs time alone
            arrays.write(path, {"features": features})
    return features


def machine(device: str) -> list[str]:
    """What of this machine can move a bit of what PyTorch computes."""
    import torch

    return [device, version("torch"), torch.backends.cpu.get_cpu_capability()]


def _read(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """Features kept at `path`; None where there are none, or damaged ones."""
    try:
        with arrays.opened(path) as data:
            features = data["features"]
    except (OSError, ValueError):
        return None
    return features if features.shape == shape and features.dtype == np.float32 else None
