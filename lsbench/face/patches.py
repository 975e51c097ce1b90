"""Patches put into frames: cut, softened at the edge, and pasted back. Frames are uint8 (T, H, W, 3)."""

from __future__ import annotations

import numpy as np

from lsbench.face.track import FaceTrack, Region
from lsbench.media.clip import crop


def patches(frames: np.ndarray, track: FaceTrack, region: Region) -> tuple[np.ndarray, np.ndarray]:
    """A region's boxes, int (T, 4), and what they hold, float32 (T, h, w, 3) levels."""
    boxes = track.box(region)
    return boxes, crop(frames, boxes).astype(np.float32)


def paste(frames: np.ndarray, boxes: np.ndarray, made: np.ndarray) -> np.ndarray:
    """A copy of the frames with float patches (T, h, w, 3) put at the boxes."""
    out = frames.copy()
    for frame, (left, top, right, bottom), patch in zip(out, boxes, levels(made), strict=True):
        frame[top:bottom, left:right] = patch
    return out


def levels(values: np.ndarray) -> np.ndarray:
    """Rounded to 8-bit levels, ends clipped."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


def ramp(size: tuple[int, int], width_px: float) -> np.ndarray:
    """Opacity (h, w) that rises from 0 at the border to 1 over `width_px` px (at least one)."""
    sides = [np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) / max(width_px, 1) for n in size]
    return np.asarray(np.clip(np.minimum.outer(*sides), 0, 1))


def feather(size: tuple[int, int]) -> np.ndarray:
    """Opacity (h, w) that rises from 0 at the border to 1 over a tenth of the shorter side."""
    return ramp(size, 0.1 * min(size))
