"""The features of a clip pair, computed once for all metrics that need them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from importlib.metadata import version

import numpy as np

from lsbench.errors import WeightsError
from lsbench.face.track import Region
from lsbench.metrics._base.pair import ClipPair
from lsbench.networks import weights
from lsbench.networks.feature_cache import cached_features, machine
from lsbench.networks.features import Network, _extractor, frame_features, window_features

Sides = tuple[np.ndarray, np.ndarray]  # reference and generated


def pair_features(pair: ClipPair, network: Network, region: Region, engine: str = "torch", every: int = 1) -> Sides:
    """Features of a region of reference and generated, float32 (T, width) each: computed once, then the same arrays.

    The reference's are kept on disk where the pair says which file it came from. every: of frames 0, every, 2 every...
    """

    def compute(frames: np.ndarray) -> np.ndarray:
        return frame_features(frames, network, pair.weights[network.name], pair.device, engine)

    def both() -> Sides:
        reference, generated = (frames[-pair.place % every :: every] for frames in pair.crop(region))
        return _both(pair, network, engine, (region, every), (reference, generated), len(reference), compute)

    return pair.once(("features", network, region, engine, every), both)


def pair_window_features(pair: ClipPair, network: Network, region: Region, length: int, stride: int) -> Sides:
    """Features of windows of a region of reference and generated, float32 (windows, width) each: computed once.

    A window is `length` frames; one begins at each of the frames 0, stride, 2 stride ... of the whole clip that are the
    pair's own and have so many behind them. The reference's features are kept as those of pair_features().
    """
    own = range(*pair.own.indices(len(pair)))
    starts = [start for start in own if (pair.place + start) % stride == 0 and start + length <= len(pair)]
    first, stop = (starts[0], starts[-1] + length) if starts else (0, 0)

    def compute(frames: np.ndarray) -> np.ndarray:
        inside = [start - first for start in starts]
        return window_features(frames, inside, length, network, pair.weights[network.name], pair.device)

    def both() -> Sides:
        reference, generated = (frames[first:stop] for frames in pair.crop(region))
        return _both(pair, network, "torch", (region, length, stride), (reference, generated), len(starts), compute)

    return pair.once(("window features", network, region, length, stride), both)


def _both(
    pair: ClipPair,
    network: Network,
    engine: str,
    taken: tuple[Hashable, ...],
    frames: Sides,
    rows: int,
    compute: Callable[[np.ndarray], np.ndarray],
) -> Sides:
    """compute() of the frames of both sides, or of the generated one alone where the reference's features are kept.

    Args:
        pair: whose frames they are.
        network: that gives the features.
        engine: what runs it.
        taken: how the frames were taken from the pair.
        frames: of reference and generated.
        rows: of features a side; a part of a clip may have none.
        compute: is given one side.
    """
    if network.name not in pair.weights:
        raise WeightsError(
            f"clip {pair.reference.id}: features of {network.name} need its weights, and the pair names none; "
            f"run lsbench weights fetch {network.name}, or pass --weights {network.name}=PATH"
        )
    path = pair.weights[network.name]
    reference, generated = frames
    if not rows:
        return np.empty((0, network.width), np.float32), np.empty((0, network.width), np.float32)
    if pair.reference_sha256 is None:
        return compute(reference), compute(generated)
    _extractor(network, path, pair.device, engine)  # what it lacks is named before its version is asked for
    maker = [network.name, network.revision, weights.sha256(path), engine, *machine(pair.device), *taken]
    maker += [version("onnxruntime")] if engine == "onnx" else []
    features = pair.once_of_reference(
        ("features", *maker),
        lambda: cached_features(reference, maker, (rows, network.width), lambda: compute(reference)),
    )
    return features, compute(generated)
