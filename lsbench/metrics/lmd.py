"""Landmark distance (LMD): how far the lips are from where they should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from lsbench.clip import INNER_LIPS, OUTER_LIPS, POINTS, ClipPair, Region
from lsbench.errors import MetricError
from lsbench.metric import Metric
from lsbench.metrics.landmarks import interocular, mean_found
from lsbench.stats import Stats

UNITS = ("interocular", "pixel")
MOUTH = slice(OUTER_LIPS.start, INNER_LIPS.stop)


def lmd(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular") -> float:
    """Mean LMD of two clips' landmarks, floating point (T, 80, 2) px; frames with NaN points are left out (see LMD)."""
    return mean_found(lmd_frames(reference_landmarks, generated_landmarks, unit=unit))


def lmd_frames(
    reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, unit: str = "interocular"
) -> np.ndarray:
    """LMD of each frame: floating point (T, 80, 2) px as in a FaceTrack -> float64 (T,), NaN where points are NaN.

    Interocular: in distances between the outer eye corners, the median over the reference's frames.
    """
    LMD(unit=unit)
    reference, generated = _checked("reference", reference_landmarks), _checked("generated", generated_landmarks)
    if reference.shape != generated.shape:
        raise MetricError(f"lmd: {len(reference)} reference frames, {len(generated)} generated; expected as many")
    lips, lips_generated = (_centred(points[:, MOUTH]) for points in (reference, generated))
    distance = np.linalg.norm(lips_generated - lips, axis=2).mean(axis=1)
    return distance / interocular(reference) if unit == "interocular" else distance


@dataclass(frozen=True, kw_only=True)
class LMD(Metric):
    """Landmark distance of the lips: 0 for the same lip shapes; NaN where no frame shows both faces.

    The mean Euclidean distance over the 40 points of the outer and inner lips, after each frame's lips are moved to
    their own mean, so that only their shape counts; then the mean over frames in which both faces were found.
    unit=interocular: divided by the reference clip's median distance of the outer eye corners, so that clips of
    different sizes weigh alike (Chen et al. count pixels: unit=pixel).
    """

    name: ClassVar[str] = "lmd"
    asks: ClassVar[str] = "Do the lips take the shape of the reference's lips in every frame?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "Chen et al. 2018, Lip Movements Generation at a Glance, ECCV, arXiv 1803.10404"
    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True

    unit: str = field(default="interocular", metadata={"choices": UNITS})

    def measure(self, pair: ClipPair) -> Stats:
        """distance: float64 (T,), NaN where a face is missing; reference_found, generated_found: bool (T,)."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.reference.id}: {self.name} needs the landmarks of both clips")
        points, found = [], []
        for track in pair.landmarks:
            shown = track.found & np.isfinite(track.landmarks).all(axis=(1, 2))
            points.append(np.where(shown[:, None, None], track.landmarks, np.nan))
            found.append(shown)
        return Stats(distance=lmd_frames(*points, unit=self.unit), reference_found=found[0], generated_found=found[1])

    def compute(self, stats: Stats) -> float:
        """The mean over frames in which both faces were found."""
        return mean_found(stats["distance"])

    def per_frame(self, stats: Stats) -> Any:
        return stats["distance"]

    def note(self, stats: Stats) -> str | None:
        notes = []
        for which in ("generated", "reference"):
            count = np.count_nonzero(stats[f"{which}_found"])
            if count < stats.rows:
                notes.append(f"face found in {count} of {stats.rows} {which} frames")
        return "; ".join(notes) or None


def _centred(points: np.ndarray) -> np.ndarray:
    return points - points.mean(axis=1, keepdims=True)


def _checked(which: str, landmarks: Any) -> np.ndarray:
    expected = f"expected a floating point NumPy array (frames, {POINTS}, 2), in pixels, NaN where no face was found"
    if not isinstance(landmarks, np.ndarray):
        raise MetricError(f"lmd: {which} landmarks are a {type(landmarks).__qualname__}; {expected}")
    if landmarks.dtype.kind != "f" or landmarks.ndim != 3 or landmarks.shape[1:] != (POINTS, 2) or not len(landmarks):
        raise MetricError(f"lmd: {which} landmarks are {landmarks.dtype} {landmarks.shape}; {expected}")
    return landmarks.astype(np.float64)
