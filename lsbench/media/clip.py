"""Clips, face tracks and crops: arrays and nothing else.

Images are uint8 RGB, indexed (frame, row, column, channel). Points are (x, y) in pixels: x along columns, y along rows,
(0, 0) at the centre of the top left pixel. Boxes are (x0, y0, x1, y1) with x1 and y1 exclusive.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lsbench.errors import FaceError, MediaError
from lsbench.face.track import FaceTrack, Region

T = TypeVar("T")


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
