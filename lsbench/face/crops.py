"""Faces as networks take them: cut out by their boxes, resized to one square, pasted back; landmarks taken along."""

from __future__ import annotations

import numpy as np
from PIL import Image

from lsbench.errors import FaceError

FACE_SIZE = 96  # px


def crop_faces(frames: np.ndarray, boxes: np.ndarray, size: int = FACE_SIZE) -> np.ndarray:
    """The boxes of frames, each resized to size x size: uint8 (T, H, W, 3), int (T, 4) -> uint8 (T, size, size, 3).

    boxes: x0, y0, x1, y1, x1 and y1 exclusive, inside the frame, such as FaceTrack.box(Region.FACE). Resized by Pillow
    with a triangle filter that widens where it shrinks, so that nothing aliases; width and height on their own, so that
    a face box that is taller than wide is squeezed.
    """
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[3] != 3:
        raise FaceError(f"frames are {frames.dtype} {frames.shape}; expected uint8 (frames, height, width, 3)")
    _demand_boxes(boxes, len(frames))
    height, width = frames.shape[1:3]
    if (boxes[:, :2] < 0).any() or (boxes[:, 2:] > (width, height)).any():
        raise FaceError(f"a face box leaves the frame of {width}x{height} px")
    faces = np.empty((len(frames), size, size, 3), np.uint8)
    for face, frame, (x0, y0, x1, y1) in zip(faces, frames, boxes.tolist(), strict=True):
        picture = Image.fromarray(np.ascontiguousarray(frame[y0:y1, x0:x1]))
        face[...] = np.asarray(picture.resize((size, size), Image.Resampling.BILINEAR))
    return faces


def paste_faces(frames: np.ndarray, boxes: np.ndarray, faces: np.ndarray, feather_px: int = 0) -> np.ndarray:
    """Faces put back where they were cut out: a copy of frames uint8 (T, H, W, 3), faces uint8 (T, h, w, 3) at boxes.

    Each face is resized to its box as crop_faces resizes. feather_px: width of the border, inside the box, over which
    its opacity falls towards 0; 0 pastes a plain box.
    """
    _demand_boxes(boxes, len(frames))
    out = frames.copy()
    for frame, face, (x0, y0, x1, y1) in zip(out, faces, boxes.tolist(), strict=True):
        picture = Image.fromarray(np.ascontiguousarray(face)).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR)
        inside = frame[y0:y1, x0:x1]
        sides = [np.minimum(np.arange(1, n + 1), np.arange(n, 0, -1)) for n in inside.shape[:2]]
        opacity = np.minimum(np.minimum.outer(*sides) / (feather_px + 1), 1)[..., None]
        inside[...] = np.rint(opacity * np.asarray(picture) + (1 - opacity) * inside)
    return out


def to_crops(landmarks: np.ndarray, boxes: np.ndarray, size: int = FACE_SIZE) -> np.ndarray:
    """Landmarks in px of the frame, (T, P, 2), in px of the resized crops: float32 (T, P, 2).

    (0, 0) is the centre of the top left pixel before and after.
    """
    _demand_boxes(boxes, len(landmarks))
    corner, extent = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    points = (landmarks.astype(np.float64) - corner + 0.5) * size / extent - 0.5
    return np.asarray(points, np.float32)


def _demand_boxes(boxes: np.ndarray, frames: int) -> None:
    """Raise FaceError unless boxes are int (frames, 4), none of them empty."""
    if boxes.shape != (frames, 4) or boxes.dtype.kind != "i":
        raise FaceError(f"boxes are {boxes.dtype} {boxes.shape}; expected int ({frames}, 4)")
    if (boxes[:, 2:] <= boxes[:, :2]).any():
        raise FaceError("a face box is empty; expected x0 < x1 and y0 < y1")
