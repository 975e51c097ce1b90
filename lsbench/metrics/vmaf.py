"""VMAF: the score by which streaming services judge how much of a picture survives, by libvmaf."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.metrics._base.frame_metric import FrameMetric
from lsbench.metrics._base.images import Images, Levels
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._vmaf import libvmaf

MODELS = ("v0.6.1", "v0.6.1neg")


def vmaf(reference: Images, generated: Images, *, levels: Levels = None, **options: Any) -> float:
    """Mean VMAF of frames (see VMAF).

    Args:
        reference, generated: images of one shape, in the order of the video (see lsbench.metrics._base.images).
        levels: what black and white are in floating-point tensors, such as (0, 1).
        options: fields of VMAF.

    Returns:
        0 to 100.

    Raises:
        MetricError: where they are no such images, of two shapes or under 32 px a side; where there is no ffmpeg with
            libvmaf, or it fails.
    """
    return VMAF(**options)(reference, generated, levels)


def vmaf_frames(
    reference: Images, generated: Images, *, levels: Levels = None, **options: Any
) -> npt.NDArray[np.float64]:
    """VMAF of each frame (see VMAF).

    Args:
        reference, generated, levels, options: as for vmaf().

    Returns:
        float64 (T,).
    """
    return VMAF(**options).frames(reference, generated, levels)


@dataclass(frozen=True, kw_only=True)
class VMAF(FrameMetric):
    """Video multi-method assessment fusion, 0 to 100, near 100 for the same video; NaN for crops under 32 px a side.

    Visual information fidelity at four scales, detail loss and motion, fused by a support vector machine that was
    trained on what viewers said of compressed and rescaled films on a 1080p screen from three screen heights away. It
    is computed by libvmaf, in a process of ffmpeg's own, on luma alone: BT.601 of limited range, 8 bits, from the RGB
    of the frames, which are sent as they are, without loss. model=v0.6.1neg limits what sharpening and contrast may
    gain. Motion is looked for in the reference, from the frame before and to the one after; in a clip's first frame
    there is none, so that it reads lower. The mean over frames. Crops are seen at their own size, as small pictures;
    under 32 px the coarsest of the four scales would keep less than 4 px.
    """

    name: ClassVar[str] = "vmaf"
    asks: ClassVar[str] = "How much of the picture survives for viewers of compressed film?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "Li, Aaron, Katsavounidis, Moorthy, Manohara 2016; libvmaf, model vmaf_v0.6.1"
    libraries: ClassVar[tuple[str, ...]] = ("imageio-ffmpeg",)
    extra: ClassVar[str] = libvmaf.EXTRA

    least_px: ClassVar[int] = 32

    model: str = field(default=MODELS[0], metadata={"choices": MODELS})
    luma: str = field(default="bt601-limited", metadata={"choices": ("bt601-limited",)})

    def lacking(self) -> str | None:
        """Why there is no ffmpeg with libvmaf, and how to have one."""
        return libvmaf.why_not()

    def values(self, reference: npt.NDArray[np.uint8], generated: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """VMAF of each frame."""
        return libvmaf.frame_values(reference, generated, f"vmaf_{self.model}")

    def reach_frames(self, fps: float) -> int:
        """The frame before and the one after, of which motion is the lesser."""
        return 1

    def measure(self, pair: ClipPair) -> Stats:
        """vmaf: float64 (T,), NaN throughout for a crop that is too small."""
        return Stats(vmaf=super().measure(pair)["vmaf"][pair.own])
