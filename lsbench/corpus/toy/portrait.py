"""Draws a toy speaker frame by frame: the posed head with its jaw, then brows, eyes and mouth on it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lsbench.corpus.toy.anatomy import Arc, Look, Pose, eyes, jaw_drop, mouth
from lsbench.corpus.toy.bust import backdrop, head
from lsbench.corpus.toy.paint import cover, lay, ramp, spot

_MOUTH_BOX = (-0.5, 0.60, 0.5, 1.35)  # left, top, right, bottom of what is drawn anew, face units
_MIDDLE = np.zeros(1)
_SCLERA, _PUPIL, _GLINT = (np.array(c, np.float32) for c in ((226, 220, 216), (18, 14, 14), (250, 250, 250)))
_THROAT, _TONGUE, _TEETH = (np.array(c, np.float32) for c in ((52, 18, 20), (150, 66, 66), (228, 220, 210)))


class Expression(NamedTuple):
    """Lip opening, lip width and blink (1 is shut), each in [0, 1]; brow raise in face units."""

    opening: float
    width: float
    blink: float = 0.0
    brow: float = 0.0


class Portrait:
    """A speaker before a wall: size x size px, the neck and shoulders where the mean pose puts them."""

    def __init__(self, look: Look, size: int, mean: Pose, rng: np.random.Generator) -> None:
        self.look = look
        self.backdrop = backdrop(look, size, mean, rng)
        self.head = head(look, mean.unit, rng)

    def draw(self, pose: Pose, expression: Expression, light: float) -> np.ndarray:
        """One picture, float32 (size, size, 3) with levels in 0..255; light 0 comes from the left, 1 from the right."""
        picture = self.backdrop.copy()
        self._draw_head(picture, pose, expression.opening, light)
        _draw_eyes(picture, self.look, pose, expression)
        _draw_mouth(picture, self.look, pose, expression)
        return picture

    def _draw_head(self, picture: np.ndarray, pose: Pose, opening: float, light: float) -> None:
        """Bilinear samples of the lit head; the jaw's drop is undone by its inverse along y."""
        (from_left, from_right), left, top, density = self.head
        texture = from_left + light * (from_right - from_left)
        height, width = texture.shape[:2]
        window = pose.window((left, top, left + width / density, top + height / density), len(picture))
        x, y = pose.to_face(*window)
        still = np.linspace(top - 1, top + height / density + 1, 800)
        y = np.interp(y, still + jaw_drop(still, opening), still).astype(np.float32)
        column = np.clip((x - left) * density, 0, width - 1.01)
        row = np.clip((y - top) * density, 0, height - 1.01)
        west, north = column.astype(np.int32), row.astype(np.int32)
        across, down = (column - west)[..., None], (row - north)[..., None]
        pixels, corner = texture.reshape(-1, 4), north * width + west
        a, b, c, d = (pixels.take(corner + step, axis=0) for step in (0, 1, width, width + 1))
        upper, lower = a + across * (b - a), c + across * (d - c)
        sample = upper + down * (lower - upper)
        picture[window] += sample[..., :3] - sample[..., 3:] * picture[window]


def _draw_eyes(picture: np.ndarray, look: Look, pose: Pose, expression: Expression) -> None:
    """Brows, eyes and lids, in place."""
    px = 1 / pose.unit
    skin, iris, hair = (np.array(colour, np.float32) for colour in (look.skin, look.iris, look.hair))
    for side, eye in zip((-1, 1), eyes(expression.blink), strict=True):
        middle = eye.upper.centre
        window = pose.window((middle - 0.36, -0.36, middle + 0.36, 0.12), len(picture))
        view, (x, y) = picture[window], pose.to_face(*window)

        arch = Arc(side * 0.405, 0.265, -0.178 - expression.brow, -0.065, 0.9, tilt=side * 0.02)
        outward = side * (x - arch.centre) / arch.half
        thick = 0.033 * look.brow * np.clip(1.1 - 0.55 * np.maximum(outward, -0.2), 0.1, 1)
        stroke = np.maximum(np.abs(arch.above(x, y)) - thick, (np.abs(outward) - 1) * arch.half)
        lay(view, hair * 0.62, 0.85 * cover(stroke, 2 * px) * ramp(outward, -1.1, -0.5))

        crease = eye.upper._replace(base=eye.upper.base - 0.035, half=0.165)
        lay(view, skin * 0.5, 0.40 * np.exp(-((crease.above(x, y) / 0.016) ** 2)) * _span(crease, x))
        lid, open_ = eye.upper.above(x, y), cover(eye.outside(x, y), px)
        shade = (1 - 0.38 * np.exp(np.minimum(lid, 0) / 0.028))[..., None]
        radius = np.hypot(x - middle, y + 0.008)
        lay(view, _SCLERA * shade, open_)
        paler = (0.75 + 4 * np.clip(radius - 0.02, 0, 0.1))[..., None]
        lay(view, iris * paler * shade, open_ * cover(radius - 0.07, px))
        lay(view, _PUPIL, open_ * cover(radius - 0.032, px))
        lay(view, _GLINT, 0.9 * open_ * cover(np.hypot(x - middle + 0.02, y + 0.035) - 0.013, px))
        lay(view, hair * 0.25, 0.85 * cover(np.abs(lid) - 0.014, 1.2 * px) * _span(eye.upper, x))
        rim = np.abs(eye.lower.above(x, y)) - 0.003
        lay(view, skin * 0.45, 0.5 * cover(rim, 1.2 * px) * _span(eye.lower, x))


def _draw_mouth(picture: np.ndarray, look: Look, pose: Pose, expression: Expression) -> None:
    """Lips, teeth and tongue, and the shadows around the lips, in place."""
    px = 1 / pose.unit
    skin, lips = np.array(look.skin, np.float32), np.array(look.lips, np.float32)
    window = pose.window(_MOUTH_BOX, len(picture))
    view, (x, y) = picture[window], pose.to_face(*window)
    outer, inner = mouth(look, expression.opening, expression.width)
    half, base = outer.upper.half, outer.upper.base
    top, bottom, under = (float(arc.at(_MIDDLE)[0]) for arc in (*inner, outer.lower))
    gap, along = bottom - top, (x / half) ** 2

    below = np.maximum(-outer.lower.above(x, y), 0)
    lay(view, skin * 0.55, 0.40 * np.exp(-((below / 0.055) ** 2)) * spot(x, y, 0, under, 0.7 * half, 0.2))
    lay(view, skin * 0.45, 0.45 * spot(np.abs(x), y, half, base, 0.035, 0.03))

    hole = inner.outside(x, y)
    level = 0.74 + 0.24 * ramp(y - (top + bottom) / 2, -0.015, 0.015) - 0.10 * np.exp(-((hole / 0.02) ** 2))
    gloss = 0.30 * spot(x, y, -0.02, 0.45 * bottom + 0.55 * under, 0.4 * half, 0.022)
    lay(view, lips * level[..., None] + gloss[..., None] * (255 - lips), cover(outer.outside(x, y), 1.4 * px))

    inside = cover(hole, px)
    lay(view, _THROAT, inside)
    lay(view, _TONGUE, 0.8 * inside * spot(x, y, 0, bottom, 0.6 * half, 0.02 + 0.32 * gap))
    teeth = np.maximum(np.maximum(hole + 0.008, y - base - 0.035 + 0.02 * along), np.abs(x) - 0.78 * half)
    bite = 1 - 0.5 * along - 0.30 * np.exp(np.minimum(hole, 0) / 0.02)
    lay(view, _TEETH * bite[..., None], 0.92 * cover(teeth, px))
    seam = np.exp(-((inner.upper.above(x, y) / 0.014) ** 2)) * _span(inner.upper, x)
    lay(view, lips * 0.30, 0.75 * np.exp(-gap / 0.02) * seam)


def _span(arc: Arc, x: np.ndarray) -> np.ndarray:
    """1 over the span of an arc, fading at its ends."""
    return 1 - ramp(np.abs(x - arc.centre) / arc.half, 0.95, 1.05)
