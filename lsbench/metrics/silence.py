"""Mouth movement while the speech is silent: a score that needs the video and its sound, and no reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.metrics._base.landmarks import LOST, aperture, checked_points, mean_defined
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._silence.silent_frames import SilenceMetric, silent_frames
from lsbench.networks.silero import VoiceActivity

__all__ = ["SilenceMotion", "silence_motion", "silent_frames"]


def silence_motion(
    landmarks: np.ndarray,
    speech: np.ndarray,
    *,
    fps: float,
    sample_rate: int = 16000,
    below_db: float = 30.0,
    network: VoiceActivity | None = None,
) -> float:
    """Mouth movement in silence (see SilenceMotion).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        fps: of the video.
        sample_rate: of the sound, Hz.
        below_db, network: see silent_frames().

    Returns:
        Distances between the outer eye corners a second; NaN where there is no silence.

    Raises:
        MetricError: where landmarks or speech are not of this kind.
    """
    points = checked_points("silence_motion", "generated", landmarks)
    silent = silent_frames(speech, len(points), fps=fps, sample_rate=sample_rate, below_db=below_db, network=network)
    return mean_defined(_motion(points, silent, fps))


@dataclass(frozen=True, kw_only=True)
class SilenceMotion(SilenceMetric):
    """How much the mouth moves while the speech is silent, in inter-ocular distances a second; 0 for lips that rest.

    The mean of |aperture(t) - aperture(t - 1)| times the frame rate over pairs of neighbouring frames that are silent,
    aperture being the distance of the middles of the inner lips over that of the outer eye corners. A frame is silent
    where the sound above 100 Hz is `below_db` or more below the clip's loudest frame for 0.2 s or more; with
    vad=silero, where Silero's network hears no speech for as long, in whatever noise (below_db does not count then).
    On GRID's own clips either finds more than 95 % of the frames marked silent; in noise the level finds next to
    nothing (docs/silence.md has the figures). A pair that lacks a face counts 0.25 inter-ocular distances. Real
    speakers breathe and open their lips before they speak: they do not score 0. A mouth that never moves does: read it
    beside mouth_aperture_corr or sync_corr.
    """

    name: ClassVar[str] = "silence_motion"
    asks: ClassVar[str] = "Does the mouth rest while the speech is silent?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "own definition"

    def measure(self, pair: ClipPair) -> Stats:
        """motion: float64 (T,) a second, NaN in the first frame and where it or the one before is not silent; found,
        silent, heard (the clip has sound): bool (T,)."""
        points, columns = self.mouth(pair)
        return Stats(motion=_motion(points, columns["silent"], pair.generated.fps), **columns)

    def compute(self, stats: Stats) -> float:
        """The mean over pairs of silent frames."""
        return mean_defined(stats["motion"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["motion"]


def _motion(landmarks: np.ndarray, silent: np.ndarray, fps: float) -> np.ndarray:
    change = np.abs(np.diff(aperture(landmarks), prepend=np.nan))
    both = silent & np.append(False, silent[:-1])
    return np.where(both, np.where(np.isnan(change), LOST, change) * fps, np.nan)
