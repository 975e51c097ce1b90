"""Deep image structure and texture similarity (DISTS): a metric, and functions on arrays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import WeightsError
from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics._base.images import Images, Levels
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._perceptual import vgg_pass
from lsbench.metrics._perceptual.frame_distances import frame_distances

if TYPE_CHECKING:
    from lsbench.networks.vgg import DISTS as Network


def dists(reference: Images, generated: Images, network: Network, *, levels: Levels = None) -> float:
    """Mean DISTS of frames (see DISTS).

    Args:
        reference, generated, network, levels: as for dists_frames().

    Returns:
        0 or more.

    Raises:
        MetricError: as dists_frames().
    """
    values = dists_frames(reference, generated, network, levels=levels)
    return math.fsum(values) / len(values)


def dists_frames(
    reference: Images, generated: Images, network: Network, *, levels: Levels = None
) -> npt.NDArray[np.float64]:
    """DISTS of each frame, 0 or more (see DISTS).

    Args:
        reference, generated: images of one shape, 16 px a side or more (see lsbench.metrics._base.images).
        network: of lsbench.networks.vgg.load_dists().
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        float64 (T,).

    Raises:
        MetricError: where they are no such images, or too small.
    """
    return frame_distances("dists", reference, generated, network, levels)


@dataclass(frozen=True, kw_only=True)
class DISTS(FrameMetric):
    """Deep image structure and texture similarity, 0 for identical frames; NaN for crops under 16 px a side.

    1 - sum over 1,475 maps of alpha_i (2 m n + c) / (m^2 + n^2 + c) + beta_i (2 s_xy + c) / (s_x^2 + s_y^2 + c), with m
    and n the means of a map over reference and generated frame (texture), s_xy, s_x^2 and s_y^2 their covariance and
    variances (structure), c = 1e-6 and alpha, beta the authors' weights, which add up to 1. The maps are R, G and B in
    [0, 1] and the last outputs of the five blocks of VGG16, whose poolings are the root of the weighted mean square
    (Hanning, 3 x 3 px, every second one); then the mean over frames. Frames are not resized. Within 1e-5 of the package
    dists-pytorch.
    """

    name: ClassVar[str] = "dists"
    asks: ClassVar[str] = "Are structure and texture the same, where another sample of a texture counts as the same?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Ding, Ma, Wang, Simoncelli 2020, arXiv 2004.07728; weights of dists-pytorch 0.1"
    weights: ClassVar[tuple[str, ...]] = ("vgg16", "dists")

    least_px: ClassVar[int] = 16

    def values(self, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """Not to be had without the network: see dists_frames."""
        raise WeightsError("dists needs its network: call dists_frames(reference, generated, network)")

    def values_of(self, pair: ClipPair, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """DISTS of each frame by the weights that the pair names; see dists_frames."""
        trunk, own = self.weight_files(pair)
        if vgg_pass.serves_both(pair, self.region):
            return vgg_pass.distances(pair, self.region, reference, generated)[:, 1]
        from lsbench.networks.vgg import load_dists

        return dists_frames(reference, generated, load_dists(trunk, own, pair.device))
