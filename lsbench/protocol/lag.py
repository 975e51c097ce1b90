"""By how many frames a generated video is late, as its pictures say."""

from __future__ import annotations

import numpy as np

from lsbench.errors import AlignmentError
from lsbench.face.eyes import eyes
from lsbench.face.track import FaceTrack
from lsbench.media.film import Film
from lsbench.protocol.changes import LAGS, MAX_LAG, Changes

LIKENESS = 0.5  # of the motion of two heads, at least, where they are lined up
READ_BYTES = 32 << 20  # of frames of one video at once


def estimate_lag(reference: Film, generated: Film) -> int:
    """The lag of a generated video: that with the best match of the frame-to-frame changes of small grey versions.

    The match is the mean squared difference over the frames that overlap, at least half of the shorter clip. Changes
    are compared, so that a video that is brighter throughout or has another mouth keeps its lag.

    Returns:
        Frames by which generated is late against reference, in -MAX_LAG..MAX_LAG, towards 0 on a tie; 0 where a clip
        has fewer than 3 frames.
    """
    errors, _ = changes(reference, generated).finished()
    enough = max(1, (min(len(reference), len(generated)) - 1) // 2)
    best, best_error = 0, np.inf
    for lag in sorted(LAGS, key=abs):
        compared = errors[:, LAGS.index(lag)]
        compared = compared[~np.isnan(compared)]
        if len(compared) >= enough and (error := float(np.mean(compared))) < best_error:
            best, best_error = lag, error
    return best


def lag_of_heads(tracks: tuple[FaceTrack, FaceTrack], clip_id: str) -> int:
    """The lag of a generated video that shows the face alone: that at which the heads move most alike.

    Heads are the middles of the eye corners, over their spread; their velocities are correlated (Pearson, both axes
    together).

    Args:
        tracks: the faces of reference and of generated.
        clip_id: for the error.

    Returns:
        As estimate_lag().

    Raises:
        AlignmentError: where the heads move alike at no lag, as in a crop that follows the face.
    """
    moves = []
    for track in tracks:
        middle, spread = eyes(track, clip_id)
        moves.append(np.diff(middle, axis=0) / np.median(spread))
    enough = max(3, min(map(len, moves)) // 2)
    best, best_likeness = 0, LIKENESS
    for lag in sorted(LAGS, key=abs):
        start, stop = max(0, -lag), min(len(moves[0]), len(moves[1]) - lag)
        if stop - start >= enough:
            one, other = moves[0][start:stop], moves[1][start + lag : stop + lag]
            one, other = one - one.mean(0), other - other.mean(0)
            power = float(np.sqrt(np.sum(one**2) * np.sum(other**2)))
            if power and (likeness := float(np.sum(one * other)) / power) > best_likeness:
                best, best_likeness = lag, likeness
    if best_likeness == LIKENESS:
        raise AlignmentError(
            f"clip {clip_id}: the head does not move alike in both videos at any lag within {MAX_LAG} frames, so its "
            "lag is not known (a crop that follows the face?); --align trim compares the common start"
        )
    return best


def changes(reference: Film, generated: Film) -> Changes:
    """The changes of both, of one size, read from front to back as far as one of them goes."""
    gathered, count = Changes(), max(1, READ_BYTES // reference.frame_bytes)
    end = min(len(reference), len(generated)) + MAX_LAG
    heads = [film.taken(np.arange(min(len(film), end))) for film in (reference, generated)]
    films = [(window.frames for window in film.windows(count)) for film in heads]
    nothing = np.empty((0, *reference.size, 3), np.uint8)
    while True:
        both = [next(film, nothing) for film in films]
        if not any(map(len, both)):
            return gathered
        gathered.add(*both)
