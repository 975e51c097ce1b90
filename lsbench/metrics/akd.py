"""Average keypoint distance (AKD): how far the points of the whole face are from where they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.metrics._base.landmark_distance import LandmarkDistance, mean_distance
from lsbench.metrics._base.landmarks import mean_defined


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
    return AKD(unit=unit).by_frame(reference_landmarks, generated_landmarks)


@dataclass(frozen=True, kw_only=True)
class AKD(LandmarkDistance):
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
    source: ClassVar[str] = "Siarohin et al. 2019, First Order Motion Model, NeurIPS, arXiv 2003.00196"

    def pixels(self, reference: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean distance of all points."""
        return mean_distance(reference, generated)
