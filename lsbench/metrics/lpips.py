"""Learned perceptual image patch similarity (LPIPS): a metric, and functions on arrays that can keep a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError, WeightsError
from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics._base.images import Images, Levels, checked_frames
from lsbench.metrics._base.pair import ClipPair

if TYPE_CHECKING:
    from torch import Tensor

    from lsbench.networks.alexnet import LPIPS as Network

SMALLEST = 31  # px a side, the least that AlexNet can take
_BATCH_PIXELS, _BATCH_FRAMES = 8 * 288 * 360, 20  # fastest on two AVX2 cores; up to 35 MB of features


@dataclass(frozen=True, eq=False)
class Features:
    """What the network sees in reference frames, to compare many generators with: 4 MB a frame of 288 x 360 px.

    frames: those that the features are of, as they were given. batches: which frames lie together, and their features
    layer by layer, (B, channels, h, w) each.
    """

    frames: np.ndarray
    batches: list[tuple[slice, list[Tensor]]]


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
        network: of lsbench.networks.alexnet.load().
        levels: what black and white are in floating-point tensors.

    Returns:
        float64 (T,).
    """
    from lsbench.networks import batches

    kept = reference if isinstance(reference, Features) else None
    frames, generated = checked_frames("lpips", kept.frames if kept else reference, generated, levels)
    _demand_room(frames)
    jobs: list[tuple[slice, Any]] = kept.batches if kept else [(part, None) for part in _cut(frames)]

    def score(job: tuple[slice, Any]) -> np.ndarray:
        part, before = job
        before = before or network.features(batches.images(frames[part], network.device))
        after = network.features(batches.images(generated[part], network.device))
        return network.distance(before, after).cpu().numpy()[: len(frames[part])]

    values = np.concatenate(batches.each(score, jobs, network.device))
    if not np.isfinite(values).all():
        raise MetricError("lpips: not a finite number; are the weights of alexnet whole? Run lsbench weights verify")
    return values


def reference_features(reference: Images, network: Network, *, levels: Levels = None) -> Features:
    """Features of reference frames, for lpips() and lpips_frames(): half the work for every further generator.

    Args:
        reference: images (see lsbench.metrics._base.images).
        network: of lsbench.networks.alexnet.load().
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        4 MB a frame of 288 x 360 px.

    Raises:
        MetricError: where they are no such images, or under 31 px a side.
    """
    from lsbench.networks import batches

    frames, _ = checked_frames("lpips", reference, reference, levels)
    _demand_room(frames)

    def see(part: slice) -> tuple[slice, list[Tensor]]:
        return part, list(network.features(batches.images(frames[part], network.device)))

    return Features(frames if np.ndim(reference) == 4 else frames[0], batches.each(see, _cut(frames), network.device))


@dataclass(frozen=True, kw_only=True)
class LPIPS(FrameMetric):
    """Learned perceptual image patch similarity, 0 for identical frames; NaN for crops under 31 px a side.

    Sum over the five ReLU layers of AlexNet of mean over places of sum_c w_c (a_c / |a| - b_c / |b|)^2, with a and b
    the activations of reference and generated RGB frames in [-1, 1], shifted and scaled as the heads' authors do, and
    w_c their linear heads of version 0.1 (sha256 df73285e35b2); then the mean over frames. Frames are not resized.
    Within 1e-5 of the package lpips.
    """

    name: ClassVar[str] = "lpips"
    libraries: ClassVar[tuple[str, ...]] = ("lpips",)
    asks: ClassVar[str] = "Would a network trained on people's judgements take the frames for the same?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Zhang, Isola, Efros, Shechtman, Wang 2018, CVPR, arXiv 1801.03924; package lpips 0.1.4"
    weights: ClassVar[tuple[str, ...]] = ("alexnet",)

    least_px: ClassVar[int] = SMALLEST

    trunk: str = field(default="alexnet", metadata={"choices": ("alexnet",)})
    heads: str = field(default="0.1", metadata={"choices": ("0.1",)})

    def values(self, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """Not to be had without the network: see lpips_frames."""
        raise WeightsError("lpips needs its network: call lpips_frames(reference, generated, network)")

    def values_of(self, pair: ClipPair, reference: np.ndarray, generated: np.ndarray) -> npt.NDArray[np.float64]:
        """LPIPS of each frame by the weights that the pair names; see lpips_frames."""
        if "alexnet" not in pair.weights:
            raise WeightsError(
                f"clip {pair.reference.id}: lpips needs the weights alexnet, and the pair names none; "
                "run lsbench weights fetch alexnet, or pass --weights alexnet=PATH"
            )
        from lsbench.networks.alexnet import load

        return lpips_frames(reference, generated, load(pair.weights["alexnet"], pair.device))


def _cut(frames: np.ndarray) -> list[slice]:
    from lsbench.networks import batches

    count, height, width = frames.shape[:3]
    return batches.cut(count, _BATCH_PIXELS, _BATCH_FRAMES, height * width)


def _demand_room(frames: np.ndarray) -> None:
    height, width = frames.shape[1:3]
    if min(height, width) < SMALLEST:
        raise MetricError(
            f"lpips: frames are {width} x {height}; expected at least {SMALLEST} px a side, the least that AlexNet can "
            "take. Pass larger frames"
        )
