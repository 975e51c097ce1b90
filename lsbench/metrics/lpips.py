"""Learned perceptual image patch similarity (LPIPS): a metric, and functions on arrays that can keep a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import WeightsError
from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics._base.images import Images, Levels
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._perceptual import vgg_pass
from lsbench.metrics._perceptual.frame_distances import Features, frame_distances
from lsbench.metrics._perceptual.frame_distances import reference_features as features_of

if TYPE_CHECKING:
    from lsbench.networks.lpips import LPIPS as Network

_SMALLEST = {"alex": 31, "vgg": 16}  # px a side that the trunks can take


def lpips(reference: Images | Features, generated: Images, network: Network, *, levels: Levels = None) -> float:
    """Mean LPIPS of frames (see LPIPS).

    Args:
        reference, generated, network, levels: as for lpips_frames().

    Returns:
        0 or more.

    Raises:
        MetricError: as lpips_frames().
    """
    values = lpips_frames(reference, generated, network, levels=levels)
    return math.fsum(values) / len(values)


def lpips_frames(
    reference: Images | Features, generated: Images, network: Network, *, levels: Levels = None
) -> npt.NDArray[np.float64]:
    """LPIPS of each frame, 0 or more (see LPIPS).

    Args:
        reference: images (see lsbench.metrics._base.images), or reference_features() of them.
        generated: images.
        network: of lsbench.networks.alexnet.load(), or of lsbench.networks.vgg.load().
        levels: what black and white are in floating-point tensors.

    Returns:
        float64 (T,).
    """
    return frame_distances("lpips", reference, generated, network, levels)


def reference_features(reference: Images, network: Network, *, levels: Levels = None) -> Features:
    """Features of reference frames, for lpips() and lpips_frames(): half the work for every further generator.

    Args:
        reference: images (see lsbench.metrics._base.images).
        network: as for lpips_frames().
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        4 MB a frame of 288 x 360 px for AlexNet, 50 MB for VGG16.

    Raises:
        MetricError: where they are no such images, or smaller than the network can take.
    """
    return features_of("lpips", reference, network, levels)


@dataclass(frozen=True, kw_only=True)
class LPIPS(FrameMetric):
    """Learned perceptual image patch similarity, 0 for identical frames; NaN for crops under 31 px a side.

    Sum over five layers of AlexNet (its ReLUs), or of VGG16 (net=vgg: the last of each block; crops from 16 px a side
    on), of mean over places of sum_c w_c (a_c / |a| - b_c / |b|)^2, with a and b the activations of reference and
    generated RGB frames in [-1, 1], shifted and scaled as the heads' authors do, and w_c their linear heads of version
    0.1 (sha256 df73285e35b2, net=vgg: a78928a0af1e); then the mean over frames. Frames are not resized. Within 1e-5 of
    the package lpips.
    """

    name: ClassVar[str] = "lpips"
    libraries: ClassVar[tuple[str, ...]] = ("lpips",)
    asks: ClassVar[str] = "Would a network trained on people's judgements take the frames for the same?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Zhang, Isola, Efros, Shechtman, Wang 2018, CVPR, arXiv 1801.03924; package lpips 0.1.4"
    weights: ClassVar[tuple[str, ...]] = ("alexnet",)

    net: str = field(default="alex", metadata={"choices": ("alex", "vgg")})
    heads: str = field(default="0.1", metadata={"choices": ("0.1",)})

    @property
    def needed_weights(self) -> tuple[str, ...]:
        """The trunk's."""
        return ("vgg16",) if self.net == "vgg" else self.weights

    @property
    def smallest(self) -> int:
        """What the trunk can take."""
        return _SMALLEST[self.net]

    def values(self, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """Not to be had without the network: see lpips_frames."""
        raise WeightsError("lpips needs its network: call lpips_frames(reference, generated, network)")

    def values_of(self, pair: ClipPair, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """LPIPS of each frame by the weights that the pair names; see lpips_frames."""
        (path,) = self.weight_files(pair)
        if self.net == "vgg":
            if vgg_pass.serves_both(pair, self.region):
                return vgg_pass.distances(pair, self.region, reference, generated)[:, 0]
            from lsbench.networks.vgg import load
        else:
            from lsbench.networks.alexnet import load
        return lpips_frames(reference, generated, load(path, pair.device))
