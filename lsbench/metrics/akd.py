"""Average keypoint distance (AKD): how far the points of the whole face are from where they should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

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


def akd(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular") -> float:
    """Mean AKD of two clips (see AKD).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        unit: interocular, distances between the outer eye corners; or pixel.

    Returns:
        0 or more; NaN where the reference shows no face.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    return mean_defined(akd_frames(reference_landmarks, generated_landmarks, unit=unit))


def akd_frames(
    reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular"
) -> np.ndarray:
    """AKD of each frame (see AKD).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        unit: interocular, distances between the outer eye corners, the median over the reference's frames; or pixel.

    Returns:
        float64 (T,), NaN where the reference shows no face.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    AKD(unit=unit)
    reference, generated = checked_landmarks("akd", reference_landmarks, generated_landmarks)
    distance = np.linalg.norm(generated - reference, axis=2).mean(axis=1)
    lost = np.isfinite(reference).all(axis=(1, 2)) & np.isnan(distance)
    return in_unit(distance, lost, unit, interocular(reference))


@dataclass(frozen=True, kw_only=True)
class AKD(LandmarkMetric):
    """Average keypoint distance of the whole face: 0 for the same points; NaN where the reference shows no face.

    The mean Euclidean distance over all 80 points (36 of the face's outline, 40 of the lips, 4 corners of eyes), where
    they are: unlike lmd, a face that is elsewhere, turned or of another size counts. Then the mean over frames in which
    the reference shows a face; one in which the generated clip shows none counts 0.25 inter-ocular distances.
    unit=interocular: over the reference clip's median distance of the outer eye corners.

    Deviates from Siarohin et al., who take the mean absolute difference of the coordinates of 68 points of another
    detector, in pixels of frames of 256x256: of errors that point anywhere that is 2 / pi of the distance.
    """

    name: ClassVar[str] = "akd"
    asks: ClassVar[str] = "Are the points of the whole face where the reference's are?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Siarohin et al. 2019, First Order Motion Model, NeurIPS, arXiv 2003.00196"

    unit: str = field(default="interocular", metadata={"choices": UNITS})

    def measure(self, pair: ClipPair) -> Stats:
        """distance: float64 (T,), NaN where the reference has no face; reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        return Stats(distance=akd_frames(*points, unit=self.unit), **face_columns(*points))

    def compute(self, stats: Stats) -> float:
        """The mean over frames in which the reference shows a face."""
        return mean_defined(stats["distance"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["distance"]
