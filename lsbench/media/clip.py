"""Clips and what is cut out of their frames: arrays and nothing else.

Images are uint8 RGB, indexed (frame, row, column, channel). Points are (x, y) in pixels: x along columns, y along rows,
(0, 0) at the centre of the top left pixel. Boxes are (x0, y0, x1, y1) with x1 and y1 exclusive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbench.errors import MediaError
from lsbench.speech.transcript import Transcript


@dataclass(frozen=True, eq=False)
class Clip:
    """One talking-face clip.

    Attributes:
        id: of the clip in its corpus, such as `s1/bbaf2n`.
        frames: uint8 (T, H, W, 3) RGB, T >= 1, by presentation time.
        speech: float32 (N,) mono in [-1, 1], starting with frame 0; empty where the source has no sound.
        fps: frames a second.
        sample_rate: Hz.
        said: what the speech says, where that is known.

    Raises:
        MediaError: where an array has another shape or dtype, or fps is not positive.
    """

    id: str
    frames: np.ndarray
    speech: np.ndarray
    fps: float
    sample_rate: int = 16000
    said: Transcript | None = None

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
        said = self.said and self.said.moved(-start / self.fps)
        return Clip(self.id, self.frames[start:stop], self.speech[first:last], self.fps, self.sample_rate, said)


def crop(frames: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Cut one box out of each frame.

    Args:
        frames: (T, H, W, C).
        boxes: int (T, 4) px, of one size, inside the frames.

    Returns:
        A copy, (T, h, w, C).
    """
    x0, y0, x1, y1 = boxes[0]
    out = np.empty((len(frames), y1 - y0, x1 - x0, frames.shape[3]), frames.dtype)
    for target, frame, (left, top, right, bottom) in zip(out, frames, boxes, strict=True):
        target[...] = frame[top:bottom, left:right]
    return out


def gray(frames: np.ndarray) -> np.ndarray:
    """Frames as a grey camera sees them: BT.601 luma, full range, to the nearest level, in all three channels.

    Args:
        frames: uint8 (T, H, W, 3) RGB.

    Returns:
        uint8 (T, H, W, 3).
    """
    red, green, blue = (frames[..., channel].astype(np.uint32) for channel in range(3))
    luma = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
    return np.repeat(luma[..., None], 3, axis=-1)
