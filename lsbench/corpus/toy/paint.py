"""Anti-aliased painting on float32 pictures: RGB, or premultiplied RGBA; levels in 0..255, alpha in 0..1.

Shapes are signed distances, negative inside: a shape covers 0.5 - distance of a pixel (distance in px), cut to [0, 1].
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter


def lay(picture: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Lay a colour over a picture as far as alpha says, in place; for RGBA the colour's fourth entry is 1."""
    picture += alpha[..., None].astype(np.float32) * (colour - picture)


def cover(distance: np.ndarray, px: float) -> np.ndarray:
    """Coverage of a shape; px is the width of its edge in the unit of the distance."""
    return np.clip(0.5 - distance / px, 0, 1)


def spot(x: np.ndarray, y: np.ndarray, centre_x: float, centre_y: float, wide: float, tall: float) -> np.ndarray:
    """A soft spot exp(-r^2) with a peak of 1."""
    return np.exp(-(((x - centre_x) / wide) ** 2) - ((y - centre_y) / tall) ** 2)


def ellipse(x: np.ndarray, y: np.ndarray, centre_x: float, centre_y: float, wide: float, tall: float) -> np.ndarray:
    """Signed distance to an ellipse of these half axes, roughly."""
    return (np.hypot((x - centre_x) / wide, (y - centre_y) / tall) - 1) * min(wide, tall)


def ramp(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 up to low, 1 from high, straight between."""
    return np.clip((value - low) / (high - low), 0, 1)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], sigma: float | tuple[float, float]) -> np.ndarray:
    """Gaussian noise blurred by sigma px, scaled back to a standard deviation of 1."""
    noise = gaussian_filter(rng.standard_normal(shape), sigma)
    return np.asarray(noise / noise.std())
