"""Which mel steps a frame hears: 27 steps of 12.5 ms (337.5 ms), centred on the instant at which the frame is shown."""

from __future__ import annotations

import numpy as np

MEL_STEPS = 27
STEPS_A_SECOND = 80


def window_starts(frames: np.ndarray, fps: float = 25.0) -> np.ndarray:
    """First mel step of each frame's window, int64, shaped as `frames`: int(3.2 (frame - 4)) at 25 frames a second.

    Negative near the start of a clip. Mel step k is centred on k * 12.5 ms, so step 13 of the window is less than one
    step away from the frame's instant, frame / fps.
    """
    ahead = 4 / 25  # seconds
    return np.trunc((np.asarray(frames, np.float64) - ahead * fps) * STEPS_A_SECOND / fps).astype(np.int64)


def window_rows(frames: np.ndarray, steps: np.ndarray | int, fps: float = 25.0) -> np.ndarray:
    """The mel steps of each frame's window, int64 (N, 27); beyond a clip's ends its first or last step is repeated.

    frames: numbers within their clips, (N,). steps: of the whole clips, (N,) or one for all.
    """
    rows = window_starts(frames, fps)[:, None] + np.arange(MEL_STEPS)
    return np.clip(rows, 0, np.reshape(steps, (-1, 1)) - 1)
