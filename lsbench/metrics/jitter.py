"""Jitter: how much faster the landmarks of the generated face move to and fro than the real ones."""

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
    Jitter(unit=unit)
    reference, generated = checked_landmarks("jitter", reference_landmarks, generated_landmarks)
    if len(reference) < 3:
        return np.full(len(reference), np.nan)
    own, unrest = (np.linalg.norm(np.diff(points[:, LIPS], n=2, axis=0), axis=2) for points in (reference, generated))
    excess = np.maximum(unrest - own, 0).mean(axis=1)
    lost = np.isfinite(own).all(axis=1) & np.isnan(excess)
    return np.pad(in_unit(excess, lost, unit, interocular(reference)), 1, mode="edge")


@dataclass(frozen=True, kw_only=True)
class Jitter(LandmarkMetric):
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
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "own definition"

    unit: str = field(default="interocular", metadata={"choices": UNITS})

    def measure(self, pair: ClipPair) -> Stats:
        """jitter: float64 (T,), NaN where it is undefined; reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        return Stats(jitter=jitter_frames(*points, unit=self.unit), **face_columns(*points))

    def compute(self, stats: Stats) -> float:
        """The mean over frames where it is defined."""
        return mean_defined(stats["jitter"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["jitter"]

    def note(self, stats: Stats) -> str | None:
        faces, undefined = super().note(stats), np.count_nonzero(np.isnan(stats["jitter"]))
        if not undefined:
            return faces
        reason = f"undefined in {undefined} of {stats.rows} frames: it takes the reference's face in three running"
        return "; ".join(filter(None, (faces, reason)))
