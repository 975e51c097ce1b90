"""Changes of frames before they are seen (film.Look): a cut, another size, a box that moves."""

from __future__ import annotations

import numpy as np
from PIL import Image

from lsbench.media.clip import crop
from lsbench.media.film import Look

METHOD = "bicubic, antialiased"  # Pillow's: where frames get smaller the filter gets wider


def cut(top: int, left: int, height: int, width: int) -> Look:
    """One rectangle of every frame, px."""
    return Look(lambda frames, _: frames[:, top : top + height, left : left + width], height, width)


def resized(height: int, width: int) -> Look:
    """Every frame at another size, px, by METHOD."""
    return Look(lambda frames, _: np.stack([_zoomed(frame, None, height, width) for frame in frames]), height, width)


def cropped(boxes: np.ndarray) -> Look:
    """A box of one size that moves: int (T, 4) as x0, y0, x1, y1 in px, inside the frames of a film of T frames."""
    x0, y0, x1, y1 = boxes[0].tolist()
    return Look(lambda frames, places: crop(frames, boxes[places]), y1 - y0, x1 - x0)


def zoomed(boxes: np.ndarray, height: int, width: int) -> Look:
    """A box that moves, brought to one size by METHOD.

    Args:
        boxes: float64 (T, 4) as x0, y0, x1, y1 in px, inside the frames of a film of T frames; pixel i covers i..i + 1.
        height, width: of what it gives, px.
    """

    def change(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
        own = boxes[places].tolist()
        return np.stack([_zoomed(frame, box, height, width) for frame, box in zip(frames, own, strict=True)])

    return Look(change, height, width)


def _zoomed(frame: np.ndarray, box: list[float] | None, height: int, width: int) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(frame))
    given = None if box is None else (box[0], box[1], box[2], box[3])
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC, box=given))
