"""Landmark distance (LMD): how far the lips are from where they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.metrics._base.landmark_distance import LandmarkDistance, mean_distance
from lsbench.metrics._base.landmarks import LIPS, mean_defined


def lmd(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular") -> float:
    """Mean LMD of two clips (see LMD).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        unit: interocular, distances between the outer eye corners; or pixel.

    Returns:
        0 or more; NaN where the reference shows no face.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    return mean_defined(lmd_frames(reference_landmarks, generated_landmarks, unit=unit))


def lmd_frames(
    reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular"
) -> np.ndarray:
    """LMD of each frame (see LMD).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        unit: interocular, distances between the outer eye corners, the median over the reference's frames; or pixel.

    Returns:
        float64 (T,), NaN where the reference shows no face.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    return LMD(unit=unit).by_frame(reference_landmarks, generated_landmarks)


@dataclass(frozen=True, kw_only=True)
class LMD(LandmarkDistance):
    """Landmark distance of the lips: 0 for the same lip shapes; NaN where no frame of the reference shows a face.

    The mean Euclidean distance over the 40 points of the outer and inner lips, after each frame's lips are moved to
    their own mean, so that only their shape counts; then the mean over frames in which the reference shows a face. One
    in which the generated clip shows none counts 0.25 inter-ocular distances, so that losing the face never pays
    (before revision 2 it was left out). unit=interocular: divided by the reference clip's median distance of the outer
    eye corners, so that clips of different sizes weigh alike (Chen et al. count pixels: unit=pixel).
    """

    revision: ClassVar[int] = 2
    name: ClassVar[str] = "lmd"
    asks: ClassVar[str] = "Do the lips take the shape of the reference's lips in every frame?"
    source: ClassVar[str] = "Chen et al. 2018, Lip Movements Generation at a Glance, ECCV, arXiv 1803.10404"

    def pixels(self, reference: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean distance of the lips' points about their own mean."""
        return mean_distance(_centred(reference[:, LIPS]), _centred(generated[:, LIPS]))


def _centred(points: np.ndarray) -> np.ndarray:
    centred: np.ndarray = points - points.mean(axis=1, keepdims=True)
    return centred
