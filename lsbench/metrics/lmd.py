"""Landmark distance (LMD): how far the lips are from where they should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.metrics._base.landmarks import (
    LIPS,
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
    LMD(unit=unit)
    reference, generated = checked_landmarks("lmd", reference_landmarks, generated_landmarks)
    lips, lips_generated = (_centred(points[:, LIPS]) for points in (reference, generated))
    distance = np.linalg.norm(lips_generated - lips, axis=2).mean(axis=1)
    lost = np.isfinite(lips).all(axis=(1, 2)) & np.isnan(distance)
    return in_unit(distance, lost, unit, interocular(reference))


@dataclass(frozen=True, kw_only=True)
class LMD(LandmarkMetric):
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
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Chen et al. 2018, Lip Movements Generation at a Glance, ECCV, arXiv 1803.10404"

    unit: str = field(default="interocular", metadata={"choices": UNITS})

    def measure(self, pair: ClipPair) -> Stats:
        """distance: float64 (T,), NaN where the reference has no face; reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        return Stats(distance=lmd_frames(*points, unit=self.unit), **face_columns(*points))

    def compute(self, stats: Stats) -> float:
        """The mean over frames in which the reference shows a face."""
        return mean_defined(stats["distance"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["distance"]


def _centred(points: np.ndarray) -> np.ndarray:
    centred: np.ndarray = points - points.mean(axis=1, keepdims=True)
    return centred
