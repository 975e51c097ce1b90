"""The outlines of a toy face: what is painted and where its landmarks lie are read off the same curves.

Face units: the origin is midway between the outer eye corners, 1 is the distance between them, x to the right of the
image and y down. The proportions are those of an average adult face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np

Colour = tuple[int, int, int]
Number = TypeVar("Number", float, np.ndarray)


@dataclass(frozen=True)
class Look:
    """What a speaker looks like: colours as 8-bit RGB, sizes relative to the average face."""

    skin: Colour
    hair: Colour
    lips: Colour
    iris: Colour
    cloth: Colour
    wall: Colour
    style: str  # hair: "short", "parted", "long" or "curly"
    width: float = 1.0  # of the face
    chin: float = 1.0  # length of the lower face
    jaw: float = 0.0  # -1 pointed .. 1 square
    mouth: float = 1.0  # width of the mouth
    fullness: float = 1.0  # of the lips
    brow: float = 1.0  # thickness of the brows
    stubble: float = 0.0  # 0 none .. 1 dark


class Arc(NamedTuple):
    """The curve y = base + tilt * s + height * (1 - s^2)^power - dip * exp(-(s / 0.15)^2), s = (x - centre) / half."""

    centre: float
    half: float
    base: float
    height: float
    power: float
    dip: float = 0.0
    tilt: float = 0.0

    def at(self, s: np.ndarray) -> np.ndarray:
        """y at positions s in [-1, 1]."""
        y: np.ndarray = self.base + self.tilt * s + self.height * np.maximum(1 - s * s, 0) ** self.power
        return y - self.dip * np.exp(-((s / 0.15) ** 2)) if self.dip else y

    def points(self, s: np.ndarray) -> np.ndarray:
        """The points at positions s: (n, 2)."""
        return np.stack([self.centre + self.half * s, self.at(s)], axis=1)

    def above(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Signed distance of points to the arc, positive above it (smaller y); first order in the slope."""
        s = np.clip((x - self.centre) / self.half, -1, 1)
        inside = np.maximum(1 - s * s, 0.05)
        slope = (self.tilt - 2 * s * self.power * self.height * inside ** (self.power - 1)) / self.half
        return np.asarray((self.at(s) - y) / np.sqrt(1 + slope * slope))


class Lens(NamedTuple):
    """The area between two arcs over the same span: an eye, the lips, the opening between them."""

    upper: Arc
    lower: Arc

    def outside(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Signed distance to the outline, negative inside."""
        end = np.abs(x - self.upper.centre) - self.upper.half
        return np.asarray(np.maximum(np.maximum(self.upper.above(x, y), -self.lower.above(x, y)), end))

    def outline(self, s: np.ndarray) -> np.ndarray:
        """Points from the left corner along the lower arc to the right corner and back: s rises from 0 to 1."""
        along = np.concatenate([-s[::-1], s[1:]])
        return np.concatenate([self.lower.points(along), self.upper.points(along[-2:0:-1])])


# Half of the average face outline, from the top of the forehead to the chin; the other half mirrors it.
_OVAL = np.array(
    [
        (0.0, -0.59),
        (0.204, -0.58),
        (0.385, -0.55),
        (0.545, -0.49),
        (0.655, -0.395),
        (0.727, -0.265),
        (0.765, -0.12),
        (0.780, 0.06),
        (0.774, 0.23),
        (0.757, 0.405),
        (0.724, 0.59),
        (0.672, 0.785),
        (0.600, 0.94),
        (0.521, 1.05),
        (0.424, 1.15),
        (0.338, 1.215),
        (0.246, 1.27),
        (0.138, 1.31),
        (0.0, 1.324),
    ]
)
_LIP_STEPS = np.array([0, 0.29, 0.56, 0.76, 0.90, 1.0])  # landmarks along a lip, from its middle to its corner
_STRETCH_Y = 0.3  # Look.chin stretches the face below this
_MOUTH_Y = 0.8235  # of the corners of a closed mouth
CHIN_Y = 1.324  # of the chin, jaw closed


def stretch(y: Number, look: Look) -> Number:
    """Where a y of the average lower face lies on this one."""
    return _STRETCH_Y + (y - _STRETCH_Y) * look.chin


def oval(look: Look) -> np.ndarray:
    """The face outline, jaw closed: (36, 2), from the top of the forehead down the right of the image and back up."""
    x, y = _OVAL.T.copy()
    x = x * look.width * (1 + 0.09 * look.jaw * np.exp(-(((y - 1.1) / 0.3) ** 2)))
    y = np.where(y > _STRETCH_Y, stretch(y, look), y)
    right = np.stack([x, y], axis=1)
    return np.concatenate([right, (right * [-1, 1])[-2:0:-1]])


def jaw_drop(y: np.ndarray, opening: float) -> np.ndarray:
    """How far the jaw moves a point down, by its y on the closed face: all of it at the chin, nothing well below."""
    face, under = np.clip((y - 0.7) / 0.6, 0, 1), np.clip((1.74 - y) / 0.32, 0, 1)
    return 0.10 * opening * face * face * (3 - 2 * face) * under * under * (3 - 2 * under)


def mouth(look: Look, opening: float, width: float) -> tuple[Lens, Lens]:
    """The outer and the inner lip outline for an opening and a width in [0, 1]; narrow lips are pursed, so thicker."""
    gap, pursed = 0.23 * opening, 1 - width
    half = look.mouth * (0.215 + 0.09 * width)
    base = stretch(_MOUTH_Y, look) - 0.008 + 0.12 * gap
    upper, lower = look.fullness * (0.082 + 0.012 * pursed), look.fullness * (0.108 + 0.016 * pursed)
    power = 0.95 - 0.35 * min(1.0, gap / 0.16)  # a closed lip is a parabola, an open one nearly an ellipse
    outer = Lens(
        Arc(0, half, base, -upper - 0.38 * gap, power, dip=-0.022 * look.fullness),
        Arc(0, half, base, lower + 0.72 * gap, power),
    )
    inner = Lens(
        Arc(0, 0.9 * half, base, 0.009 - 0.33 * gap, 0.55),
        Arc(0, 0.9 * half, base, 0.013 + 0.67 * gap, 0.55),
    )
    return outer, inner


def eyes(blink: float) -> tuple[Lens, Lens]:
    """The eye on the left and on the right of the image; blink 0 is open, 1 is closed."""
    lid = -0.068 * (1 - blink) + 0.03 * blink
    left, right = (
        Lens(
            Arc(side * 0.3435, 0.1565, 0.01, lid, 0.6, tilt=-side * 0.01),
            Arc(side * 0.3435, 0.1565, 0.01, 0.038, 0.75, tilt=-side * 0.01),
        )
        for side in (-1, 1)
    )
    return left, right


def landmarks(look: Look, opening: float, width: float) -> np.ndarray:
    """The 80 landmarks of lsbench.media.clip in face units: (80, 2)."""
    outline = oval(look)
    outline[:, 1] += jaw_drop(outline[:, 1], opening)
    outer, inner = mouth(look, opening, width)
    left, right = eyes(0.0)
    ends = np.array([-1.0, 1.0])
    corners = [left.lower.points(ends), right.lower.points(ends)]
    return np.concatenate([outline, outer.outline(_LIP_STEPS), inner.outline(_LIP_STEPS), *corners])


class Pose(NamedTuple):
    """Where the face is in the image: origin in px, turn in radians (clockwise), px per face unit."""

    x: float
    y: float
    turn: float
    unit: float

    def to_image(self, points: np.ndarray) -> np.ndarray:
        """Face units to px: (n, 2)."""
        c, s = np.cos(self.turn) * self.unit, np.sin(self.turn) * self.unit
        return np.asarray(points @ np.array([[c, s], [-s, c]]) + [self.x, self.y])

    def to_face(self, rows: slice, columns: slice) -> tuple[np.ndarray, np.ndarray]:
        """Face coordinates of the pixels of a window: two float32 arrays (rows, columns)."""
        x = np.arange(columns.start, columns.stop, dtype=np.float32) - np.float32(self.x)
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] - np.float32(self.y)
        c, s = np.float32(np.cos(self.turn) / self.unit), np.float32(np.sin(self.turn) / self.unit)
        return c * x + s * y, c * y - s * x

    def window(self, box: tuple[float, float, float, float], size: int) -> tuple[slice, slice]:
        """Rows and columns of a size x size image that hold the box left, top, right, bottom in face units."""
        left, top, right, bottom = box
        corners = self.to_image(np.array([(left, top), (right, top), (left, bottom), (right, bottom)]))
        low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, size - 1)
        high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 1, size)
        return slice(low[1], high[1]), slice(low[0], high[0])
