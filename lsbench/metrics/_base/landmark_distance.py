"""What lmd, akd and jitter share: a distance of each frame's points, in a unit that a face's size does not move."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.metrics._base.landmarks import (
    UNITS,
    LandmarkMetric,
    checked_landmarks,
    face_columns,
    in_unit,
    interocular,
    mean_defined,
)
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats


@dataclass(frozen=True, kw_only=True)
class LandmarkDistance(LandmarkMetric):
    """Base of the metrics whose frames have a distance in pixels each, which unit=interocular divides by the reference
    clip's median distance of the outer eye corners; the score is the mean over frames where it is defined."""

    better: ClassVar[Literal["higher", "lower"]] = "lower"
    column: ClassVar[str] = "distance"  # of its statistics

    unit: str = field(default="interocular", metadata={"choices": UNITS})

    @abstractmethod
    def pixels(self, reference: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of landmarks float64 (T, 80, 2) px: distances float64 (T,) px, and in which frames the generated clip alone
        lacks a face that they take, bool (T,)."""

    def by_frame(self, reference_landmarks: Any, generated_landmarks: Any) -> npt.NDArray[np.float64]:
        """The distance of each frame.

        Args:
            reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.

        Returns:
            float64 (T,) in the unit, NaN where the reference lacks a face that it takes.

        Raises:
            MetricError: where they are not two such arrays of one length.
        """
        reference, generated = checked_landmarks(self.name, reference_landmarks, generated_landmarks)
        return in_unit(*self.pixels(reference, generated), self.unit, interocular(reference))

    def measure(self, pair: ClipPair) -> Stats:
        """The distance of each frame, as by_frame(); reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        return Stats(**{self.column: self.by_frame(*points)}, **face_columns(*points))

    def compute(self, stats: Stats) -> float:
        """The mean over frames where it is defined."""
        return mean_defined(stats[self.column])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats[self.column]


def mean_distance(reference: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean distance of points float64 (T, P, 2) of two clips in each frame, and where the generated one alone lacks
    some: float64 (T,), NaN where points are NaN; bool (T,)."""
    distance = np.linalg.norm(generated - reference, axis=2).mean(axis=1)
    return distance, np.isfinite(reference).all(axis=(1, 2)) & np.isnan(distance)
