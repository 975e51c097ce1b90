"""Lining a generated clip up with its reference: strict, trimmed to the shorter, or shifted by an estimated lag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lsbench.errors import AlignmentError
from lsbench.face.track import FaceTrack
from lsbench.media.film import Film
from lsbench.protocol.lag import estimate_lag, lag_of_heads
from lsbench.protocol.rate import NEAR
from lsbench.protocol.toml_file import Align

__all__ = ["LEAST_FRAMES", "Alignment", "align", "demand_length", "estimate_lag"]

LEAST_FRAMES = 5  # that must be compared of a clip, however long its reference is


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

    @property
    def of_reference(self) -> tuple[int, int]:
        """First frame of the reference, and the one after its last."""
        return self.start, self.stop

    @property
    def of_generated(self) -> tuple[int, int]:
        """The same of the generated video."""
        return self.start + self.lag_frames, self.stop + self.lag_frames


def align(
    reference: Film,
    generated: Film,
    policy: Align,
    fps: float | None = None,
    frames: int | None = None,
    tracks: tuple[FaceTrack, FaceTrack] | None = None,
) -> Alignment:
    """Find the frames to compare. Frame rate and size must agree by now, see lsbench.protocol.rate and .fit.

    Args:
        reference: the real clip.
        generated: the video made of it.
        policy: strict: both have the same number of frames. trim: the first min(T) frames of both. lag: generated is
            late or early by up to MAX_LAG frames, estimated from the pictures; the frames that both have are compared.
        fps: frames a second that the protocol demands of the reference; None where any is allowed.
        frames: number of frames that it demands.
        tracks: the faces of both, where the videos are lined up by the heads and may be of any size.

    Raises:
        AlignmentError: saying what differs; also where fewer than LEAST_FRAMES can be compared.
    """
    where = f"clip {reference.id}"
    if fps is not None and not np.isclose(reference.fps, fps, rtol=NEAR):
        raise AlignmentError(
            f"{where}: the reference has {reference.fps:g} frames a second, the protocol demands {fps:g}"
        )
    if frames is not None and len(reference) != frames:
        raise AlignmentError(
            f"{where}: the reference has {len(reference)} frames, the protocol demands {frames}; is the file damaged?"
        )
    if not np.isclose(reference.fps, generated.fps, rtol=NEAR):
        raise AlignmentError(
            f"{where}: generated {generated.fps:g} frames a second, reference {reference.fps:g}; they cannot be aligned"
        )
    if reference.size != generated.size and tracks is None:
        sizes = ["{1}x{0}".format(*film.size) for film in (generated, reference)]
        raise AlignmentError(f"{where}: generated {sizes[0]} px, reference {sizes[1]} px; they cannot be aligned")
    lengths = f"{where}: generated {len(generated)} frames, reference has {len(reference)}"
    if policy == "strict" and len(generated) != len(reference):
        shorter = min(len(generated), len(reference))
        more = f", and it is too short to be compared otherwise (at least {LEAST_FRAMES} frames)"
        if shorter >= LEAST_FRAMES:
            more = (
                f", or pass --align trim, which compares the first {shorter}, or --align lag, which estimates how many "
                "frames they are apart"
            )
        raise AlignmentError(f"{lengths}; strict alignment allows no drift. Re-render{more}")
    lag = 0
    if policy == "lag":
        lag = lag_of_heads(tracks, reference.id) if tracks else estimate_lag(reference, generated)
    start, stop = max(0, -lag), min(len(reference), len(generated) - lag)
    if stop - start < min(LEAST_FRAMES, len(reference)):
        raise AlignmentError(
            f"{lengths}, of which only {stop - start} can be compared; expected at least {LEAST_FRAMES}. Re-render"
        )
    return Alignment(start, stop, lag)


def demand_length(generated: Film, driving: Film, policy: Align) -> None:
    """Check that a dubbed video is as long as the clip that drove it.

    Args:
        generated: the dubbed video.
        driving: the clip whose sound it speaks.
        policy: strict: to the frame; otherwise at least LEAST_FRAMES long.

    Raises:
        AlignmentError: where the length or the frame rate differs.
    """
    where = f"clip {generated.id}"
    if not np.isclose(generated.fps, driving.fps, rtol=NEAR):
        raise AlignmentError(
            f"{where}: generated {generated.fps:g} frames a second, the driving clip {driving.id} {driving.fps:g}. "
            "Re-render at its frame rate"
        )
    if policy == "strict" and len(generated) != len(driving):
        raise AlignmentError(
            f"{where}: generated {len(generated)} frames, the driving clip {driving.id} has {len(driving)}; strict "
            "alignment allows no drift. Re-render, or pass --align trim"
        )
    if len(generated) < min(LEAST_FRAMES, len(driving)):
        raise AlignmentError(
            f"{where}: generated {len(generated)} frames, the driving clip {driving.id} has {len(driving)}; expected "
            f"at least {LEAST_FRAMES}. Re-render"
        )
