"""Which way up a picture is: turns and mirrors, from a display matrix or from EXIF."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from av.sidedata.sidedata import Type

_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


@dataclass(frozen=True)
class Orientation:
    """How a stored picture becomes the one that is shown: first mirrored, then turned.

    Attributes:
        mirrored: left and right exchanged.
        turns: by 90 degrees, counter-clockwise, 0 to 3.
    """

    mirrored: bool = False
    turns: int = 0

    @property
    def sideways(self) -> bool:
        """Whether width and height are exchanged."""
        return self.turns % 2 == 1

    @property
    def changes(self) -> bool:
        """Whether it is another than the stored one."""
        return self.mirrored or self.turns > 0

    def upright(self, picture: np.ndarray) -> np.ndarray:
        """A stored picture, uint8 (H, W, 3), as it is shown."""
        if self.mirrored:
            picture = cv2.flip(picture, 1)
        return cv2.rotate(picture, _TURNS[self.turns]) if self.turns else picture


def orientation(frame: Any) -> tuple[Orientation, str]:
    """That of a decoded frame, and a note where it is another than the stored one.

    A display matrix (a b / c d) sends a stored point (x, y), y downwards, to (a x + c y, b x + d y): see FFmpeg's
    display.h. Players show the whole of it; here it is the nearest turn by 90 degrees, mirrored where the determinant
    is negative.
    """
    matrix = frame.side_data.get(Type.DISPLAYMATRIX) if len(frame.side_data) else None
    if matrix is None:
        return Orientation(), ""
    (a, b), (c, d) = np.frombuffer(matrix, "<i4").reshape(3, 3)[:2, :2] / 65536.0
    mirrored = bool(a * d - b * c < 0)
    if mirrored:
        a, b = -a, -b
    angle = float(np.degrees(np.arctan2(c - b, a + d)))  # counter-clockwise, of the rotation nearest to the matrix
    turns = round(angle / 90) % 4
    off = abs(angle - 90 * round(angle / 90))
    shown = Orientation(mirrored, turns)
    if off > 1:
        return shown, f"turned by {angle:.0f} degrees, read at the nearest turn of 90"
    said = [*["mirrored"] * mirrored, *[f"turned by {90 * turns} degrees"] * (turns > 0)]
    return shown, f"{' and '.join(said)}, as its display matrix asks" if said else ""
