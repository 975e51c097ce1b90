"""Face tracks: the landmark layout, and the boxes of regions that follow from landmarks.

Points are (x, y) in pixels: x along columns, y along rows, (0, 0) at the centre of the top left pixel. Boxes are
(x0, y0, x1, y1) in pixels with x1 and y1 exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lsbench.errors import FaceError

# The landmark layout that every FaceTrack uses: 80 points, closed outlines in drawing order.
# Lip outlines start at the corner on the left of the image, run along the lower lip to the right corner (point 10)
# and back along the upper lip; their points 5 and 15 are the middles of the lower and the upper lip.
FACE_OVAL = slice(0, 36)
OUTER_LIPS = slice(36, 56)
INNER_LIPS = slice(56, 76)
EYE_CORNERS = slice(76, 80)  # from left to right in the image: outer, inner, inner, outer
POINTS = 80
MOUTH_CORNERS = (OUTER_LIPS.start, OUTER_LIPS.start + 10)
OUTER_EYE_CORNERS = (EYE_CORNERS.start, EYE_CORNERS.start + 3)


class Region(Enum):
    """The part of a frame that a metric looks at."""

    WHOLE = "whole"
    FACE = "face"
    MOUTH = "mouth"


@dataclass(frozen=True)
class BoxRule:
    """How a region's box follows from landmarks.

    The box has one size per clip: `scale` times the clip's median extent of the outline. Its centre is the middle of
    the outline, smoothed over time, and the box is pushed inside the frame.

    Attributes:
        outline: of the landmarks, `face_oval` or `outer_lips`.
        scale: of the box to the outline's extent.
        square: the extent is the distance between the mouth corners, instead of width and height.
        smooth_frames: standard deviation of the Gaussian that smooths the centre (ends repeated), frames.
    """

    outline: str
    scale: float
    square: bool
    smooth_frames: float

    def __str__(self) -> str:
        shape = "square" if self.square else "rectangle"
        scale, smooth = (str(number).removesuffix(".0") for number in (self.scale, self.smooth_frames))
        return f"{shape}-{scale}x-{self.outline}-smooth{smooth}"


BOX_RULES = {
    Region.FACE: BoxRule(outline="face_oval", scale=1.1, square=False, smooth_frames=2.0),
    Region.MOUTH: BoxRule(outline="outer_lips", scale=1.6, square=True, smooth_frames=2.0),
}
_OUTLINES = {"face_oval": FACE_OVAL, "outer_lips": OUTER_LIPS}


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """Landmarks of one clip.

    Attributes:
        landmarks: float32 (T, 80, 2) px in the layout at the top of this file.
        found: bool (T,), False where the points of a frame were interpolated (or are NaN, where there was nothing to
            interpolate from).
        height: of the frames, px.
        width: of the frames, px.

    Raises:
        FaceError: where an array has another shape.
    """

    landmarks: np.ndarray
    found: np.ndarray
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.landmarks.ndim != 3 or self.landmarks.shape[1:] != (POINTS, 2):
            raise FaceError(f"landmarks are {self.landmarks.shape}; expected (frames, {POINTS}, 2)")
        if self.found.shape != self.landmarks.shape[:1]:
            raise FaceError(f"found flags are {self.found.shape}; expected ({len(self.landmarks)},)")

    def __len__(self) -> int:
        return len(self.landmarks)

    def cut(self, start: int, stop: int) -> FaceTrack:
        """Frames start..stop-1 (views)."""
        return FaceTrack(self.landmarks[start:stop], self.found[start:stop], self.height, self.width)

    def interocular(self) -> np.ndarray:
        """Distance between the outer eye corners: float64 (T,) px."""
        left, right = (self.landmarks[:, i].astype(np.float64) for i in OUTER_EYE_CORNERS)
        return np.asarray(np.linalg.norm(right - left, axis=1))

    def box(self, region: Region) -> np.ndarray:
        """Boxes of a region, of one size per clip, inside the frame (see BoxRule).

        Args:
            region: WHOLE is the frame itself.

        Returns:
            int64 (T, 4) px as x0, y0, x1, y1.

        Raises:
            FaceError: where landmarks are missing.
        """
        if region is Region.WHOLE:
            return np.tile(np.array([0, 0, self.width, self.height]), (len(self), 1))
        rule = BOX_RULES[region]
        outline = self.landmarks[:, _OUTLINES[rule.outline]].astype(np.float64)
        low, high = outline.min(axis=1), outline.max(axis=1)
        if rule.square:
            left, right = (self.landmarks[:, i].astype(np.float64) for i in MOUTH_CORNERS)
            extent = np.full(2, np.median(np.linalg.norm(right - left, axis=1)))
        else:
            extent = np.median(high - low, axis=0)
        if not np.isfinite(extent).all():
            raise FaceError(f"no {region.value} box: landmarks are missing in {np.count_nonzero(~self.found)} frames")
        limit = np.array([self.width, self.height])
        size = np.maximum(1, np.rint(rule.scale * extent).astype(np.int64))
        size = np.minimum(size, limit.min() if rule.square else limit)
        centre = gaussian_filter1d((low + high) / 2, rule.smooth_frames, axis=0, mode="nearest")
        # Pixel i covers i - 0.5 .. i + 0.5, so a box of n pixels that starts at s is centred on s + (n - 1) / 2.
        start = np.rint(centre - (size - 1) / 2).astype(np.int64)
        start = np.clip(start, 0, limit - size)
        return np.concatenate([start, start + size], axis=1)
