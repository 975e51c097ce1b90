"""Seam: how visible the edge of the box is in which a generated face was pasted back."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.images import Images, Levels, checked_frames
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._seam.box_sides import SIDES, Side, differences, line_of
from lsbench.metrics._seam.paste_box import WINDOW, found_boxes, textures

BOXES = ("found", "face", "mouth")
DIFFERENT_LEVELS = 3.0  # where the median place of a frame differs by more, its box is not to be found


def seam(
    reference: Images,
    generated: Images,
    boxes: Any,
    *,
    strip: int = 4,
    gap: int = 1,
    segment: int = 8,
    levels: Levels = None,
) -> float:
    """Seam of frames around known boxes (see Seam).

    Args:
        reference, generated, boxes, strip, gap, segment, levels: as for seam_frames().

    Returns:
        8-bit levels; NaN where no side of a box can be measured.

    Raises:
        MetricError: where images or boxes are not of this kind.
    """
    metric = Seam(strip=strip, gap=gap, segment=segment)
    return metric.compute(metric.steps(*checked_frames("seam", reference, generated, levels), boxes))


def seam_frames(
    reference: Images,
    generated: Images,
    boxes: Any,
    *,
    strip: int = 4,
    gap: int = 1,
    segment: int = 8,
    levels: Levels = None,
) -> npt.NDArray[np.float64]:
    """Seam of each frame around known boxes, float64 (T,), levels (see Seam).

    Args:
        reference, generated, levels: see lsbench.metrics._base.images.
        boxes: int (T, 4), or (4,) for all frames, as x0, y0, x1, y1 in px, x1 and y1 exclusive, inside the frame;
            lsbench.metrics._seam.paste_box.found_boxes looks for them.
        strip, gap, segment: see Seam.
    """
    metric = Seam(strip=strip, gap=gap, segment=segment)
    return metric.per_frame(metric.steps(*checked_frames("seam", reference, generated, levels), boxes))


@dataclass(frozen=True, kw_only=True)
class Seam(Metric):
    """The visible edge of the paste box: the colour step across its sides that the reference has not, in 8-bit levels.

    D = generated - reference, less the median of each channel over the frame (a global brightness shift). Each side of
    the box is cut into segments of `segment` px. A segment's step is the mean of D over the `strip` px just inside the
    side minus that over the `strip` px just outside, `gap` px on either side of it left out. A frame's squared step is
    the mean product of the steps of neighbouring segments, over sides and channels: s^2 for an edge of s levels, 0 on
    average for noise, which neighbours do not share. What the same mean reads on parallel lines 2 (strip + gap) px
    further out, where nothing was pasted, is the floor that re-encoding leaves, and is taken off. The value is
    sqrt(max(0, mean over frames of squared step - floor)): s for an edge of s levels all around, s sqrt(p) where it
    shows on a part p of the sides, about s times the opacity reached at 3 px where it is feathered.

    box: found (see _seam/paste_box.py), or the reference's face or mouth box. In a frame where no box is found
    there is no seam, 0, as long as generated and reference agree; NaN where most of the frame differs. Where a head
    moves otherwise than the reference's, the box found is that of the moving part. A side with less than strip + gap px
    to the frame's edge cannot be measured and is left out.
    """

    name: ClassVar[str] = "seam"
    asks: ClassVar[str] = "How visible is the edge of the box in which the face was pasted back?"
    better: ClassVar[Literal["higher", "lower"]] = "lower"
    source: ClassVar[str] = "own definition; the visible box of Geldhauser et al. 2022, arXiv 2212.13810"
    regions: ClassVar[tuple[Region, ...]] = ()

    box: str = field(default="found", metadata={"choices": BOXES})
    strip: int = 4
    gap: int = 1
    segment: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("strip", 1), ("gap", 0), ("segment", 1)):
            if getattr(self, name) < least:
                raise MetricError(f"{self.name}: {name}={getattr(self, name)}; expected {least} px or more")

    @property
    def needs_track(self) -> bool:
        """Whether the box is one of the reference's face."""
        return self.box != "found"

    def reach_frames(self, fps: float) -> int:
        """The frames over which a box is looked for."""
        return WINDOW // 2 if self.box == "found" else 0

    def measure(self, pair: ClipPair) -> Stats:
        """step, floor: float64 (T,) levels^2, NaN where undefined; found: bool (T,), whether a box is known."""
        reference, generated = checked_frames(self.name, *pair.crop(Region.WHOLE))
        if self.box != "found":
            return self.steps(reference, generated, pair.boxes(Region(self.box)))
        pictures = pair.once("differences", lambda: differences(reference, generated))
        texture = pair.once_of_reference("textures", lambda: textures(reference))
        boxes, difference_levels = pair.once(
            "paste boxes", lambda: found_boxes(reference, generated, pictures, texture)
        )
        found = np.asarray(boxes.any(axis=1))
        step, floor = np.tile(np.where(difference_levels > DIFFERENT_LEVELS, np.nan, 0.0), (2, 1))
        for frame in np.flatnonzero(found):
            step[frame], floor[frame] = self._step(pictures[frame], boxes[frame])
        return Stats(step=step[pair.own], floor=floor[pair.own], found=found[pair.own])

    def compute(self, stats: Stats) -> float:
        """The root of the mean squared step over the floor, 8-bit levels."""
        excess = stats["step"] - stats["floor"]
        excess = excess[~np.isnan(excess)]
        return math.sqrt(max(0.0, math.fsum(excess) / len(excess))) if len(excess) else math.nan

    def per_frame(self, stats: Stats) -> npt.NDArray[np.float64]:
        steps: npt.NDArray[np.float64] = np.sqrt(np.maximum(stats["step"] - stats["floor"], 0))
        return steps

    def note(self, stats: Stats) -> str | None:
        known, undefined = stats["found"], np.isnan(stats["step"])
        lost = ~known
        counts = {
            "no paste box found in {} frames, counted as no seam": lost & ~undefined,
            "undefined in {} frames: no paste box found, and most of the picture differs; try box=face": lost
            & undefined,
            "undefined in {} frames: the box is too small or fills the frame": known & undefined,
        }
        notes = [text.format(f"{rows.sum()} of {stats.rows}") for text, rows in counts.items() if rows.any()]
        return "; ".join(notes) or None

    def steps(self, reference: np.ndarray, generated: np.ndarray, boxes: Any) -> Stats:
        """The statistics (see measure) around known boxes, uint8 (T, H, W, 3) twice, int (T, 4) or (4,)."""
        boxes = _checked_boxes(boxes, reference.shape)
        pairs = [self._step(*each) for each in zip(differences(reference, generated), boxes, strict=True)]
        step, floor = np.array(pairs, np.float64).reshape(-1, 2).T
        return Stats(step=step, floor=floor, found=np.ones(len(pairs), bool))

    def _step(self, picture: np.ndarray, box: np.ndarray) -> tuple[float, float]:
        """The squared step around a box in a picture of differences, and its floor, levels^2; NaN where undefined."""
        reach = self.strip + self.gap
        sides, lines = [], []
        for index, name in enumerate(SIDES):
            line, depth = line_of(index, int(box[index]), picture.shape), picture.shape[1 - index % 2]
            lines.append(line)
            sides.append(Side(picture, box, name, (max(0, line - 3 * reach), min(depth, line + reach)), self.segment))
        floor = self._mean(sides, [line - 2 * reach for line in lines])
        return self._mean(sides, lines), 0.0 if math.isnan(floor) else floor

    def _mean(self, sides: list[Side], lines: list[int]) -> float:
        """The squared step across a line of each side, levels^2, over those that have room; NaN where none has."""
        steps = [side.squared_step(line, self.strip, self.gap) for side, line in zip(sides, lines, strict=True)]
        weights = [0 if step is None else side.pairs for side, step in zip(sides, steps, strict=True)]
        total = sum(weights)
        if not total:
            return math.nan
        return math.fsum(weight * step for weight, step in zip(weights, steps, strict=True) if step is not None) / total


def _checked_boxes(boxes: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Boxes of every frame, int64 (T, 4); MetricError where they are no boxes, or leave the frame."""
    frames, height, width = shape[:3]
    array = np.asarray(boxes)
    expected = f"expected whole numbers x0, y0, x1, y1, ({frames}, 4) or (4,)"
    if array.dtype.kind not in "iu" or array.shape not in ((4,), (frames, 4)):
        raise MetricError(f"seam: boxes are {array.dtype} {array.shape}; {expected}")
    array = np.broadcast_to(array.astype(np.int64), (frames, 4))
    x0, y0, x1, y1 = array.T
    wrong = np.flatnonzero((x0 < 0) | (y0 < 0) | (x1 > width) | (y1 > height) | (x1 - x0 < 2) | (y1 - y0 < 2))
    if len(wrong):
        raise MetricError(
            f"seam: frame {wrong[0]}: box {tuple(array[wrong[0]].tolist())}; expected x0, y0, x1, y1 inside the "
            f"{width} x {height} frame, 2 px or more a side"
        )
    return array
