"""The features of a clip pair, computed once for all metrics that need them."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from lsbench.errors import WeightsError
from lsbench.face.track import Region
from lsbench.metrics._base.pair import ClipPair
from lsbench.networks import weights
from lsbench.networks.feature_cache import cached_features, machine
from lsbench.networks.features import Network, _extractor, frame_features


def pair_features(
    pair: ClipPair, network: Network, region: Region, engine: str = "torch", every: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Features of a region of reference and generated, float32 (T, width) each: computed once, then the same arrays.

    The reference's are kept on disk where the pair says which file it came from. every: of frames 0, every, 2 every...
    """
    key = ("features", network, region, engine, every)
    return pair.once(key, lambda: _pair_features(pair, network, region, engine, every))


def _pair_features(
    pair: ClipPair, network: Network, region: Region, engine: str, every: int
) -> tuple[np.ndarray, np.ndarray]:
    if network.name not in pair.weights:
        raise WeightsError(
            f"clip {pair.reference.id}: features of {network.name} need its weights, and the pair names none; "
            f"run lsbench weights fetch {network.name}, or pass --weights {network.name}=PATH"
        )
    path = pair.weights[network.name]

    def compute(frames: np.ndarray) -> np.ndarray:
        if not len(frames):  # a window between two frames that are taken
            return np.empty((0, network.width), np.float32)
        return frame_features(frames, network, path, pair.device, engine)

    reference, generated = (frames[-pair.place % every :: every] for frames in pair.crop(region))
    if pair.reference_sha256 is None:
        return compute(reference), compute(generated)
    _extractor(network, path, pair.device, engine)  # what it lacks is named before its version is asked for
    maker = [network.name, network.revision, weights.sha256(path), engine, *machine(pair.device)]
    maker += [version("onnxruntime")] if engine == "onnx" else []
    features = pair.once_of_reference(
        ("features", *maker, region, every),
        lambda: cached_features(reference, maker, (len(reference), network.width), lambda: compute(reference)),
    )
    return features, compute(generated)
