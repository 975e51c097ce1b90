"""What the landmark metrics share: which frames count, and for how much; the unit of distance; how far lips part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lsbench.errors import MetricError
from lsbench.face.track import INNER_LIPS, OUTER_EYE_CORNERS, OUTER_LIPS, POINTS, FaceTrack, Region
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

UNITS = ("interocular", "pixel")
LIPS = slice(OUTER_LIPS.start, INNER_LIPS.stop)
LIP_MIDDLES = (INNER_LIPS.start + 5, INNER_LIPS.start + 15)  # of the lower and of the upper inner lip
LOST = 0.25  # inter-ocular distances that a frame without a face counts: a mouth wide open where it should be shut


@dataclass(frozen=True, kw_only=True)
class LandmarkMetric(Metric):
    """Base of the metrics that compare the lips of both clips, found by one tracker.

    A frame in which the reference has no face is left out: that is not the generator's fault. One in which only the
    generated clip has none is the generator's failure, and counts as the note says.
    """

    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    lost: ClassVar[str] = f"counted as {LOST} inter-ocular distances each"

    def points(self, pair: ClipPair) -> tuple[np.ndarray, np.ndarray]:
        """Landmarks of reference and generated clip, NaN where there is no face: two float32 (T, 80, 2)."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.reference.id}: {self.name} needs the landmarks of both clips")
        return tracked_landmarks(pair.landmarks[0]), tracked_landmarks(pair.landmarks[1])

    def note(self, stats: Stats) -> str | None:
        """How many faces were found, by the columns of face_columns()."""
        reference, both = stats["reference_found"], stats["reference_found"] & stats["generated_found"]
        expected, shown = np.count_nonzero(reference), np.count_nonzero(both)
        notes = []
        if shown < expected:
            notes.append(f"face found in {shown} of {expected} generated frames, the others {self.lost}")
        if expected < stats.rows:
            notes.append(f"face found in {expected} of {stats.rows} reference frames, the others left out")
        return "; ".join(notes) or None


def tracked_landmarks(track: FaceTrack) -> np.ndarray:
    """The landmarks of a track as the tracker gave them, NaN in frames without a face: float32 (T, 80, 2) px."""
    return np.where(track.found[:, None, None], track.landmarks, np.nan)


def face_columns(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> dict[str, np.ndarray]:
    """Which frames of two clips' landmarks (T, 80, 2) show a face: reference_found and generated_found, bool (T,)."""
    clips = {"reference_found": reference_landmarks, "generated_found": generated_landmarks}
    return {name: np.isfinite(points).all(axis=(1, 2)) for name, points in clips.items()}


def checked_landmarks(name: str, reference_landmarks: Any, generated_landmarks: Any) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks that a caller handed over, as float64; MetricError unless they are two floating point (T, 80, 2)."""
    reference = checked_points(name, "reference", reference_landmarks)
    generated = checked_points(name, "generated", generated_landmarks)
    if len(reference) != len(generated):
        raise MetricError(f"{name}: {len(reference)} reference frames, {len(generated)} generated; expected as many")
    return reference, generated


def checked_points(name: str, which: str, landmarks: Any) -> np.ndarray:
    """Landmarks of one clip as float64; MetricError unless they are floating point (T, 80, 2)."""
    expected = f"expected a floating point NumPy array (frames, {POINTS}, 2), in pixels, NaN where no face was found"
    if not isinstance(landmarks, np.ndarray):
        raise MetricError(f"{name}: {which} landmarks are a {type(landmarks).__qualname__}; {expected}")
    if landmarks.dtype.kind != "f" or landmarks.ndim != 3 or landmarks.shape[1:] != (POINTS, 2) or not len(landmarks):
        raise MetricError(f"{name}: {which} landmarks are {landmarks.dtype} {landmarks.shape}; {expected}")
    return landmarks.astype(np.float64)


def mean_defined(frames: np.ndarray) -> float:
    """The mean of what is not NaN, the same to the bit in any order; NaN where there is nothing."""
    measured = frames[~np.isnan(frames)]
    return math.fsum(measured) / len(measured) if len(measured) else math.nan


def interocular(landmarks: np.ndarray) -> float:
    """The median distance of the outer eye corners over frames where they are known, px; NaN where there is none."""
    left, right = (landmarks[:, corner] for corner in OUTER_EYE_CORNERS)
    distances = np.linalg.norm(right - left, axis=1)
    distances = distances[distances > 0]
    return float(np.median(distances)) if len(distances) else math.nan


def in_unit(pixels: np.ndarray, lost: np.ndarray, unit: str, scale: float) -> np.ndarray:
    """Distances in px (n,) in the unit asked for, LOST where `lost` (n,) says so; scale: inter-ocular distance, px."""
    if unit == "interocular":
        return np.where(lost, LOST, pixels / scale)
    return np.where(lost, LOST * scale, pixels)


def aperture(landmarks: np.ndarray) -> np.ndarray:
    """How far the lips part: landmarks (T, 80, 2) px as in a FaceTrack -> float64 (T,), NaN where points are NaN.

    The distance between the middles of the inner lips over that between the outer eye corners of the same frame.
    """
    return span(landmarks, LIP_MIDDLES)


def span(landmarks: np.ndarray, points: tuple[int, int]) -> np.ndarray:
    """The distance of two points over that of the outer eye corners of the same frame: float64 (T,), NaN as above."""
    apart, eyes = (
        np.linalg.norm(landmarks[:, a].astype(np.float64) - landmarks[:, b].astype(np.float64), axis=1)
        for a, b in (points, OUTER_EYE_CORNERS)
    )
    share: np.ndarray = np.divide(apart, eyes, out=np.full(len(apart), np.nan), where=eyes > 0)
    return share
