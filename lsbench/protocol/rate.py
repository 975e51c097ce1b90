"""A generated video at another frame rate than its reference: refused, or its pictures at the reference's times."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lsbench.errors import AlignmentError
from lsbench.media.film import Film
from lsbench.protocol.toml_file import Rate

NEAR = 1e-3  # relative difference of two rates that are paired frame by frame, such as 29.97 and 30


@dataclass(frozen=True, eq=False)
class Timed:
    """A generated video at the frame rate of its reference.

    Attributes:
        generated: as it is compared.
        frames: int64 (T,), the frame of the video as it was that each frame shows.
        notes: what was done, or how far pictures drift apart, each for a reader.
    """

    generated: Film
    frames: np.ndarray
    notes: tuple[str, ...] = ()


def timed(reference: Film, generated: Film, how: Rate) -> Timed:
    """Bring a generated video to the frame rate of its reference.

    Args:
        reference: the real video.
        generated: the video made of it.
        how: strict: frames are paired one by one, and rates must agree within NEAR. resample: frame k shows the picture
            that a viewer sees in the middle of the reference's frame k, (k + 1/2) / fps after the start; sound stays.

    Raises:
        AlignmentError: where the rates differ and that is not asked for.
    """
    every = np.arange(len(generated))
    ratio = generated.fps / reference.fps
    if abs(ratio - 1) < 1e-5:
        return Timed(generated, every)
    if how == "strict":
        if abs(ratio - 1) > NEAR * (1 + 1e-6):
            raise AlignmentError(
                f"clip {reference.id}: generated {generated.fps:g} frames a second, reference {reference.fps:g}; "
                "--rate resample takes its pictures at the reference's times. Or re-render at its frame rate"
            )
        count = min(len(reference), len(generated))
        apart = abs(count * (1 - 1 / ratio))
        note = (
            f"generated {generated.fps:.6g} frames a second beside the reference's {reference.fps:.6g}, paired one by "
            f"one: {apart:.2g} frames apart at the end of {count}; --rate resample pairs by time"
        )
        return Timed(generated, every, (note,))
    count = max(1, round(len(generated) / ratio))
    frames = np.minimum(np.floor((np.arange(count) + 0.5) * ratio + 1e-6).astype(np.int64), len(generated) - 1)
    shown = np.unique(frames)
    return Timed(
        replace(generated.taken(frames), fps=reference.fps),
        frames,
        (
            f"generated {generated.fps:.6g} frames a second taken at the reference's times, {reference.fps:.6g} a "
            f"second: {len(generated) - len(shown)} of {len(generated)} frames left out, "
            f"{count - len(shown)} shown twice",
        ),
    )
