"""Peak signal-to-noise ratio (PSNR)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.face.track import Region
from lsbench.metrics._base.images import COLORS, PEAK, Images, Levels, checked_frames
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

POOLINGS = ("frame", "mse")
_LUMA_UNITS = 1_000_000  # luma errors are kept as whole thousandths of a level, squared


def psnr(
    reference: Images, generated: Images, *, color: str = "rgb", pooling: str = "frame", levels: Levels = None
) -> float:
    """PSNR of frames (see PSNR).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        color: rgb or luma.
        pooling: frame, the mean over frames; or mse, the PSNR of the mean squared error.
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        dB; infinite where all frames are identical, NaN by pooling=frame where only some are.

    Raises:
        MetricError: where they are no such images, or of two shapes.
    """
    metric = PSNR(color=color, pooling=pooling)
    return metric.compute(_errors(reference, generated, color, levels))


def psnr_frames(
    reference: Images, generated: Images, *, color: str = "rgb", levels: Levels = None
) -> npt.NDArray[np.float64]:
    """PSNR of each frame (see PSNR).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        color: rgb or luma.
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        float64 (T,) dB, infinite where a frame is identical.

    Raises:
        MetricError: where they are no such images, or of two shapes.
    """
    return PSNR(color=color).per_frame(_errors(reference, generated, color, levels))


@dataclass(frozen=True, kw_only=True)
class PSNR(Metric):
    """Peak signal-to-noise ratio of 8-bit frames, in dB; infinite for identical frames.

    10 log10(255^2 / MSE) over all pixels and channels of a frame, then the mean over frames, undefined (NaN) where some
    frames are identical and others are not; with pooling=mse the MSE
    is taken over all samples of all frames first. Errors are summed in exact integers.
    """

    name: ClassVar[str] = "psnr"
    asks: ClassVar[str] = "How large is the squared error of the pixels?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "ITU-T J.340; the mean over frames as in Geldhauser et al. 2022, arXiv 2212.13810"

    color: str = field(default="rgb", metadata={"choices": COLORS})
    pooling: str = field(default="frame", metadata={"choices": POOLINGS})

    def reach_frames(self, fps: float) -> int:
        """Every frame on its own."""
        return 0

    def measure(self, pair: ClipPair) -> Stats:
        """squared_error: int64 (T,) levels^2 (of luma 1e-6 levels^2), summed; samples: int64 (T,) summed over."""
        return _errors(*pair.crop(self.region or Region.WHOLE), self.color)

    def compute(self, stats: Stats) -> float:
        """The mean over frames, or the PSNR of the pooled error, in dB."""
        if self.pooling == "frame":
            identical = np.count_nonzero(stats["squared_error"] == 0)
            if identical:  # a mean with infinite terms says nothing of the other frames
                return math.inf if identical == stats.rows else math.nan
            return math.fsum(self.per_frame(stats)) / stats.rows
        squared_error, samples = (sum(stats[name].tolist()) for name in ("squared_error", "samples"))
        return 10 * math.log10(self._power() * samples / squared_error) if squared_error else math.inf

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        with np.errstate(divide="ignore"):
            decibels: npt.NDArray[np.float64] = 10 * np.log10(self._power() * stats["samples"] / stats["squared_error"])
            return decibels

    def note(self, stats: Stats) -> str | None:
        identical = np.count_nonzero(stats["squared_error"] == 0)
        if not identical or (self.pooling == "mse" and identical < stats.rows):
            return None
        said = f"{identical} of {stats.rows} frames are identical to the reference (infinite PSNR)"
        return said if identical == stats.rows else f"{said}, so there is no mean; see psnr:pooling=mse"

    def _power(self) -> int:
        return PEAK**2 * (_LUMA_UNITS if self.color == "luma" else 1)


def _errors(reference: Images, generated: Images, color: str, levels: Levels = None) -> Stats:
    from lsbench.metrics._kernels.psnr_kernel import squared_errors

    reference, generated = checked_frames("psnr", reference, generated, levels)
    channels = 1 if color == "luma" else 3
    return Stats(
        squared_error=squared_errors(reference, generated, luma=color == "luma"),
        samples=np.full(len(reference), channels * reference[0, ..., 0].size),
    )
