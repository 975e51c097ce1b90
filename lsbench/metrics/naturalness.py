"""Naturalness: how often a face blinks, and how much its brows, head and lips move, beside real faces."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.errors import MetricError
from lsbench.face.expression import BLENDSHAPES
from lsbench.face.track import MOUTH_CORNERS, FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.landmarks import aperture, checked_points, mean_defined, span, tracked_landmarks
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._natural.blinks import blinks
from lsbench.metrics._natural.rate import Rate
from lsbench.metrics._natural.speed import speed
from lsbench.metrics._silence.silent_frames import silent_frames

SMOOTH_S = 0.08  # of brows and head, see lsbench.metrics._natural.speed
LIPS_SMOOTH_S = 0.06  # of lips, which move faster and shake less
BROWS = (("browDownLeft", "browDownRight"), ("browInnerUp",), ("browOuterUpLeft", "browOuterUpRight"))
_BROWS = [[BLENDSHAPES.index(name) for name in names] for names in BROWS]


def blink_rate(blendshapes: np.ndarray, *, fps: float) -> float:
    """Blinks a minute of one clip (see BlinkRate).

    Args:
        blendshapes: floating point (T, 52) in the order of lsbench.face.expression, NaN in frames without a face.
        fps: of the video.

    Returns:
        0 or more; NaN where no frame has a face.

    Raises:
        MetricError: where it is not such an array.
    """
    return 60 * mean_defined(_blinking(_checked("blink_rate", blendshapes, (len(BLENDSHAPES),)), fps))


def brow_motion(blendshapes: np.ndarray, *, fps: float) -> float:
    """Mean speed of the brows of one clip (see BrowMotion).

    Args:
        blendshapes, fps: as for blink_rate().

    Returns:
        Blendshapes a second, 0 or more; NaN where fewer than a few frames running have a face.

    Raises:
        MetricError: where it is not such an array.
    """
    return mean_defined(_brows(_checked("brow_motion", blendshapes, (len(BLENDSHAPES),)), fps))


def head_motion(pose: np.ndarray, *, fps: float) -> float:
    """Mean angular speed of the head of one clip (see HeadMotion).

    Args:
        pose: floating point (T, 3, 3), rotations, NaN in frames without a face.
        fps: of the video.

    Returns:
        Degrees a second, 0 or more; NaN where fewer than a few frames running have a face.

    Raises:
        MetricError: where it is not such an array.
    """
    return mean_defined(_turning(_checked("head_motion", pose, (3, 3)), fps))


def lip_dynamics(landmarks: np.ndarray, speech: np.ndarray, *, fps: float, sample_rate: int = 16000) -> float:
    """Mean speed of the lips of one clip while there is speech (see LipDynamics).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        fps: of the video.
        sample_rate: of the sound, Hz.

    Returns:
        Inter-ocular distances a second, 0 or more; NaN where there is no sound.

    Raises:
        MetricError: where they are not such arrays.
    """
    points = checked_points("lip_dynamics", "generated", landmarks)
    return mean_defined(_speaking(_lips(points, fps), speech, fps, sample_rate))


@dataclass(frozen=True, kw_only=True)
class BlinkRate(Rate):
    """Blinks a minute, or how close that is to real clips.

    The lids are the blendshapes eyeBlinkLeft and eyeBlinkRight, the less closed eye of a frame. A blink is a rise and
    fall of 0.2 or more within half a second to both sides that lasts 0.03 to 0.5 s at half its height: closing and
    opening count, whatever the eyes' open level, at 15 to 60 frames a second. Blinks of all clips over the time of all
    clips: a clip of three seconds has none, one or two, and says nothing on its own.
    """

    name: ClassVar[str] = "blink_rate"
    asks: ClassVar[str] = "Does the face blink as often as real faces?"
    source: ClassVar[str] = "own definition; closeness: Quignon et al. 2025, THEval, arXiv 2511.04520"
    unit: ClassVar[str] = "blinks a minute"
    per_s: ClassVar[float] = 60.0
    unknown: ClassVar[str] = "its blendshapes are not known"

    def by_frame(self, clip: Clip, track: FaceTrack) -> np.ndarray:
        return _by_shot(track, track.blendshapes, lambda shapes: _blinking(shapes, clip.fps))

    def _counted(self, stats: Stats, side: str) -> str:
        done, seconds = self._known(stats, side)
        return f" ({round(math.fsum(done))} in {math.fsum(seconds):.0f} s)"


@dataclass(frozen=True, kw_only=True)
class BrowMotion(Rate):
    """How fast the brows move, or how close that is to real clips.

    Three blendshapes, 0 to 1: browInnerUp, and the means of browDown and of browOuterUp over left and right. The norm
    of their speeds (slopes over a Gaussian of 0.08 s), blendshapes a second, then the mean over frames.
    """

    name: ClassVar[str] = "brow_motion"
    asks: ClassVar[str] = "Do the brows move as much as those of real faces?"
    source: ClassVar[str] = "own definition; closeness: Quignon et al. 2025, THEval, arXiv 2511.04520"
    unit: ClassVar[str] = "blendshapes a second"
    unknown: ClassVar[str] = "its blendshapes are not known in enough frames running"

    def by_frame(self, clip: Clip, track: FaceTrack) -> np.ndarray:
        return _by_shot(track, track.blendshapes, lambda shapes: _brows(shapes, clip.fps))


@dataclass(frozen=True, kw_only=True)
class HeadMotion(Rate):
    """How fast the head turns, in degrees a second, or how close that is to real clips.

    The angular speed of the head's rotation against the picture (see lsbench.face.pose), of slopes over a Gaussian of
    0.08 s; then the mean over frames. Nods, shakes and tilts count alike; moves without a turn do not.
    """

    name: ClassVar[str] = "head_motion"
    asks: ClassVar[str] = "Does the head turn as much as those of real people?"
    source: ClassVar[str] = "own definition; closeness: Quignon et al. 2025, THEval, arXiv 2511.04520"
    unit: ClassVar[str] = "degrees a second"
    unknown: ClassVar[str] = "the head's rotation is not known in enough frames running"

    def by_frame(self, clip: Clip, track: FaceTrack) -> np.ndarray:
        return _by_shot(track, track.pose, lambda pose: _turning(pose, clip.fps))


@dataclass(frozen=True, kw_only=True)
class LipDynamics(Rate):
    """How fast the lips move while there is speech, in inter-ocular distances a second, or how close to real clips.

    Opening (between the middles of the inner lips) and width (between the corners of the mouth), each over the distance
    of the outer eye corners of its frame; the norm of their speeds (slopes over a Gaussian of 0.06 s); then the mean
    over frames that are not silent (see silent_frames). Nothing is said of whether they fit the speech: see sync_corr.
    """

    name: ClassVar[str] = "lip_dynamics"
    needs_speech: ClassVar[bool] = True
    asks: ClassVar[str] = "Do the lips move as much while they speak as those of real people?"
    source: ClassVar[str] = "own definition; closeness: Quignon et al. 2025, THEval, arXiv 2511.04520"
    unit: ClassVar[str] = "inter-ocular distances a second"
    unknown: ClassVar[str] = "no speech is heard while it is seen"

    def by_frame(self, clip: Clip, track: FaceTrack) -> np.ndarray:
        moved = _by_shot(track, tracked_landmarks(track), lambda points: _lips(points, clip.fps))
        return _speaking(moved, clip.speech, clip.fps, clip.sample_rate)


def _by_shot(track: FaceTrack, values: np.ndarray | None, rate: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """A rate of each shot's frames, NaN where they show no face; NaN throughout where nobody told."""
    if values is None:
        return np.full(len(track), np.nan)
    rates = np.concatenate([rate(values[shot]) for shot in track.by_shot()]) if len(track) else np.empty(0)
    return np.where(track.found, rates, np.nan)


def _blinking(blendshapes: np.ndarray, fps: float) -> np.ndarray:
    known = np.isfinite(blendshapes).all(axis=1)
    return np.where(known, blinks(blendshapes, fps) * float(fps), np.nan)


def _brows(blendshapes: np.ndarray, fps: float) -> np.ndarray:
    signals = np.stack([blendshapes[:, columns].astype(np.float64).mean(axis=1) for columns in _BROWS], axis=1)
    return speed(signals, fps, SMOOTH_S)


def _turning(pose: np.ndarray, fps: float) -> np.ndarray:
    # |dR/dt| (Frobenius) is the square root of 2 times the angular speed, radians a second.
    return np.degrees(speed(pose.reshape(len(pose), 9), fps, SMOOTH_S)) / math.sqrt(2)


def _lips(landmarks: np.ndarray, fps: float) -> np.ndarray:
    return speed(np.stack([aperture(landmarks), span(landmarks, MOUTH_CORNERS)], axis=1), fps, LIPS_SMOOTH_S)


def _speaking(rate: np.ndarray, speech: np.ndarray, fps: float, sample_rate: int) -> np.ndarray:
    """A rate where there is speech, NaN elsewhere."""
    if not len(speech):
        return np.full(len(rate), np.nan)
    return np.where(silent_frames(speech, len(rate), fps=fps, sample_rate=sample_rate), np.nan, rate)


def _checked(name: str, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Values of each frame that a caller handed over; MetricError unless they are floating point (T, *shape)."""
    if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or values.shape[1:] != shape or not len(values):
        found = f"{values.dtype} {values.shape}" if isinstance(values, np.ndarray) else type(values).__qualname__
        raise MetricError(f"{name}: {found}; expected floats {('frames', *shape)}, NaN where no face was found")
    return values
