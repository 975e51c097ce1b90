"""Unrest from frame to frame beyond the reference's own: flicker of the picture, jitter of the lips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.images import Images, Levels, checked_frames
from lsbench.metrics._base.landmarks import mean_defined
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats


def flicker(reference: Images, generated: Images, *, cell: int = 4, levels: Levels = None) -> float:
    """Mean flicker of frames in order of time (see Flicker).

    Args:
        reference, generated: images of one shape (see lsbench.metrics._base.images).
        cell: size of the cells whose means are compared, px.
        levels: what black and white are in floating-point tensors, such as (0, 1).

    Returns:
        8-bit levels; NaN for one frame.

    Raises:
        MetricError: where they are no such images, or of two shapes.
    """
    return mean_defined(flicker_frames(reference, generated, cell=cell, levels=levels))


def flicker_frames(
    reference: Images, generated: Images, *, cell: int = 4, levels: Levels = None
) -> npt.NDArray[np.float64]:
    """Flicker of each frame (see Flicker).

    Args:
        reference, generated, cell, levels: as for flicker().

    Returns:
        float64 (T,) 8-bit levels; NaN for one frame.

    Raises:
        MetricError: where they are no such images, or of two shapes.
    """
    Flicker(cell=cell)
    reference, generated = checked_frames("flicker", reference, generated, levels)
    if len(reference) < 2:
        return np.full(len(reference), np.nan)
    return _excess(*(_change(_cell_means(frames, cell)) for frames in (reference, generated)))


@dataclass(frozen=True, kw_only=True)
class Flicker(Metric):
    """Change between neighbouring frames beyond the reference's own, in 8-bit levels; 0 for identical videos.

    Both videos are averaged over cells of about `cell` x `cell` px. From one frame to the next a cell changes by
    c = |RGB difference| / sqrt(3); its excess is max(0, c generated - c reference), averaged over cells. A frame's
    value is the mean of the excess from the frame before and to the frame after (at the ends, of the one there is); the
    score is the mean over frames. Brightness that swings by +-a reads nearly 2a: less where the reference moves, for
    motion hides flicker. A constant offset, blur, a still mouth and motion that the reference has too read nearly 0,
    and one cell's missing motion never pays for another's flicker. Averaging over cells keeps most of pixel noise and
    coding noise out (cell=1 lets all of it in).
    """

    name: ClassVar[str] = "flicker"
    asks: ClassVar[str] = "Does the picture change from frame to frame where the reference does not?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "own definition"

    cell: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cell < 1:
            raise MetricError(f"{self.name}: cell={self.cell}; expected 1 px or more")

    def reach_frames(self, fps: float) -> int:
        """The frame before and the one after."""
        return 1

    def measure(self, pair: ClipPair) -> Stats:
        """flicker: float64 (T,) levels, NaN for a clip of one frame."""
        region = self.region or Region.WHOLE
        reference, generated = checked_frames(self.name, *pair.crop(region))
        if len(reference) < 2:
            return Stats(flicker=np.full(len(reference), np.nan))
        own = pair.once_of_reference((self.name, region, self.cell), lambda: _change(_cell_means(reference, self.cell)))
        return Stats(flicker=_excess(own, _change(_cell_means(generated, self.cell)))[pair.own])

    def compute(self, stats: Stats) -> float:
        """The mean over frames of clips of two frames or more."""
        return mean_defined(stats["flicker"])

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        return stats["flicker"]

    def note(self, stats: Stats) -> str | None:
        alone = np.count_nonzero(np.isnan(stats["flicker"]))
        return f"undefined in {alone} of {stats.rows} frames: clips of a single frame do not change" if alone else None


def _cell_means(frames: np.ndarray, cell: int) -> np.ndarray:
    """Means over cells of about cell x cell px that fill the frame: uint8 (T, H, W, 3) -> float64 (T, R, C, 3)."""
    rows, columns = (
        np.linspace(0, size, max(1, round(size / cell)) + 1).astype(np.int64) for size in frames.shape[1:3]
    )
    sums = _sums(_sums(frames, rows, axis=1), columns, axis=2)
    return sums / np.multiply.outer(np.diff(rows), np.diff(columns))[..., None]


def _sums(values: np.ndarray, bounds: np.ndarray, axis: int) -> np.ndarray:
    """Sums of whole numbers between bounds along an axis: uint8 or uint32 -> uint32, exact in any order."""
    sizes = np.diff(bounds)
    if (sizes == sizes[0]).all():  # strides add up faster than runs
        ahead = (slice(None),) * axis
        first, *others = (values[(*ahead, slice(place, None, sizes[0]))] for place in range(sizes[0]))
        sums = first.astype(np.uint32)
        for other in others:
            sums += other
        return sums
    return np.add.reduceat(values, bounds[:-1], axis=axis, dtype=np.uint32)


def _excess(own: np.ndarray, change: np.ndarray) -> np.ndarray:
    """Flicker of each frame from the change of each cell in reference and generated, (T - 1, R, C): float64 (T,)."""
    excess = np.maximum(change - own, 0).mean(axis=(1, 2))
    before, after = np.append(excess[:1], excess), np.append(excess, excess[-1:])
    values: np.ndarray = (before + after) / 2
    return values


def _change(means: np.ndarray) -> np.ndarray:
    """How far each cell moves from frame to frame: (T, R, C, 3) -> (T - 1, R, C), root mean square over channels."""
    change: np.ndarray = np.sqrt(np.square(np.diff(means, axis=0)).mean(axis=3))
    return change
