"""Learned perceptual image patch similarity (LPIPS): a metric, and functions on arrays that can keep a reference."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from lsbench.errors import MetricError, WeightsError
from lsbench.face.track import Region
from lsbench.metrics._base.images import checked_frames
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

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


def lpips(reference: np.ndarray | Features, generated: np.ndarray, network: Network) -> float:
    """Mean LPIPS of frames, uint8 (T, H, W, 3) or (H, W, 3): 0 or more (see LPIPS, lpips_frames)."""
    values = lpips_frames(reference, generated, network)
    return math.fsum(values) / len(values)


def lpips_frames(reference: np.ndarray | Features, generated: np.ndarray, network: Network) -> np.ndarray:
    """LPIPS of each frame, uint8 (T, H, W, 3) or (H, W, 3) -> float64 (T,), 0 or more (see LPIPS).

    network: of lsbench.networks.alexnet.load(). reference: frames, or reference_features() of them.
    """
    from lsbench.networks import batches

    kept = reference if isinstance(reference, Features) else None
    frames, generated = checked_frames("lpips", kept.frames if kept else reference, generated)
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


def reference_features(reference: np.ndarray, network: Network) -> Features:
    """Features of reference frames, uint8 (T, H, W, 3) or (H, W, 3), for lpips() and lpips_frames()."""
    from lsbench.networks import batches

    frames, _ = checked_frames("lpips", reference, reference)
    _demand_room(frames)

    def see(part: slice) -> tuple[slice, list[Tensor]]:
        return part, list(network.features(batches.images(frames[part], network.device)))

    return Features(reference, batches.each(see, _cut(frames), network.device))


@dataclass(frozen=True, kw_only=True)
class LPIPS(Metric):
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

    trunk: str = field(default="alexnet", metadata={"choices": ("alexnet",)})
    heads: str = field(default="0.1", metadata={"choices": ("0.1",)})

    def measure(self, pair: ClipPair) -> Stats:
        """lpips: float64 (T,), NaN for a crop that is too small."""
        reference, generated = checked_frames(self.name, *pair.crop(self.region or Region.WHOLE))
        if min(reference.shape[1:3]) < SMALLEST:
            return Stats(lpips=np.full(len(reference), np.nan))
        if "alexnet" not in pair.weights:
            raise WeightsError(
                f"clip {pair.reference.id}: lpips needs the weights alexnet, and the pair names none; "
                "run lsbench weights fetch alexnet, or pass --weights alexnet=PATH"
            )
        from lsbench.networks.alexnet import load

        return Stats(lpips=lpips_frames(reference, generated, load(pair.weights["alexnet"], pair.device)))

    def compute(self, stats: Stats) -> float:
        """The mean over frames; NaN where a frame has none."""
        return math.fsum(stats["lpips"]) / stats.rows

    def per_frame(self, stats: Stats) -> Any:
        return stats["lpips"]

    def note(self, stats: Stats) -> str | None:
        small = np.count_nonzero(np.isnan(stats["lpips"]))
        if not small:
            return None
        return f"undefined: in {small} of {stats.rows} frames the crop is under {SMALLEST} px"


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
