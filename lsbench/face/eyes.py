"""Where the eyes of a face are and how large they look: the part of it that speech does not move."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from lsbench.errors import FaceError
from lsbench.face.track import BOX_RULES, EYE_CORNERS, FaceTrack, Region


def eyes(track: FaceTrack, clip_id: str) -> tuple[np.ndarray, np.ndarray]:
    """The eye corners of a track.

    Args:
        track: NaN where there is no face: what is there is interpolated, ends repeated.
        clip_id: for the error.

    Returns:
        Their middle, smoothed over time as boxes are, float64 (T, 2) px; and their root mean square distance from it,
        float64 (T,) px.

    Raises:
        FaceError: where no frame has a face.
    """
    corners = track.landmarks[:, EYE_CORNERS].astype(np.float64)
    seen = np.flatnonzero(np.isfinite(corners).all((1, 2)))
    if not len(seen):
        raise FaceError(f"clip {clip_id}: no face found in {len(track)} frames; --fit face needs one in both videos")
    every, columns = np.arange(len(corners)), corners[seen].reshape(len(seen), -1).T
    corners = np.stack([np.interp(every, seen, column) for column in columns], axis=1).reshape(corners.shape)
    middle = corners.mean(1)
    spread = np.sqrt(np.mean(np.sum((corners - middle[:, None]) ** 2, axis=2), axis=1))
    return gaussian_filter1d(middle, BOX_RULES[Region.FACE].smooth_frames, axis=0, mode="nearest"), spread
