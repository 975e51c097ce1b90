"""VGG16 run once over the frames of a pair where both `lpips:net=vgg` and `dists` are measured on them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lsbench.face.track import Region
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.score_key import ScoreKey
from lsbench.metrics._perceptual.frame_distances import frame_distances

_BOTH = (ScoreKey("lpips", "net=vgg"), ScoreKey("dists"))


def serves_both(pair: ClipPair, region: Region | None) -> bool:
    """Whether both are measured on a region of a pair, and the weights of both are there."""
    wanted = {str(key.at((region or Region.WHOLE).value)) for key in _BOTH}
    return wanted <= pair.keys and {"vgg16", "dists"} <= set(pair.weights)


def distances(
    pair: ClipPair, region: Region | None, reference: np.ndarray, generated: np.ndarray
) -> npt.NDArray[np.float64]:
    """LPIPS and DISTS of each frame of a region, float64 (T, 2), computed when it is first asked for."""

    def compute() -> npt.NDArray[np.float64]:
        from lsbench.networks.vgg import load_both

        network = load_both(pair.weights["vgg16"], pair.weights["dists"], pair.device)
        return frame_distances("lpips and dists", reference, generated, network)

    return pair.once(("vgg16", region), compute)
