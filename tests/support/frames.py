"""Pictures that tests make."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.film import Film


def noisy(frames: np.ndarray, levels: float, seed: int = 0) -> np.ndarray:
    """Frames with Gaussian noise of a standard deviation in 8-bit levels."""
    noise = np.random.default_rng(seed).normal(0, levels, frames.shape)
    return np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8)


def spoilt(fault: Callable[[Film, FaceTrack], Film], clip: Clip, track: FaceTrack) -> np.ndarray:
    """The frames of a clip under a stand-in's fault."""
    return fault(Film.of(clip), track).clip().frames
