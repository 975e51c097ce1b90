"""Clips, face tracks and crops: arrays and nothing else.

Images are uint8 RGB, indexed (frame, row, column, channel). Points are (x, y) in pixels: x along columns, y along rows,
(0, 0) at the centre of the top left pixel. Boxes are (x0, y0, x1, y1) with x1 and y1 exclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lsbench.errors import FaceError, MediaError

T = TypeVar("T")

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
    """How a region's box follows from landmarks: outline to frame, its scale, and how its centre is smoothed.

    The box has one size per clip: `scale` times the clip's median extent of the outline. For a square box the extent is
    the distance between the mouth corners. Its centre is the middle of the outline, smoothed over time by a Gaussian of
    `smooth_frames` standard deviation (ends repeated), and the box is pushed inside the frame.
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
class Clip:
    """One talking-face clip.

    frames: uint8 (T, H, W, 3) RGB, T >= 1, by presentation time. speech: float32 (N,) mono in [-1, 1], starting with
    frame 0; empty where the source has no sound. fps: frames a second. sample_rate: Hz.
    """

    id: str
    frames: np.ndarray
    speech: np.ndarray
    fps: float
    sample_rate: int = 16000

    def __post_init__(self) -> None:
        frames, speech = self.frames, self.speech
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape:
            raise MediaError(
                f"clip {self.id}: frames are {frames.dtype} {frames.shape}; expected uint8 (frames, height, width, 3)"
            )
        if speech.dtype != np.float32 or speech.ndim != 1:
            raise MediaError(f"clip {self.id}: speech is {speech.dtype} {speech.shape}; expected float32 (samples,)")
        if not self.fps > 0:
            raise MediaError(f"clip {self.id}: {self.fps} frames a second; expected a positive rate")

    def __len__(self) -> int:
        return len(self.frames)

    def cut(self, start: int, stop: int) -> Clip:
        """Frames start..stop-1 (views) with the speech that goes with them."""
        first, last = (round(i * self.sample_rate / self.fps) for i in (start, stop))
        return Clip(self.id, self.frames[start:stop], self.speech[first:last], self.fps, self.sample_rate)


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """Landmarks of one clip.

    landmarks: float32 (T, 80, 2) px in the layout at the top of this file. found: bool (T,), False where the points of
    a frame were interpolated (or are NaN, where there was nothing to interpolate from). height, width: frame size, px.
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
        return np.linalg.norm(right - left, axis=1)

    def box(self, region: Region) -> np.ndarray:
        """Boxes of a region: int64 (T, 4) as x0, y0, x1, y1; one size per clip, inside the frame (see BoxRule)."""
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


def crop(frames: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Cut one box out of each frame: frames (T, H, W, C), boxes int (T, 4) of one size -> a copy (T, h, w, C)."""
    x0, y0, x1, y1 = boxes[0]
    out = np.empty((len(frames), y1 - y0, x1 - x0, frames.shape[3]), frames.dtype)
    for target, frame, (left, top, right, bottom) in zip(out, frames, boxes, strict=True):
        target[...] = frame[top:bottom, left:right]
    return out


def gray(frames: np.ndarray) -> np.ndarray:
    """BT.601 luma (full range, to the nearest level) in all three channels: uint8 (T, H, W, 3) -> the same shape."""
    red, green, blue = (frames[..., channel].astype(np.uint32) for channel in range(3))
    luma = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=-1)


@dataclass(frozen=True, eq=False)
class ClipPair:
    """A generated clip beside its reference, frame by frame.

    reference, generated: aligned, the same shape and frame rate. track: the face of the whole reference clip, the only
    source of boxes, so that every generator is cropped alike; None where only whole frames are compared. first_frame:
    the frame of the track that frame 0 of the pair belongs to. landmarks: the faces of reference and of generated as
    one tracker measured them, frame by frame with the pair; None where no metric asked. device: where networks run;
    weights: their files by name. reference_sha256: of the file that the reference was decoded from, for caches.
    models: what metrics learned from the clips of other speakers, by the learner's signature. reference_work: what was
    computed of the reference alone: dataclasses.replace() hands it to the next pair of the same reference.

    Where there is no ground truth, reference is the clip that lent the face and may have another length; only metrics
    that are not `paired` see such a pair.
    """

    reference: Clip
    generated: Clip
    track: FaceTrack | None = None
    first_frame: int = 0
    landmarks: tuple[FaceTrack, FaceTrack] | None = None
    device: str = "cpu"
    weights: Mapping[str, Path] = field(default_factory=dict)
    reference_sha256: str | None = None
    models: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    reference_work: dict[Hashable, Any] = field(default_factory=dict, repr=False)
    _shared: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.generated)

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """compute() the first time a key is asked for, its value afterwards: work that several metrics share."""
        return _once(self._shared, key, compute)

    def once_of_reference(self, key: Hashable, compute: Callable[[], T]) -> T:
        """As once(), for what depends on the reference, its boxes and the metric's options alone."""
        return _once(self.reference_work, key, compute)

    def boxes(self, region: Region) -> np.ndarray:
        """The region's boxes in the pair's frames: int64 (T, 4)."""
        if self.track is None:
            raise FaceError(f"clip {self.reference.id}: region {region.value} needs a face track")
        return self.track.box(region)[self.first_frame : self.first_frame + len(self)]

    def crop(self, region: Region) -> tuple[np.ndarray, np.ndarray]:
        """The region of reference and generated: two uint8 arrays (T, h, w, 3)."""
        if region is Region.WHOLE:
            return self.reference.frames, self.generated.frames
        return self.once(("crop", region), lambda: self._cut(region))

    def _cut(self, region: Region) -> tuple[np.ndarray, np.ndarray]:
        boxes = self.boxes(region)
        reference = self.once_of_reference(("crop", region), lambda: crop(self.reference.frames, boxes))
        return reference, crop(self.generated.frames, boxes)


def _once(done: dict[Hashable, Any], key: Hashable, compute: Callable[[], T]) -> T:
    if key not in done:
        done[key] = compute()
    return done[key]
