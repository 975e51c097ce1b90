"""Features of frames, or of windows of several frames in a row, as networks give them.

They are the same bits for one worker and for eight: see lsbench.networks.batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lsbench.errors import MetricError
from lsbench.networks import weights

if TYPE_CHECKING:
    from torch import Tensor

ENGINES = ("torch", "onnx", "pytorch-fid")  # the last: the peer's own class, for who wants its code

Extractor = Callable[[np.ndarray], "Tensor"]  # of frames uint8 (B, H, W, 3), features on the device


@dataclass(frozen=True)
class Network:
    """A network that gives features: its weight file's name, the module with `load` and `prepare`, and its numbers.

    Most give a row of features for each frame of a batch, those for window_features() one for all of them.

    width: features a row. input: side of its input, px. batch: frames a batch on the CPU, where it is fastest.
    frame_bytes: memory that a prepared frame takes on its way through, as measured and a quarter more. revision:
    changes whenever a feature may change.
    """

    name: str
    module: str
    width: int
    input: int
    batch: int
    frame_bytes: int
    revision: int = 1


INCEPTION = Network(
    "inception", "lsbench.networks.inception", width=2048, input=299, batch=8, frame_bytes=14 << 20, revision=2
)
EFFICIENTNET_LITE0 = Network(
    "efficientnet_lite0",
    "lsbench.networks.efficientnet",
    width=1280,
    input=224,
    batch=4,
    frame_bytes=16 << 20,
    revision=2,
)
I3D = Network("i3d", "lsbench.networks.i3d", width=400, input=224, batch=16, frame_bytes=7 << 20)


def frame_features(
    frames: np.ndarray, network: Network, path: Path, device: str = "cpu", engine: str = "torch"
) -> np.ndarray:
    """Features float32 (T, width) of frames uint8 (T, H, W, 3) RGB of one size, by the weights in the file `path`."""
    _demand_frames(frames, network)
    import torch

    from lsbench.networks import batches

    extract = _extractor(network, path, device, engine)

    def features_of(most: int) -> Tensor:
        parts = [frames[part] for part in batches.even(len(frames), most)]
        if device == "cpu":
            parts = [frames[start : start + most] for start in range(0, len(frames), most)]
        return torch.cat(batches.each(lambda part: extract(part)[: len(part)], parts, device))

    resized = 9 * frames[0].size  # from bytes to two copies in float32
    features = batches.sized(features_of, device, network.batch, network.frame_bytes + resized).cpu().numpy()
    return _finite(features, network, path, "frame")


def window_features(
    frames: np.ndarray, starts: Sequence[int], length: int, network: Network, path: Path, device: str = "cpu"
) -> np.ndarray:
    """Features float32 (windows, width) of the windows of `length` frames that begin at `starts`, one or more.

    Args:
        frames: uint8 (T, H, W, 3) RGB, all of the windows' and perhaps more.
        starts: the first frame of each window.
        length: frames a window.
        network: one that sees several frames at once.
        path: the file of its weights.
        device: where it runs.

    Raises:
        MetricError: for frames that are none, and features that are not finite.
        WeightsError: where the file is not the network's.
    """
    _demand_frames(frames, network)
    import torch

    from lsbench.networks import batches

    extract = _extractor(network, path, device, "torch")
    windows = [frames[start : start + length] for start in starts]

    def features_of(_: int) -> Tensor:
        return torch.cat(batches.each(extract, windows, device))

    features = batches.sized(features_of, device, length, network.frame_bytes).cpu().numpy()
    return _finite(features, network, path, "window")


def _demand_frames(frames: np.ndarray, network: Network) -> None:
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
        raise MetricError(
            f"{network.name} features: frames are {frames.dtype} {frames.shape}; "
            "expected uint8 (frames, height, width, 3)"
        )


def _finite(features: np.ndarray, network: Network, path: Path, what: str) -> np.ndarray:
    """The features; MetricError naming the first row that is not finite. what: a row is of."""
    if not np.isfinite(features).all():
        row = int(np.flatnonzero(~np.isfinite(features).all(axis=1))[0])
        raise MetricError(
            f"{network.name} features of {what} {row} are not finite; are the weights in {path} whole? "
            "Run lsbench weights verify"
        )
    return features


def _extractor(network: Network, path: Path, device: str, engine: str) -> Extractor:
    """The loaded network, from a batch of frames to their features; one a process as long as the file is the same."""
    if engine not in ENGINES:
        raise MetricError(f"{network.name} features: engine {engine!r}; expected one of {', '.join(ENGINES)}")
    if engine == "pytorch-fid" and network is not INCEPTION:
        raise MetricError(f"{network.name} features: engine pytorch-fid has the network inception alone")
    if engine == "onnx" and device != "cpu":
        raise MetricError(f"{network.name} features: engine onnx runs on the CPU; pass --device cpu, or engine=torch")
    return _loaded(network, path, weights.sha256(path), device, engine)


@lru_cache(maxsize=8)
def _loaded(network: Network, path: Path, sha256: str, device: str, engine: str) -> Extractor:
    """sha256 is there to tell a changed file from the one loaded."""
    import torch

    from lsbench.networks import batches
    from lsbench.networks.pointwise import by_onednn

    if engine == "pytorch-fid":
        from lsbench.networks import pytorch_fid_engine

        peer = pytorch_fid_engine.load(path, device)
        return lambda frames: peer(batches.images(frames, device))
    module = import_module(network.module)
    if engine == "onnx":
        from lsbench.networks import onnx_engine

        kept_as = f"{network.name}.{network.revision}"
        run = onnx_engine.load(kept_as, sha256, network.input, lambda: module.load(path))
        return lambda frames: torch.from_numpy(
            run(batches.prepared(frames, device, module.prepare).contiguous().numpy())
        )

    loaded = module.load(path).to(device, memory_format=torch.channels_last)
    if device == "cpu":
        loaded = by_onednn(loaded)
    return lambda frames: loaded(batches.prepared(frames, device, module.prepare))
