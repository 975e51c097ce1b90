"""A clip after a codec: encoded and decoded in memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from lsbench.media.files import read_clip, write_clip

CODEC_QUALITY = 18  # constant rate factor of H.264 at which clips are passed on


def recoded(frames: np.ndarray, fps: float, quality: int = CODEC_QUALITY) -> np.ndarray:
    """Frames, uint8 (T, H, W, 3), after H.264 as videos are passed on: 4:2:0, at a constant rate factor."""
    with tempfile.TemporaryDirectory(prefix="lsbench-") as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(path, frames, np.empty(0, np.float32), fps, crf=quality)
        return read_clip(path, path.stem, sound="optional").frames
