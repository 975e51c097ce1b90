"""Fréchet video distance (FVD): all windows of some frames in a row as a set, to a network that sees motion.

It has no value for one clip. A window's features are the 400 logits of I3D trained on Kinetics-400, as in the original.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sets.distribution import Distribution, demand, frechet_of, singular
from lsbench.metrics._sets.features import pair_window_features
from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.metrics._sets.kid import kernel_distance
from lsbench.metrics._sets.set_influence import frechet_influence, kernel_influence
from lsbench.networks.features import I3D, Network, window_features

ALL = "all"
LENGTHS = ("10", "16", "32", "64", "128", ALL)
FEWEST_FRAMES = 9  # that I3D takes
MOST_FRAMES = 512  # of a clip that is one window: the network takes 5 MB for each
FEW = 256  # windows, below which the note warns


@dataclass(frozen=True, kw_only=True)
class FVD(Distribution):
    """Fréchet video distance: that of FID between I3D's logits of windows of the clips, covariances unbiased, float64.

    Frames of a region are stretched to 224 x 224 whatever their proportions, bilinearly as TensorFlow's
    resize_bilinear does in the authors' code (without antialiasing), and scaled to [-1, 1].

    distance: frechet, or kernel for KVD, the unbiased MMD² of KID's kernel over all windows in one subset. frames: that
    a window has, or `all`, one window for each clip, however long. stride: windows begin at each clip's frames 0,
    stride, 2 stride ... as long as they fit in. Overlapping windows of a clip stay together: clips, or segments of
    clips, are what intervals and tests draw.

    A window with a frame that has no face is left out for face and mouth. A clip that is too short for a window makes
    the value undefined.
    """

    name: ClassVar[str] = "fvd"
    asks: ClassVar[str] = "Do all clips together look and move like the reference's, to I3D?"
    source: ClassVar[str] = "Unterthiner et al. 2018, arXiv 1812.01717; network: Carreira & Zisserman 2017"
    weights: ClassVar[tuple[str, ...]] = ("i3d",)
    network: ClassVar[Network] = I3D

    distance: str = field(default="frechet", metadata={"choices": ("frechet", "kernel")})
    frames: str = field(default="16", metadata={"choices": LENGTHS})
    stride: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        demand(self.name, "stride", self.stride, 1)

    def reach_frames(self, fps: float) -> int | None:
        """A window's other frames; all of the clip where it is one window."""
        return None if self.frames == ALL else int(self.frames) - 1

    def measure(self, pair: ClipPair) -> Stats:
        """reference, generated: float32 (windows, 400) logits of the region; one row of NaN of a clip too short."""
        return self.conclude(self.look(pair), pair)

    def look(self, pair: ClipPair) -> Stats:
        """The windows whose first frame is the pair's own."""
        length, stride = max(len(pair), self._fewest) if self.frames == ALL else self._fewest, self.stride
        if length > MOST_FRAMES:
            raise MetricError(
                f"clip {pair.generated.id}: {self.key} sees all {length} frames at once; expected at most "
                f"{MOST_FRAMES}. Pass fvd:frames=128, or cut the clip into shorter ones"
            )
        reference, generated = pair_window_features(pair, self.network, self.region or Region.WHOLE, length, stride)
        return Stats(reference=reference, generated=generated)

    def conclude(self, seen: Stats, pair: ClipPair) -> Stats:
        """As they are, but for a clip too short."""
        if len(pair) >= self._fewest:
            return seen
        undefined = np.full((1, self.network.width), math.nan, np.float32)
        return Stats(reference=undefined, generated=undefined)

    def without(self, stats: Stats, left_out: npt.NDArray[np.bool_]) -> Stats:
        """The windows that have none of the frames that are left out."""
        if len(left_out) < self._fewest:
            return stats
        kept = np.array([not left_out[window].any() for window in self._windows(len(left_out))])
        return Stats(**{name: column[kept] for name, column in stats.items()})

    def segments(self, stats: Stats, edges: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_]) -> list[Stats] | None:
        """Each window belongs to the segment that its middle lies in."""
        if self.frames == ALL or len(seen) < self._fewest:
            return None
        windows = [window for window in self._windows(len(seen)) if seen[window].all()]
        middles = [(window.start + window.stop) // 2 for window in windows]
        return [stats.cut(start, stop) for start, stop in pairwise(np.searchsorted(middles, edges).tolist())]

    def fold(self, parts: Sequence[Stats]) -> tuple[float, str | None]:
        if short := self._too_short(parts):
            clips = "a clip has" if short == 1 else f"{short} clips have"
            return math.nan, f"undefined: {clips} fewer than {self._fewest} frames, too few for a window"
        if self.distance == "kernel":
            joined = Stats.join(parts)
            count = joined.rows
            value = float(kernel_distance(joined["reference"], joined["generated"], subset_size=max(2, count)).mean())
        else:
            count, value = frechet_of(parts)
        windows = "whole clips" if self.frames == ALL else f"windows of {self.frames} frames"
        if count < 2:
            return value, f"undefined: N = {count} {windows}, and it takes 2 a side"
        if count < FEW:
            return value, f"N = {count} {windows} a side, fewer than {FEW}: it says little, compare at equal N only"
        rest = singular(count, self.network.width) if self.distance == "frechet" else ""
        return value, f"N = {count} {windows} a side{rest}"

    def influence(self, parts: Sequence[Stats]) -> npt.NDArray[np.float64]:
        if self._too_short(parts):
            return np.full(len(parts), math.nan)
        return kernel_influence(parts) if self.distance == "kernel" else frechet_influence(parts)

    @property
    def _fewest(self) -> int:
        """Frames that a clip must have."""
        return FEWEST_FRAMES if self.frames == ALL else int(self.frames)

    def _windows(self, frames: int) -> list[slice]:
        """The windows of a clip of so many frames."""
        if self.frames == ALL:
            return [slice(0, frames)]
        length = int(self.frames)
        return [slice(start, start + length) for start in range(0, frames - length + 1, self.stride)]

    @staticmethod
    def _too_short(parts: Sequence[Stats]) -> int:
        """How many clips are too short."""
        return sum(int(np.isnan(part["reference"]).any(axis=1).sum()) for part in parts)


def fvd(
    reference: npt.NDArray[np.uint8],
    generated: npt.NDArray[np.uint8],
    weights: Path,
    *,
    distance: Literal["frechet", "kernel"] = "frechet",
    device: str = "cpu",
) -> float:
    """FVD of two sets of videos, each of which is one window (see FVD).

    Args:
        reference: uint8 (videos, T, H, W, 3) RGB, T at least 9.
        generated: the same, of any size and number.
        weights: the file `i3d` of lsbench.networks.weights.
        distance: frechet, or kernel for KVD.
        device: where the network runs.

    Returns:
        0 or more, but for rounding and of the kernel; NaN for fewer than two videos on a side.

    Raises:
        MetricError: for videos of another shape or kind.
        WeightsError: where the file is not I3D's.
    """

    def logits(videos: npt.NDArray[np.uint8]) -> np.ndarray:
        if videos.ndim != 5 or videos.shape[1] < FEWEST_FRAMES:
            raise MetricError(
                f"fvd: videos are {videos.dtype} {videos.shape}; expected uint8 (videos, frames, height, width, 3) of "
                f"at least {FEWEST_FRAMES} frames"
            )
        count, length = videos.shape[:2]
        frames = videos.reshape(-1, *videos.shape[2:])
        return window_features(frames, range(0, count * length, length), length, I3D, weights, device)

    one, other = logits(reference), logits(generated)
    if distance == "kernel":
        return float(kernel_distance(one, other, subset_size=max(len(one), len(other))).mean())
    return frechet_distance(one, other)
