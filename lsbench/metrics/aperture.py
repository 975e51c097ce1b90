"""Mouth motion against the reference: how far the lips part, and when they are shut."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d

from lsbench.errors import MetricError
from lsbench.metrics._base.direction import Better
from lsbench.metrics._base.landmarks import (
    LOST,
    LandmarkMetric,
    aperture,
    checked_landmarks,
    face_columns,
    mean_defined,
)
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

STILL = 1e-6  # standard deviation of an aperture that does not move: what rounding leaves in float32 landmarks
FULL_MOTION = 0.25  # of the reference's: lips that move less count in proportion


def mouth_aperture_corr(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> float:
    """Correlation of two clips' apertures (see MouthApertureCorr).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.

    Returns:
        -1 to 1; NaN where the reference's lips do not move.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    points = checked_landmarks("mouth_aperture_corr", reference_landmarks, generated_landmarks)
    return _correlation(*_deviations(*points))


def mouth_aperture_error(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> float:
    """Mean aperture error of two clips (see MouthApertureError).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.

    Returns:
        Distances between the outer eye corners, 0 or more.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    return mean_defined(_errors(*checked_landmarks("mouth_aperture_error", reference_landmarks, generated_landmarks)))


def closure_f1(
    reference_landmarks: np.ndarray, generated_landmarks: np.ndarray, *, shut: float = 0.025, tolerance_frames: int = 1
) -> float:
    """F1 of two clips' closures (see ClosureF1).

    Args:
        reference_landmarks, generated_landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        shut: the aperture up to which lips are shut, distances between the outer eye corners.
        tolerance_frames: how far apart in time two closures may lie.

    Returns:
        0 to 1; NaN where the reference's lips never shut.

    Raises:
        MetricError: where they are not two such arrays of one length.
    """
    metric = ClosureF1(shut=shut, tolerance_frames=tolerance_frames)
    return _f1(metric.closures(*checked_landmarks("closure_f1", reference_landmarks, generated_landmarks)))


@dataclass(frozen=True, kw_only=True)
class MouthApertureCorr(LandmarkMetric):
    """Do the lips part and meet when the reference's do: 1 for the same course in time, 0 for lips that keep still.

    Aperture: distance of the middles of the inner lips over that of the outer eye corners, frame by frame. The score is
    one correlation over the frames of all clips, each clip's aperture less its mean, so that a clip counts by how much
    the reference's lips move in it, and how wide this mouth opens does not count (mouth_aperture_error says that). A
    frame in which only the generated clip shows no face counts as one at that clip's mean: it follows nothing. Lips
    that move less than a quarter as much as the reference's (standard deviations) count in proportion, for a tracker
    sees a still mouth move by a few hundredths of that, and not at random.
    """

    name: ClassVar[str] = "mouth_aperture_corr"
    asks: ClassVar[str] = "Do the lips part and meet when the reference's lips do?"
    better: ClassVar[Better] = "higher"
    source: ClassVar[str] = "own definition"
    lost: ClassVar[str] = "counted as following nothing"

    def measure(self, pair: ClipPair) -> Stats:
        """reference, generated: apertures less their mean, float64 (T,), NaN where the reference has no face;
        reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        reference, generated = _deviations(*points)
        return Stats(reference=reference, generated=generated, **face_columns(*points))

    def compute(self, stats: Stats) -> float:
        """One correlation over the frames of all clips."""
        return _correlation(stats["reference"], stats["generated"])

    def note(self, stats: Stats) -> str | None:
        still = "undefined: the reference's lips do not move" if math.isnan(self.compute(stats)) else None
        return "; ".join(filter(None, (super().note(stats), still))) or None


@dataclass(frozen=True, kw_only=True)
class MouthApertureError(LandmarkMetric):
    """How far off the opening of the mouth is, in inter-ocular distances; 0 for the same opening in every frame.

    The mean over frames of |aperture generated - aperture reference|, each over the distance of the outer eye corners
    in its own frame. A frame in which only the generated clip shows no face counts 0.25.
    """

    name: ClassVar[str] = "mouth_aperture_error"
    asks: ClassVar[str] = "Is the mouth as wide open as the reference's in every frame?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "own definition"

    def measure(self, pair: ClipPair) -> Stats:
        """error: float64 (T,), NaN where the reference has no face; reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        return Stats(error=_errors(*points), **face_columns(*points))

    def compute(self, stats: Stats) -> float:
        """The mean over frames in which the reference shows a face."""
        return mean_defined(stats["error"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["error"]


@dataclass(frozen=True, kw_only=True)
class ClosureF1(LandmarkMetric):
    """Are the lips shut where the reference's are: F1 over the frames of all clips, 1 if always and nowhere else.

    Lips are shut where the aperture (see MouthApertureCorr) is below `shut`: 77 of 79 words of GRID that begin with b
    or p have such a frame at their onset, most of them far below. Recall is the share of the reference's shut frames
    within `tolerance_frames` of which the generated lips are shut, precision the same with the clips exchanged; F1 is
    2 P R / (P + R), from the counts of all clips. A frame in which only the generated clip shows no face is wrong: not
    shut where it should be, shut where it should not.
    """

    name: ClassVar[str] = "closure_f1"
    asks: ClassVar[str] = "Are the lips shut where the reference's are, as for m, b and p?"
    better: ClassVar[Literal["higher", "lower"]] = "higher"
    source: ClassVar[str] = "own definition"
    lost: ClassVar[str] = "counted as wrong"

    shut: float = 0.025
    tolerance_frames: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.shut > 0 or self.tolerance_frames < 0:
            raise MetricError(
                f"metric {self.name}: shut={self.shut}, tolerance_frames={self.tolerance_frames}; "
                "expected more than 0 inter-ocular distances, and 0 frames or more"
            )

    def measure(self, pair: ClipPair) -> Stats:
        """The columns of closures(), and reference_found, generated_found: bool (T,)."""
        points = self.points(pair)
        return Stats(**self.closures(*points), **face_columns(*points))

    def closures(self, reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> dict[str, np.ndarray]:
        """Frames where the reference is shut, and where that is met; where the generated clip is shut, and where that
        is right: four bool (T,)."""
        reference, generated = aperture(reference_landmarks), aperture(generated_landmarks)
        known, lost = ~np.isnan(reference), np.isnan(generated)
        due, shut = reference < self.shut, generated < self.shut
        span = 2 * self.tolerance_frames + 1
        near_due, near_shut = (maximum_filter1d(frames, span, mode="constant") for frames in (due, shut))
        return {
            "due": due,
            "met": due & near_shut & ~lost,
            "shut": known & (shut | (lost & ~due)),
            "right": known & shut & near_due,
        }

    def compute(self, stats: Stats) -> float:
        """F1 of the counts of all clips."""
        return _f1(stats)

    def note(self, stats: Stats) -> str | None:
        never = None if stats["due"].any() else "undefined: the reference's lips never shut"
        return "; ".join(filter(None, (super().note(stats), never))) or None


def _deviations(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Apertures less their mean, float64 (T,): NaN where the reference has no face, 0 where only the other has none."""
    reference, generated = aperture(reference_landmarks), aperture(generated_landmarks)
    known = ~np.isnan(reference)
    generated[~known] = np.nan
    lost = known & np.isnan(generated)
    return reference - mean_defined(reference), np.where(lost, 0.0, generated - mean_defined(generated))


def _correlation(reference: np.ndarray, generated: np.ndarray) -> float:
    known = ~np.isnan(reference)
    reference, generated = reference[known], generated[known]
    own, other = math.fsum(reference**2), math.fsum(generated**2)
    if own <= STILL**2 * len(reference):
        return math.nan
    motion = math.sqrt(other / own)
    return math.fsum(reference * generated) / math.sqrt(own * other) * min(1.0, motion / FULL_MOTION) if motion else 0.0


def _errors(reference_landmarks: np.ndarray, generated_landmarks: np.ndarray) -> np.ndarray:
    reference, generated = aperture(reference_landmarks), aperture(generated_landmarks)
    error = np.abs(generated - reference)
    return np.where(~np.isnan(reference) & np.isnan(generated), LOST, error)


def _f1(counts: Any) -> float:
    due, met, shut, right = (np.count_nonzero(counts[name]) for name in ("due", "met", "shut", "right"))
    if not due:
        return math.nan
    recall, precision = met / due, right / shut if shut else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
