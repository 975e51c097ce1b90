"""A callable for `py:`: smooths faces with OpenCV's bilateral filter.

    lsbench score py:docs.examples.opencv_filter:smooth --reference grid

It makes no lips move: it shows what a callable is given and what it must return.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from lsbench.media.clip import Clip


def smooth(face: Clip, speech: np.ndarray) -> np.ndarray:
    """Frames of a face, uint8 (T, H, W, 3) RGB, smoothed; speech is float32 (N,) mono at face.sample_rate."""
    return np.stack([cv2.bilateralFilter(frame, d=7, sigmaColor=40, sigmaSpace=5) for frame in face.frames])
