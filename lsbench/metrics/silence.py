"""Mouth movement while the speech is silent: a score that needs the video and its sound, and no reference."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.landmarks import LOST, aperture, checked_points, mean_defined, tracked_landmarks
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats

LOWEST_HZ = 100  # hum and rumble below do not count as sound
SHORTEST_S = 0.2  # the pause in a stop consonant is shorter, and no silence


def silence_motion(
    landmarks: np.ndarray, speech: np.ndarray, *, fps: float, sample_rate: int = 16000, below_db: float = 30.0
) -> float:
    """Mouth movement in silence (see SilenceMotion).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        fps: of the video.
        sample_rate: of the sound, Hz.
        below_db: see silent_frames().

    Returns:
        Distances between the outer eye corners a second; NaN where there is no silence.

    Raises:
        MetricError: where landmarks or speech are not of this kind.
    """
    points = checked_points("silence_motion", "generated", landmarks)
    silent = silent_frames(speech, len(points), fps=fps, sample_rate=sample_rate, below_db=below_db)
    return mean_defined(_motion(points, silent, fps))


def silent_frames(
    speech: np.ndarray, frames: int, *, fps: float, sample_rate: int = 16000, below_db: float = 30.0
) -> np.ndarray:
    """Which video frames are silent: far quieter than the loudest, in runs of 0.2 s or more.

    Args:
        speech: floating point (N,) mono, from frame 0 on; after its end it is silent.
        frames: of the video.
        fps: of the video.
        sample_rate: of the sound, Hz.
        below_db: how far the mean power above 100 Hz lies below that of the loudest frame.

    Returns:
        bool (frames,); False throughout where there is no sound at all.
    """
    SilenceMotion(below_db=below_db)
    if speech.dtype.kind != "f" or speech.ndim != 1 or not np.isfinite(speech).all():
        raise MetricError(f"speech is {speech.dtype} {speech.shape}; expected finite floats, (samples,)")
    if not fps > 0 or not sample_rate > 2 * LOWEST_HZ:
        raise MetricError(
            f"{fps} frames and {sample_rate} samples a second; expected more than 0, and more than {2 * LOWEST_HZ}"
        )
    if not len(speech):
        return np.zeros(frames, bool)
    from scipy.ndimage import binary_opening
    from scipy.signal import butter, sosfilt

    power = sosfilt(butter(2, LOWEST_HZ, "highpass", fs=sample_rate, output="sos"), speech.astype(np.float64)) ** 2
    edges = np.rint(np.arange(frames + 1) * sample_rate / fps).astype(np.int64)
    sums = np.append(0, np.cumsum(power))[np.minimum(edges, len(power))]
    level = np.diff(sums) / np.diff(edges)
    quiet = level <= level.max() * 10 ** (-below_db / 10)
    pauses: np.ndarray = binary_opening(quiet, np.ones(math.ceil(SHORTEST_S * fps)))
    return pauses


@dataclass(frozen=True, kw_only=True)
class SilenceMotion(Metric):
    """How much the mouth moves while the speech is silent, in inter-ocular distances a second; 0 for lips that rest.

    The mean of |aperture(t) - aperture(t - 1)| times the frame rate over pairs of neighbouring frames that are silent,
    aperture being the distance of the middles of the inner lips over that of the outer eye corners. A frame is silent
    where the sound above 100 Hz is `below_db` or more below the clip's loudest frame for 0.2 s or more. On GRID's own
    clips that finds 99 % of the frames marked silent, and 2 % of those more than two frames inside of words. A pair
    that lacks a face counts 0.25 inter-ocular distances. Real speakers breathe and open their lips before they speak:
    they do not score 0. A mouth that never moves does: read it beside mouth_aperture_corr or sync_corr.
    """

    name: ClassVar[str] = "silence_motion"
    asks: ClassVar[str] = "Does the mouth rest while the speech is silent?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "own definition"
    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    paired: ClassVar[bool] = False

    below_db: float = 30.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.below_db > 0:
            raise MetricError(f"metric {self.name}: option below_db={self.below_db}; expected more than 0")

    def measure(self, pair: ClipPair) -> Stats:
        """motion: float64 (T,) a second, NaN in the first frame and where it or the one before is not silent; found,
        silent, heard (the clip has sound): bool (T,)."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.generated.id}: {self.name} needs the landmarks of the generated clip")
        clip, points = pair.generated, tracked_landmarks(pair.landmarks[1])
        silent = silent_frames(
            clip.speech, len(points), fps=clip.fps, sample_rate=clip.sample_rate, below_db=self.below_db
        )
        return Stats(
            motion=_motion(points, silent, clip.fps),
            found=np.isfinite(points).all(axis=(1, 2)),
            silent=silent,
            heard=np.full(len(points), len(clip.speech) > 0),
        )

    def compute(self, stats: Stats) -> float:
        """The mean over pairs of silent frames."""
        return mean_defined(stats["motion"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["motion"]

    def note(self, stats: Stats) -> str | None:
        silent = np.count_nonzero(stats["silent"])
        shown = np.count_nonzero(stats["silent"] & stats["found"])
        notes = []
        if shown < silent:
            lost = f"the others counted as {LOST} inter-ocular distances each"
            notes.append(f"face found in {shown} of {silent} silent frames, {lost}")
        if not stats["heard"].all():
            notes.append(f"no sound in {np.count_nonzero(~stats['heard'])} frames")
        if not silent:
            notes.append(f"undefined: the speech never falls {self.below_db:g} dB below its loudest for {SHORTEST_S} s")
        return "; ".join(notes) or None


def _motion(landmarks: np.ndarray, silent: np.ndarray, fps: float) -> np.ndarray:
    change = np.abs(np.diff(aperture(landmarks), prepend=np.nan))
    both = silent & np.append(False, silent[:-1])
    return np.where(both, np.where(np.isnan(change), LOST, change) * fps, np.nan)
