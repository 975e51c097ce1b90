"""Sharpness: whether the generated picture has as much fine detail as the reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import cv2
import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.images import Images, Levels, checked_frames
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

LUMA = (299, 587, 114)  # thousandths: sums of whole numbers are exact


def sharpness(reference: Images, generated: Images, *, sigma: float = 1.0, levels: Levels = None) -> float:
    """Sharpness of frames (see Sharpness).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        sigma: of the finer of the two Gaussians, px.
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        0 to 1; NaN where the reference is flat.

    Raises:
        MetricError: where they are no such images, or of two shapes.
    """
    metric = Sharpness(sigma=sigma)
    return metric.compute(metric.energies(reference, generated, levels))


def sharpness_frames(
    reference: Images, generated: Images, *, sigma: float = 1.0, levels: Levels = None
) -> npt.NDArray[np.float64]:
    """Sharpness of each frame (see Sharpness).

    Args:
        reference, generated, sigma, levels: as for sharpness().

    Returns:
        float64 (T,), 0 to 1; NaN where the reference is flat.

    Raises:
        MetricError: where they are no such images, or of two shapes.
    """
    metric = Sharpness(sigma=sigma)
    return metric.per_frame(metric.energies(reference, generated, levels))


EXCESS = 1.1  # times the reference's detail, from where on the note speaks of it


@dataclass(frozen=True, kw_only=True)
class Sharpness(Metric):
    """Detail that generated and reference have alike, 0 to 1; 1 for as much detail in every frame, less for blur.

    A frame's detail E is the energy of its luma between two Gaussians, sum of (G_sigma * Y - G_2sigma * Y)^2 over the
    crop: with sigma 1 px, patterns about 5 to 15 px long; no blocks, so that small crops count. The score is
    sum over frames of min(E generated, E reference) / sum of max: E generated / E reference where every frame lost
    detail, and the inverse where all have too much, so that noise and over-sharpening earn nothing and cannot make up
    for blur. The note gives the plain ratio of the sums where it is above 1. NaN where the reference has no detail.
    """

    name: ClassVar[str] = "sharpness"
    asks: ClassVar[str] = "Is there as much fine detail as in the reference, neither blurred nor over-sharpened?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "own definition; the blur of Geldhauser et al. 2022, arXiv 2212.13810"

    sigma: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1e-3 <= self.sigma <= 1e3:
            raise MetricError(f"{self.name}: sigma={self.sigma}; expected a positive number of pixels, 0.001 to 1000")

    def reach_frames(self, fps: float) -> int:
        """Every frame on its own."""
        return 0

    def measure(self, pair: ClipPair) -> Stats:
        """reference, generated: float64 (T,) levels^2, the detail E of each frame."""
        region = self.region or Region.WHOLE
        reference, generated = checked_frames(self.name, *pair.crop(region))
        return Stats(
            reference=pair.once_of_reference((self.name, region, self.sigma), lambda: self._details(reference)),
            generated=self._details(generated),
        )

    def compute(self, stats: Stats) -> float:
        """Common detail over all detail, in frames where the reference has any; NaN where there is none."""
        textured = stats["reference"] > 0
        reference, generated = (stats[which][textured] for which in ("reference", "generated"))
        if not len(reference):
            return math.nan
        return math.fsum(np.minimum(reference, generated)) / math.fsum(np.maximum(reference, generated))

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        reference, generated = stats["reference"], stats["generated"]
        with np.errstate(invalid="ignore"):
            alike = np.minimum(reference, generated) / np.maximum(reference, generated)
        return np.where(reference > 0, alike, np.nan)

    def note(self, stats: Stats) -> str | None:
        notes = []
        flat = np.count_nonzero(stats["reference"] == 0)
        if flat:
            notes.append(f"undefined in {flat} of {stats.rows} frames: the reference is flat there")
        reference, generated = (math.fsum(stats[which]) for which in ("reference", "generated"))
        if generated > EXCESS * reference > 0:
            notes.append(f"{generated / reference:.3g} times the reference's detail: noise or over-sharpening")
        return "; ".join(notes) or None

    def energies(self, reference: Images, generated: Images, levels: Levels = None) -> Stats:
        """The statistics (see measure) of frames."""
        reference, generated = checked_frames(self.name, reference, generated, levels)
        return Stats(reference=self._details(reference), generated=self._details(generated))

    def _details(self, frames: np.ndarray) -> np.ndarray:
        return np.array([self._detail(frame) for frame in frames])

    def _detail(self, frame: np.ndarray) -> float:
        luma = frame @ np.array(LUMA)
        luma = (luma - luma[0, 0]) / sum(LUMA)  # a flat frame is exactly 0
        fine, coarse = (_smoothed(luma, scale * self.sigma) for scale in (1, 2))
        return float(np.square(fine - coarse).sum())


def _smoothed(luma: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian filter, cut off at four standard deviations, edges repeated: float64 (H, W) -> the same."""
    reach = int(4 * sigma + 0.5)
    taps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * np.square(taps / sigma))
    kernel /= kernel.sum()
    return np.asarray(cv2.sepFilter2D(luma, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REPLICATE))
