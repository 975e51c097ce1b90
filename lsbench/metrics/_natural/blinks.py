"""Blinks: when both eyes close and open again."""

from __future__ import annotations

import numpy as np

from lsbench.face.expression import BLENDSHAPES

LIDS = [BLENDSHAPES.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]
DEPTH = 0.2  # by which eyes close and open again, of blendshapes 0 to 1: on GRID real blinks reach 0.29 to 0.63
SHORTEST_S, LONGEST_S = 0.03, 0.5  # at half their depth; longer ones are closed eyes, or a look downwards
AROUND_S = 0.5  # to both sides, within which eyes are open again


def blinks(blendshapes: np.ndarray, fps: float) -> np.ndarray:
    """In which frames a blink is at its deepest: bool (T,).

    The eye that is less closed counts, so that a wink is none. A blink is a peak of it that stands out by DEPTH from
    what is within AROUND_S before and after, and lasts SHORTEST_S to LONGEST_S at half that height: the eyes' own open
    level does not count, nor does a face whose lids hang.

    Args:
        blendshapes: float (T, 52), NaN where no face was found: there eyes are taken to move evenly.
        fps: frames a second.
    """
    from scipy.signal import find_peaks  # half a second, which other verbs need not wait for

    out = np.zeros(len(blendshapes), bool)
    closed = blendshapes[:, LIDS].min(axis=1).astype(np.float64)
    known = np.flatnonzero(np.isfinite(closed))
    if len(known) < 3:
        return out
    closed = np.interp(np.arange(len(closed)), known, closed[known])
    shortest, longest, around = (seconds * fps for seconds in (SHORTEST_S, LONGEST_S, AROUND_S))
    peaks, _ = find_peaks(
        closed,
        plateau_size=(None, longest),
        prominence=DEPTH,
        wlen=2 * round(around) + 1,
        width=(shortest, longest),
        rel_height=0.5,
    )
    out[peaks] = True
    return out
