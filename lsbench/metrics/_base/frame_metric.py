"""A metric with one value a frame, whose score is their mean: what most image metrics are."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.images import Images, Levels, checked_frames
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats


@dataclass(frozen=True, kw_only=True)
class FrameMetric(Metric):
    """Base of metrics that compare frames one by one. A sub-class gives `values` and says what it is.

        class MAE(FrameMetric):
            \"\"\"Mean absolute error, 8-bit levels.\"\"\"

            name, better, source = "mae", "lower", "own definition"
            asks = "How far is a pixel off, on average?"

            def values(self, reference, generated):
                return np.abs(reference.astype(np.int16) - generated).mean((1, 2, 3))

    Options are fields of a dataclass: a sub-class that has some stands under @dataclass(frozen=True, kw_only=True). The
    mean is over the frames of all clips together; a frame without a value makes it NaN, and the note says why.
    """

    least_px: ClassVar[int] = 1  # the least side of a crop that has a value

    @abstractmethod
    def values(self, reference: npt.NDArray[np.uint8], generated: npt.NDArray[np.uint8]) -> Any:
        """The value of each frame.

        Args:
            reference, generated: uint8 (T, h, w, 3) RGB, contiguous, of one shape, at least `smallest` px a side.

        Returns:
            float64 (T,), NaN where a frame has no value.
        """

    @property
    def smallest(self) -> int:
        """The least side of a crop that has a value, px."""
        return self.least_px

    def values_of(self, pair: ClipPair, reference: np.ndarray, generated: np.ndarray) -> Any:
        """The value of each frame of a pair's region: values(), unless the device or weights of the pair matter."""
        return self.values(reference, generated)

    def frames(self, reference: Images, generated: Images, levels: Levels = None) -> npt.NDArray[np.float64]:
        """The value of each frame of arrays or tensors.

        Args:
            reference, generated: see lsbench.metrics._base.images.
            levels: what black and white are in floating-point tensors, such as (0, 1).

        Returns:
            float64 (T,).

        Raises:
            MetricError: where they are no images, of two shapes, or too small.
        """
        reference, generated = checked_frames(self.name, reference, generated, levels)
        if min(reference.shape[1:3]) < self.smallest:
            height, width = reference.shape[1:3]
            raise MetricError(self.too_small(width, height))
        return self._checked(self.values(reference, generated), len(reference))

    def __call__(self, reference: Images, generated: Images, levels: Levels = None) -> float:
        """The mean over frames of arrays or tensors (see frames)."""
        values = self.frames(reference, generated, levels)
        return math.fsum(values) / len(values)

    def reach_frames(self, fps: float) -> int:
        """Every frame on its own."""
        return 0

    def measure(self, pair: ClipPair) -> Stats:
        """Values under the metric's name, float64 (T,); NaN throughout for a crop that is too small."""
        reference, generated = checked_frames(self.name, *pair.crop(self.region or Region.WHOLE))
        if min(reference.shape[1:3]) < self.smallest:
            return Stats(**{self.name: np.full(len(reference), np.nan)})
        return Stats(**{self.name: self._checked(self.values_of(pair, reference, generated), len(reference))})

    def compute(self, stats: Stats) -> float:
        """The mean over frames; NaN where a frame has none."""
        return math.fsum(stats[self.name]) / stats.rows

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        """The value of each frame."""
        return stats[self.name]

    def note(self, stats: Stats) -> str | None:
        """In how many frames it is undefined, and why."""
        undefined = np.count_nonzero(np.isnan(stats[self.name]))
        return f"undefined: in {undefined} of {stats.rows} frames {self.why_undefined()}" if undefined else None

    def why_undefined(self) -> str:
        """Why a frame has no value, for the note."""
        return f"the crop is under {self.smallest} px" if self.smallest > 1 else "it has no value"

    def too_small(self, width: int, height: int) -> str:
        """What is wrong with frames of a size, for the error."""
        least = self.smallest
        return f"{self.name}: frames are {width} x {height}; expected at least {least} px a side. Pass larger frames"

    def _checked(self, values: Any, frames: int) -> npt.NDArray[np.float64]:
        """What values() gave, as float64 (T,); MetricError where it is not one number a frame."""
        array = np.asarray(values, np.float64)
        if array.shape != (frames,):
            raise MetricError(f"metric {self.name}: {frames} frames gave values {array.shape}; expected one a frame")
        return array
