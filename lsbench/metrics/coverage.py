"""Coverage: in how many frames a tracker finds a face where it should."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from lsbench.metrics._base.landmarks import LandmarkMetric, checked_landmarks, face_columns
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats


def coverage(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> float:
    """Coverage of two clips (see Coverage).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.

    Returns:
        0 to 1; NaN where the reference shows no face.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    points = checked_landmarks("coverage", reference_landmarks, generated_landmarks)
    return Coverage().compute(Stats(**face_columns(*points)))


@dataclass(frozen=True, kw_only=True)
class Coverage(LandmarkMetric):
    """The share of frames with a face, among those in which the reference shows one: 1 if it is never lost."""

    name: ClassVar[str] = "coverage"
    asks: ClassVar[str] = "Is there a face wherever the reference has one?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "own definition"
    lost: ClassVar[str] = "without one"

    def measure(self, pair: ClipPair) -> Stats:
        """reference_found, generated_found: bool (T,)."""
        return Stats(**face_columns(*self.points(pair)))

    def compute(self, stats: Stats) -> float:
        expected = np.count_nonzero(stats["reference_found"])
        shown = np.count_nonzero(stats["reference_found"] & stats["generated_found"])
        return shown / expected if expected else math.nan
