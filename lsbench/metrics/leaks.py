"""Leaks: a mouth that moves though it hears silence, and one that then follows the face that it was shown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import runs
from lsbench.metrics._base.direction import Better
from lsbench.metrics._base.landmarks import aperture, checked_points, mean_defined
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._silence.silent_frames import SHORTEST_S, SilenceMetric, silent_frames
from lsbench.metrics.aperture import MouthApertureCorr
from lsbench.networks.silero import VoiceActivity

ABOVE = 0.2  # inter-ocular distances a second; why, is in docs/silence.md


def lip_leak(
    landmarks: np.ndarray,
    speech: np.ndarray,
    *,
    fps: float,
    sample_rate: int = 16000,
    above: float = ABOVE,
    below_db: float = 30.0,
    network: VoiceActivity | None = None,
) -> float:
    """The share of silent frames in which the mouth moves (see LipLeak).

    Args:
        landmarks: floating point (T, 80, 2) px, NaN in frames without a face.
        speech: floating point (N,) mono in [-1, 1], from frame 0 on.
        fps: of the video.
        sample_rate: of the sound, Hz.
        above: inter-ocular distances a second that are motion.
        below_db, network: see lsbench.metrics.silence.silent_frames().

    Returns:
        0 to 1; NaN where there is no silence.

    Raises:
        MetricError: where landmarks or speech are not of this kind.
    """
    LipLeak(above=above)
    points = checked_points("lip_leak", "generated", landmarks)
    silent = silent_frames(speech, len(points), fps=fps, sample_rate=sample_rate, below_db=below_db, network=network)
    return mean_defined(_moves(points, silent, fps, above))


@dataclass(frozen=True, kw_only=True)
class LipLeak(SilenceMetric):
    """The share of silent frames in which the mouth moves, 0 to 1; 0 for lips that rest.

    In the 0.2 s around a frame, which are shifted to lie in its silence, the range of the aperture over the time from
    the first of them to the last is a speed. The mouth moves where that is more than `above` inter-ocular distances a
    second. Apertures are those of silence_motion, and so is what is silent; where silence drives a protocol's videos,
    all frames are. A frame without a face counts as one that moves. 0.2 lies above 99 % of what a tracker trembles on a
    face that rests, after H.264 or under noise of 2 levels, and below what lips do in 4 of 5 frames within words
    (docs/silence.md). Real speakers move in a quarter of the silent frames of GRID: before they speak, and when they
    breathe.
    """

    name: ClassVar[str] = "lip_leak"
    asks: ClassVar[str] = "In what share of the silent frames does the mouth move?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "after Bigata et al. 2025, KeySync, arXiv 2505.00497; own definition"
    lost: ClassVar[str] = "the others counted as moving"

    above: float = ABOVE

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.above < math.inf:
            raise MetricError(f"metric {self.name}: option above={self.above}; expected more than 0")

    def measure(self, pair: ClipPair) -> Stats:
        """moves: float64 (T,), 1 where the mouth moves, else 0, NaN in frames that are not silent; found, silent, heard
        (the clip has sound): bool (T,)."""
        points, columns = self.mouth(pair)
        return Stats(moves=_moves(points, columns["silent"], pair.generated.fps, self.above), **columns)

    def compute(self, stats: Stats) -> float:
        """The mean over silent frames."""
        return mean_defined(stats["moves"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["moves"]


@dataclass(frozen=True, kw_only=True)
class LeakCorr(MouthApertureCorr):
    """Does a mouth that hears silence follow the lips of the face that it was shown: 0 where it does not.

    The correlation of mouth_aperture_corr, under a protocol that silence drives: there the reference's lips speak, and
    nothing but its pictures can tell a generator how. Lips that move less than a quarter as much as they do count in
    proportion. Where the videos differ in length the frames that both have are compared.
    """

    name: ClassVar[str] = "leak_corr"
    asks: ClassVar[str] = "Do lips that hear silence follow those of the face that was shown?"
    better: ClassVar[Better] = "zero"
    source: ClassVar[str] = "own definition"
    of_silence: ClassVar[bool] = True

    def measure(self, pair: ClipPair) -> Stats:
        """As mouth_aperture_corr."""
        if pair.landmarks is not None:
            both = min(map(len, pair.landmarks))
            pair = replace(pair, landmarks=(pair.landmarks[0].cut(0, both), pair.landmarks[1].cut(0, both)))
        return super().measure(pair)


def _moves(landmarks: np.ndarray, silent: np.ndarray, fps: float, above: float) -> npt.NDArray[np.float64]:
    """Of each frame whether the mouth moves, 1 or 0; NaN where it is not silent. landmarks: (T, 80, 2)."""
    opening = aperture(landmarks)
    width = max(2, math.ceil(SHORTEST_S * fps))
    moves = np.full(len(opening), np.nan)
    for run in runs(silent):
        moves[run] = _fast(opening[run], min(width, len(run)), fps, above)
    return moves


def _fast(opening: np.ndarray, width: int, fps: float, above: float) -> npt.NDArray[np.bool_]:
    """Of each frame of one silence, (n,), whether its aperture's range over `width` frames is that of a moving mouth.

    Frames without a face, NaN, move; those beside them go by the rest.
    """
    lost = np.isnan(opening)
    spans = np.lib.stride_tricks.sliding_window_view(opening, width)
    highest = np.fmax.reduce(spans, axis=1)
    change = np.nan_to_num(highest - np.fmin.reduce(spans, axis=1))
    first = np.clip(np.arange(len(opening)) - width // 2, 0, len(spans) - 1)
    fast: npt.NDArray[np.bool_] = lost | (change[first] * fps > above * max(1, width - 1))
    return fast
