"""What a toy speaker's clip needs once: the backdrop with neck and shoulders, and the lit head as a texture."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import CubicSpline

from lsbench.corpus.toy.anatomy import CHIN_Y, Look, Pose, oval, stretch
from lsbench.corpus.toy.paint import cover, ellipse, lay, ramp, smooth_noise, spot

_LEFT, _TOP, _RIGHT, _BOTTOM = -1.3, -1.25, 1.3, 1.85  # where a head is painted, face units
_DETAIL = 1.6  # texture px per image px
_POLE_Y = 0.35  # the face outline is a polar curve around (0, _POLE_Y)
_LIGHTS = np.array([(-0.52, -0.45, 0.72), (0.52, -0.45, 0.72)])  # towards the light: x, y, and out of the image
_TO_VIEWER = np.array([0, 0, 0.6])
_SHADE_TINT = np.array([0.8, 1.08, 1.25])  # exponents: shaded skin turns warm
_CAPS = {"short": (0.83, 0.88), "parted": (0.86, 0.90), "long": (0.90, 0.90), "curly": (0.96, 0.99)}
_CAP_Y = -0.14


class Texture(NamedTuple):
    """pixels: float32 (2, h, w, 4) RGBA, lit from the left and from the right; left, top: face units; px per unit."""

    pixels: np.ndarray
    left: float
    top: float
    density: float


class _Hair(NamedTuple):
    """Signed distances of the hair behind and before the face, the pattern of its strands, its surface normals."""

    back: np.ndarray
    fringe: np.ndarray
    strands: np.ndarray
    normals: np.ndarray


def backdrop(look: Look, size: int, mean: Pose, rng: np.random.Generator) -> np.ndarray:
    """Wall, neck and shoulders: float32 (size, size, 3)."""
    x, y = (np.broadcast_to(a, (size, size)) for a in mean.to_face(slice(0, size), slice(0, size)))
    side, chin, px = np.abs(x), CHIN_Y * look.chin, 1.2 / mean.unit
    skin, cloth, wall = (np.array(colour, np.float32) for colour in (look.skin, look.cloth, look.wall))

    glow = 0.80 + 0.32 * spot(x, y, -1.2, -1.0, 2.2, 2.2) - 0.05 * y
    grain = 0.025 * smooth_noise(rng, x.shape, size / 18) + 0.006 * smooth_noise(rng, x.shape, (size / 12, 0.8))
    picture = (wall * (glow + grain)[..., None]).astype(np.float32)

    shoulder = chin + 0.30 + 0.10 * np.maximum(side - 0.4, 0) + 0.55 * np.maximum(side - 1.35, 0) ** 2
    shoulder -= 0.22 * np.exp(-(((side - 0.38) / 0.22) ** 2))
    neck = np.maximum(side - 0.43 - 0.25 * np.clip(y - chin - 0.05, 0, 0.3) ** 2, 0.7 - y)
    shadow = 0.42 * np.exp(-(((y - chin + 0.05) / 0.28) ** 2)) + 0.28 * ramp(side, 0, 0.46) ** 2
    skin = skin * np.clip(0.82 - shadow, 0.25, 1)[..., None] ** _SHADE_TINT
    lay(picture, skin, cover(np.minimum(shoulder - y, neck), px))

    collar = chin + 0.46 - 0.30 * ramp(side, 0, 0.62) ** 2.5
    folds = 0.88 + 0.04 * smooth_noise(rng, x.shape, (size / 20, size / 40)) + 0.10 * spot(x, y, -0.9, 1.8, 0.5, 0.4)
    folds -= 0.22 * np.exp(-np.maximum(y - collar, 0) / 0.05) * (side < 0.75)
    lay(picture, cloth * folds[..., None], cover(np.maximum(shoulder - 0.02 - y, collar - y), px))
    return picture


def head(look: Look, unit: float, rng: np.random.Generator) -> Texture:
    """The head with a closed jaw and without brows, eyes and lips, for an image with `unit` px per face unit."""
    density, px = _DETAIL * unit, 1 / unit
    x, y = np.meshgrid(np.arange(_LEFT, _RIGHT, 1 / density), np.arange(_TOP, _BOTTOM, 1 / density))
    face, hair, skin = _outline(x, y, look), _hair(x, y, look, rng), _skin(x, y, look, rng)
    ear = ellipse(np.abs(x), y, 0.80 * look.width, 0.17, 0.075, 0.20)

    slope_y, slope_x = np.gradient(_relief(x, y, face, look), 1 / density)
    normals = np.stack([-slope_x, -slope_y, np.ones_like(x)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    pixels = np.zeros((2, *x.shape, 4), np.float32)
    for picture, light in zip(pixels, _LIGHTS, strict=True):
        shade = (0.40 + 0.70 * np.clip(normals @ light, 0, 1))[..., None] ** _SHADE_TINT
        sheen = 12 * np.clip(normals @ (light + _TO_VIEWER) / 1.25, 0, 1) ** 18
        gleam = np.clip(hair.normals @ light, 0, 1)
        strands = np.array(look.hair) * (0.62 + 0.55 * gleam + 0.12 * hair.strands)[..., None]
        strands = _opaque(strands + (26 * gleam**6 * (1 + 0.5 * hair.strands))[..., None])
        lay(picture, strands, cover(hair.back, px))
        if look.style != "long":
            lay(picture, _opaque(skin * 0.72), cover(ear, px))
        lay(picture, _opaque(skin * shade + sheen[..., None]), cover(face, px))
        lay(picture, strands, cover(hair.fringe, 1.5 * px))
    return _trimmed(Texture(pixels, _LEFT, _TOP, density))


def _trimmed(texture: Texture) -> Texture:
    """A texture cut down to what is painted on it, with an empty margin of 1 px."""
    painted = texture.pixels[0, ..., 3] > 0
    rows, columns = np.flatnonzero(painted.any(axis=1)), np.flatnonzero(painted.any(axis=0))
    pixels = texture.pixels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    pixels = np.pad(pixels, ((0, 0), (1, 1), (1, 1), (0, 0)))
    left, top = (start + (first - 1) / texture.density for start, first in ((_LEFT, columns[0]), (_TOP, rows[0])))
    return Texture(pixels, left, top, texture.density)


def _opaque(colour: np.ndarray) -> np.ndarray:
    """RGB with an alpha of 1 appended."""
    return np.concatenate([np.clip(colour, 0, 255), np.ones_like(colour[..., :1])], axis=-1).astype(np.float32)


def _outline(x: np.ndarray, y: np.ndarray, look: Look) -> np.ndarray:
    """Signed distance to the face outline: a periodic spline through its landmarks, in polar coordinates."""
    points = oval(look) - [0, _POLE_Y]
    points = np.concatenate([points, points[:1]])
    angle = np.arctan2(points[:, 0], -points[:, 1]) % (2 * np.pi)
    angle[-1] = 2 * np.pi
    curve = CubicSpline(angle, np.hypot(*points.T), bc_type="periodic")
    fine = np.linspace(0, 2 * np.pi, 721)
    reach, slope = curve(fine), curve(fine, 1)
    turn = np.arctan2(x, _POLE_Y - y) % (2 * np.pi)
    beyond = np.hypot(x, y - _POLE_Y) - np.interp(turn, fine, reach)
    return np.asarray(beyond * np.interp(turn, fine, reach / np.hypot(reach, slope)))


def _relief(x: np.ndarray, y: np.ndarray, face: np.ndarray, look: Look) -> np.ndarray:
    """Height of the face towards the viewer, for its shading; face is the signed distance to its outline."""
    side, rim = np.abs(x), np.clip(-face / 0.3, 0.02, 1)
    ridge = np.exp(-((x / 0.085) ** 2)) * ramp(y, -0.05, 0.45) * cover(y - 0.5, 0.12)
    height: np.ndarray = (
        0.80 * np.sqrt(np.maximum(0.02, 1 - (x / (0.98 * look.width)) ** 2 - ((y - 0.3) / 1.35) ** 2))  # skull
        + 0.20 * np.sqrt(rim * (2 - rim))
        + 0.13 * ridge  # nose
        + 0.10 * spot(x, y, 0, 0.45, 0.10, 0.085)
        + 0.06 * spot(side, y, 0.135, 0.49, 0.05, 0.05)
        - 0.03 * spot(x, y, 0, 0.66, 0.04, 0.08)
        - 0.10 * spot(side, y, 0.33, 0.0, 0.17, 0.10)  # eye sockets and brows
        + 0.05 * spot(side, y, 0.36, -0.22, 0.30, 0.08)
        + 0.07 * spot(side, y, 0.48, 0.40, 0.20, 0.20)  # cheeks
        + 0.05 * spot(x, y, 0, 0.83, 0.30, 0.17)  # mouth and chin
        - 0.04 * spot(x, y, 0, 1.05, 0.18, 0.06)
        + 0.06 * spot(x, y, 0, stretch(1.21, look), 0.17, 0.12)
    )
    return height


def _skin(x: np.ndarray, y: np.ndarray, look: Look, rng: np.random.Generator) -> np.ndarray:
    """Colour of the skin before lighting: blush, mottling, stubble, folds, nostrils; float64 (h, w, 3)."""
    side = np.abs(x)
    blush = 0.16 * spot(side, y, 0.45, 0.42, 0.2, 0.16) + 0.14 * spot(x, y, 0, 0.45, 0.11, 0.1)
    mottle = 0.012 * smooth_noise(rng, x.shape, 1.5) + 0.02 * smooth_noise(rng, x.shape, 9)
    skin: np.ndarray = np.array(look.skin) * (1 - blush[..., None] * [0.0, 0.55, 0.45]) * (1 + mottle)[..., None]
    beard = cover(0.56 + 0.25 * np.maximum(0, 0.35 - side) - y, 0.35) * (1 - 0.8 * spot(x, y, 0, 0.83, 0.26, 0.1))
    skin += 0.55 * look.stubble * beard[..., None] * (0.45 * np.array(look.hair) + 20 - skin)
    fold = side - 0.21 - 0.17 * ramp(y, 0.5, 0.82)
    dark = (
        0.16 * spot(side, y, 0.35, -0.07, 0.20, 0.07)  # above and below the eyes
        + 0.10 * spot(side, y, 0.33, 0.12, 0.15, 0.05)
        + 0.20 * spot(side, y, 0.195, 0.50, 0.025, 0.05)  # beside and below the nose
        + 0.20 * spot(x, y, 0, 0.585, 0.12, 0.03)
        + 0.10 * spot(x, y, 0, 0.67, 0.03, 0.07)
        + 0.08 * spot(fold, y, 0, 0.66, 0.028, 0.13)
    )
    nostril = 0.80 * cover(ellipse(side, y - 0.12 * side, 0.085, 0.53, 0.04, 0.02), 0.025)
    return skin * (1 - dark[..., None] * [0.8, 1.0, 1.0]) * (1 - nostril[..., None] * [0.65, 0.8, 0.8])


def _hair(x: np.ndarray, y: np.ndarray, look: Look, rng: np.random.Generator) -> _Hair:
    side, turn = np.abs(x), np.arctan2(x, -y)
    wide, tall = _CAPS[look.style]
    wide = wide * look.width
    strands = smooth_noise(rng, x.shape, 2.2 if look.style == "curly" else (5, 1.2))
    cap = ellipse(x, y, 0, _CAP_Y, wide, tall) + 0.008 * strands
    back = np.maximum(cap, y - 0.12 + 0.015 * strands)
    if look.style == "short":
        line = -0.60 + 0.20 * ramp(side, 0, 0.65) ** 3 + 0.02 * np.sin(6 * x)
    elif look.style == "parted":
        line = -0.60 + np.where(x < -0.28, 0.9 * (x + 0.28) ** 2, 0.42 * np.clip(x + 0.28, 0, 1) ** 1.6)
    elif look.style == "long":
        line = -0.63 + 0.10 * side + 0.80 * ramp(side, 0, 0.74) ** 3.5
        outer = wide + 0.09 * ramp(y, -0.1, 0.8) - 0.25 * ramp(y, 1.2, 1.7) ** 2
        fall = np.maximum(np.maximum(side - outer, 0.34 - side), -0.1 - y) + 0.008 * strands
        back = np.minimum(cap, np.maximum(fall, y - 1.66 + 0.3 * np.abs(side - 0.65) - 0.015 * strands))
    else:
        line = -0.54 + 0.30 * ramp(side, 0, 0.72) ** 3 + 0.02 * np.cos(26 * x)
        bumps = 0.022 * np.cos(17 * turn) + 0.012 * np.cos(29 * turn + 1)
        cap, back = cap + bumps, back + bumps
    fringe = np.maximum(np.maximum(cap, y - line + 0.012 * strands), y - 0.12)
    across, down = x / wide, (y - _CAP_Y) / tall
    normals = np.stack([across, down, np.sqrt(np.maximum(0.05, 1 - across**2 - down**2))], axis=-1)
    return _Hair(back, fringe, strands, normals / np.linalg.norm(normals, axis=-1, keepdims=True))
