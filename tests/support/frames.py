"""Pictures that tests make."""

from __future__ import annotations

import numpy as np


def noisy(frames: np.ndarray, levels: float, seed: int = 0) -> np.ndarray:
    """Frames with Gaussian noise of a standard deviation in 8-bit levels."""
    noise = np.random.default_rng(seed).normal(0, levels, frames.shape)
    return np.clip(np.rint(frames + noise), 0, 255).astype(np.uint8)
