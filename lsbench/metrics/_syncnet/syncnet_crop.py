"""The face as SyncNet takes it: its square, cut out in memory, 25 times a second."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.ndimage import median_filter

from lsbench.errors import MetricError
from lsbench.face.track import FACE_OVAL, FaceTrack

FPS = 25.0
SIZE = 224  # px, both sides
SMOOTH_FRAMES = 13
ABOVE, BESIDE, BELOW = 1.0, 1.4, 1.8  # from the centre of the face box, in halves of its longer side
FILL = 110  # grey level outside the frame


def face_squares(track: FaceTrack) -> np.ndarray:
    """Where the face is, float64 (T, 3) px: centre x, centre y and half the longer side of the face oval's bounds.

    Each is median filtered over 13 frames, zeros beyond the ends, as scipy.signal.medfilt does and the SyncNet authors'
    pipeline with it. NaN landmarks are not allowed.
    """
    outline = track.landmarks[:, FACE_OVAL].astype(np.float64)
    if not np.isfinite(outline).all():
        raise MetricError("SyncNet crop: landmarks hold NaN; fill the gaps of the track first")
    low, high = outline.min(axis=1), outline.max(axis=1)
    squares = np.column_stack([(low + high) / 2, (high - low).max(axis=1) / 2])
    smooth: np.ndarray = median_filter(squares, size=(SMOOTH_FRAMES, 1), mode="constant")
    return smooth


def crop_squares(frames: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Faces uint8 (T, 224, 224, 3) RGB of frames uint8 (T, H, W, 3) RGB, squares as from face_squares.

    Columns floor(x - 1.4 s) to floor(x + 1.4 s), rows floor(y - s) to floor(y + 1.8 s), last ones exclusive; grey 110
    outside the frame; resized by OpenCV, bilinear.
    """
    import cv2

    x, y, half = squares.T
    edges = [x - BESIDE * half, y - ABOVE * half, x + BESIDE * half, y + BELOW * half]
    boxes = np.floor(np.column_stack(edges)).astype(np.int64)
    height, width = frames.shape[1:3]
    faces = np.empty((len(frames), SIZE, SIZE, 3), np.uint8)
    for face, frame, (x0, y0, x1, y1) in zip(faces, frames, boxes.tolist(), strict=True):
        square = np.full((max(1, y1 - y0), max(1, x1 - x0), 3), FILL, np.uint8)
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if left < right and top < bottom:
            square[top - y0 : bottom - y0, left - x0 : right - x0] = frame[top:bottom, left:right]
        cv2.resize(square, (SIZE, SIZE), dst=face)
    return faces


def at_25_fps(count: int, fps: float) -> np.ndarray:
    """Which of `count` frames are the nearest to 0, 40, 80 ... ms: int64 (T,), some repeated or left out.

    Every frame once where fps is 25 within 0.1 %.
    """
    if is_25_fps(fps):
        return np.arange(count)
    times = np.arange(max(1, int(count * FPS / fps + 1e-6)))
    frames: np.ndarray = np.minimum(np.floor(times * fps / FPS + 0.5).astype(np.int64), count - 1)
    return frames


def is_25_fps(fps: Any) -> Any:
    """Whether a frame rate, or each of an array, is taken for 25 frames a second."""
    return np.abs(fps - FPS) <= 1e-3 * FPS
