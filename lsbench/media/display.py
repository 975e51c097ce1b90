"""What a player shows of a decoded frame: its colours, upright, with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2
import numpy as np

from lsbench.errors import MediaError
from lsbench.media import limits
from lsbench.media.colours import Converter
from lsbench.media.orientation import orientation

_WIDEST = 4  # pixels that are said to be more than so many times as wide as high, or high as wide, are taken for square


def check_size(height: int, width: int, where: str) -> None:
    """MediaError where a picture would be larger than 8K, before memory is taken for it."""
    if height * width > limits.MOST_PIXELS:
        raise MediaError(f"{where}: pictures of {width}x{height} px; {limits.AT_MOST_8K}")


class Display:
    """The screen on which a video's frames are shown.

    Pixels that are not square are made so, by enlarging the shorter of their sides to the longer (bicubic); then the
    picture is mirrored and turned.

    Args:
        aspect: width over height of a stored pixel; None where the file does not say.
        frame: the first of the frames, a PyAV VideoFrame.
        where: the start of every error message.

    Attributes:
        stored: height and width in the file, px.
        height, width: as it is seen, px.
    """

    def __init__(self, aspect: Fraction | None, frame: Any, where: str) -> None:
        self.stored = frame.height, frame.width
        self._converters: dict[tuple[object, ...], Converter] = {}
        self._orientation, turn_note = orientation(frame)
        self._square, aspect_note = _square(self.stored, aspect)
        check_size(*self._square, where)
        self._notes = [note for note in (turn_note, aspect_note) if note]
        sideways = self._orientation.sideways
        self.height, self.width = self._square[::-1] if sideways else self._square

    @property
    def notes(self) -> tuple[str, ...]:
        """What was done to the frames so far that a viewer would not expect."""
        converted = [note for converter in self._converters.values() for note in converter.notes]
        return tuple(dict.fromkeys((*self._notes, *converted)))

    def fits(self, frame: Any) -> bool:
        """Whether a frame has the size of the first."""
        return bool((frame.height, frame.width) == self.stored)

    def show(self, frame: Any, out: np.ndarray | None = None) -> np.ndarray:
        """A frame as it is seen, uint8 (height, width, 3); into out where that is given, which is contiguous."""
        key = frame.format.name, frame.color_range, frame.colorspace
        converter = self._converters.get(key)
        if converter is None:
            converter = self._converters[key] = Converter(frame)
        if out is None:
            out = np.empty((self.height, self.width, 3), np.uint8)
        if self._plain:
            converter.convert(frame, out)
            return out
        stored = np.empty((*self.stored, 3), np.uint8)
        converter.convert(frame, stored)
        if self._square != self.stored:
            stored = cv2.resize(stored, self._square[::-1], interpolation=cv2.INTER_CUBIC)
        out[:] = self._orientation.upright(stored)
        return out

    @property
    def _plain(self) -> bool:
        return self._square == self.stored and not self._orientation.changes


def _square(stored: tuple[int, int], aspect: Fraction | None) -> tuple[tuple[int, int], str]:
    """Height and width with square pixels, px, and a note where they are others."""
    height, width = stored
    if not aspect or aspect <= 0 or aspect == 1:
        return stored, ""
    if not 1 / _WIDEST <= aspect <= _WIDEST:
        return stored, f"its pixels are said to be {aspect.numerator}:{aspect.denominator}; read as square"
    square = (height, round(width * aspect)) if aspect > 1 else (round(height / aspect), width)
    if square == stored:
        return stored, ""
    shown = f"{square[1]}x{square[0]}"
    return square, f"pixels of {aspect.numerator}:{aspect.denominator} made square: {width}x{height} is read as {shown}"
