"""Lining a generated clip up with its reference: strict, trimmed to the shorter, or shifted by an estimated lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbench.errors import AlignmentError
from lsbench.media.film import Film
from lsbench.protocol.protocol import Align

MAX_LAG = 12
_READ_BYTES = 64 << 20  # of frames at once
_GRID = 32  # rows and columns of the small grey pictures on which the lag is estimated


@dataclass(frozen=True)
class Alignment:
    """Which frames are compared: generated[t + lag_frames] with reference[t], for start <= t < stop.

    Attributes:
        start: first frame of the reference.
        stop: frame of the reference after the last.
        lag_frames: by how many frames the generated video is late (positive) or early.
    """

    start: int
    stop: int
    lag_frames: int


def align(
    reference: Film, generated: Film, policy: Align, fps: float | None = None, frames: int | None = None
) -> Alignment:
    """Find the frames to compare. Frame rate and size must agree under every policy.

    Args:
        reference: the real clip.
        generated: the video made of it.
        policy: strict: both have the same number of frames. trim: the first min(T) frames of both. lag: generated is
            late or early by up to MAX_LAG frames, estimated from the pictures; the frames that both have are compared.
        fps: frames a second that the protocol demands of the reference; None where any is allowed.
        frames: number of frames that it demands.

    Raises:
        AlignmentError: saying what differs; also where less than half of the reference can be compared.
    """
    where = f"clip {reference.id}"
    if fps is not None and not np.isclose(reference.fps, fps, rtol=1e-3):
        raise AlignmentError(
            f"{where}: the reference has {reference.fps:g} frames a second, the protocol demands {fps:g}"
        )
    if frames is not None and len(reference) != frames:
        raise AlignmentError(
            f"{where}: the reference has {len(reference)} frames, the protocol demands {frames}; is the file damaged?"
        )
    if not np.isclose(reference.fps, generated.fps, rtol=1e-3):
        raise AlignmentError(
            f"{where}: generated {generated.fps:g} frames a second, reference {reference.fps:g}. "
            "Re-render at the reference's frame rate"
        )
    if reference.size != generated.size:
        sizes = ["{1}x{0}".format(*film.size) for film in (generated, reference)]
        raise AlignmentError(
            f"{where}: generated {sizes[0]} px, reference {sizes[1]} px. Re-render at the reference's size"
        )
    if policy == "strict" and len(generated) != len(reference):
        raise AlignmentError(
            f"{where}: generated {len(generated)} frames, reference has {len(reference)}; strict alignment allows "
            "no drift. Re-render, or pass --align trim (common start) or --align lag (estimated shift)"
        )
    lag = estimate_lag(reference, generated) if policy == "lag" else 0
    start, stop = max(0, -lag), min(len(reference), len(generated) - lag)
    if 2 * (stop - start) < len(reference):
        raise AlignmentError(
            f"{where}: generated {len(generated)} frames, reference has {len(reference)}, of which only {stop - start} "
            "can be compared; expected at least half. Re-render"
        )
    return Alignment(start, stop, lag)


def demand_length(generated: Film, driving: Film, policy: Align) -> None:
    """Check that a dubbed video is as long as the clip that drove it.

    Args:
        generated: the dubbed video.
        driving: the clip whose sound it speaks.
        policy: strict: to the frame; otherwise at least half as long.

    Raises:
        AlignmentError: where the length or the frame rate differs.
    """
    where = f"clip {generated.id}"
    if not np.isclose(generated.fps, driving.fps, rtol=1e-3):
        raise AlignmentError(
            f"{where}: generated {generated.fps:g} frames a second, the driving clip {driving.id} {driving.fps:g}. "
            "Re-render at its frame rate"
        )
    if policy == "strict" and len(generated) != len(driving):
        raise AlignmentError(
            f"{where}: generated {len(generated)} frames, the driving clip {driving.id} has {len(driving)}; strict "
            "alignment allows no drift. Re-render, or pass --align trim"
        )
    if 2 * min(len(generated), len(driving)) < len(driving):
        raise AlignmentError(
            f"{where}: generated {len(generated)} frames, the driving clip {driving.id} has {len(driving)}; expected "
            "at least half. Re-render"
        )


def estimate_lag(reference: Film, generated: Film) -> int:
    """The lag of a generated video: that with the best match of the frame-to-frame changes of small grey versions.

    The match is the mean squared difference over the frames that overlap, at least half of the shorter clip. Changes
    are compared, so that a video that is brighter throughout or has another mouth keeps its lag.

    Returns:
        Frames by which generated is late against reference, in -MAX_LAG..MAX_LAG, towards 0 on a tie; 0 where a clip
        has fewer than 3 frames.
    """
    small = [np.diff(_small(film), axis=0) for film in (reference, generated)]
    enough = max(1, min(len(clip) for clip in small) // 2)
    best, best_error = 0, np.inf
    for lag in sorted(range(-MAX_LAG, MAX_LAG + 1), key=abs):
        start, stop = max(0, -lag), min(len(small[0]), len(small[1]) - lag)
        if stop - start >= enough and stop > start:
            error = float(np.mean((small[0][start:stop] - small[1][start + lag : stop + lag]) ** 2))
            if error < best_error:
                best, best_error = lag, error
    return best


def _small(film: Film) -> np.ndarray:
    """Every frame of a film as block_means() on the grid: float64 (T, rows, columns)."""
    frames = max(1, _READ_BYTES // film.frame_bytes)
    return np.concatenate([block_means(window.frames, _GRID) for window in film.windows(frames)])


def block_means(frames: np.ndarray, cells: int) -> np.ndarray:
    """Means of the green channel over blocks of nearly equal size.

    Args:
        frames: uint8 (T, H, W, 3).
        cells: blocks along each side; fewer where a side has fewer pixels.

    Returns:
        float64 (T, cells, cells), 8-bit levels.
    """
    rows, columns = (
        np.linspace(0, size, min(cells, size), endpoint=False).astype(np.int64) for size in frames.shape[1:3]
    )
    sums = np.add.reduceat(np.add.reduceat(frames[..., 1].astype(np.float64), rows, axis=1), columns, axis=2)
    counts = np.outer(np.diff(rows, append=frames.shape[1]), np.diff(columns, append=frames.shape[2]))
    means: np.ndarray = sums / counts
    return means
