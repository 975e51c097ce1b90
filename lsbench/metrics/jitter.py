"""Jitter: how much faster the landmarks of the generated face move to and fro than the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.metrics._base.landmark_distance import LandmarkDistance
from lsbench.metrics._base.landmarks import LIPS, mean_defined
from lsbench.metrics._base.stats import Stats


def jitter(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular") -> float:
    """Mean jitter of two clips (see Jitter).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        unit: interocular, distances between the outer eye corners; or pixel.

    Returns:
        A frame^2; NaN where it is undefined.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    return mean_defined(jitter_frames(reference_landmarks, generated_landmarks, unit=unit))


def jitter_frames(
    reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular"
) -> np.ndarray:
    """Jitter of each frame (see Jitter).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        unit: interocular, distances between the outer eye corners, the median over the reference's frames; or pixel.

    Returns:
        float64 (T,) a frame^2; NaN where the reference lacks a face in one of the three frames that it takes.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    return Jitter(unit=unit).by_frame(reference_landmarks, generated_landmarks)


@dataclass(frozen=True, kw_only=True)
class Jitter(LandmarkDistance):
    """Unrest of the lips beyond the reference's own, in inter-ocular distances a frame^2; 0 for identical landmarks.

    The second difference of a point, |p(t-1) - 2 p(t) + p(t+1)|, is large where it trembles and small where it moves
    smoothly. A frame's value is the mean over the 40 points of the outer and inner lips of max(0, second difference
    generated - reference); the first and last frame take their neighbour's. The score is the mean over frames with
    faces in all three frames of the reference; where the generated clip lacks one of the three, the frame counts 0.25
    inter-ocular distances (before revision 2 it was left out). Points are not centred, so that a mouth that shakes as a
    whole counts. unit=interocular: over the reference clip's median distance of the outer eye corners. A tracker
    trembles a little on any other picture of the same face, which is a floor common to all generators.
    """

    revision: ClassVar[int] = 2

    name: ClassVar[str] = "jitter"
    asks: ClassVar[str] = "Do the lips tremble where the reference's lips move smoothly?"
    source: ClassVar[str] = "own definition"
    column: ClassVar[str] = "jitter"

    def pixels(self, reference: np.ndarray, generated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean excess of the lips' second differences."""
        if len(reference) < 3:
            return np.full(len(reference), np.nan), np.zeros(len(reference), bool)
        own, unrest = (
            np.linalg.norm(np.diff(points[:, LIPS], n=2, axis=0), axis=2) for points in (reference, generated)
        )
        excess = np.maximum(unrest - own, 0).mean(axis=1)
        lost = np.isfinite(own).all(axis=1) & np.isnan(excess)
        return np.pad(excess, 1, mode="edge"), np.pad(lost, 1, mode="edge")

    def note(self, stats: Stats) -> str | None:
        faces, undefined = super().note(stats), np.count_nonzero(np.isnan(stats["jitter"]))
        if not undefined:
            return faces
        reason = f"undefined in {undefined} of {stats.rows} frames: it takes the reference's face in three running"
        return "; ".join(filter(None, (faces, reason)))
