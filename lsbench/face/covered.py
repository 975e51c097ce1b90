"""Whether the lips that landmarks tell of are to be seen: behind a hand or a patch the landmarker invents some."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from lsbench.face.track import INNER_LIPS, OUTER_LIPS

OUTSIDE = (0.35, 0.7)  # half mouth widths outside the lips, where skin is looked at
REDNESS = 2.0  # weight of redness beside lightness
BLUR = 1 / 24  # mouth widths that the 3x3 samples around a point are apart
FLAT = 2.0  # levels; standard deviation of lightness below which nothing is to be seen
UNLIKE = 0.5  # correlation with the clip's usual mouth below which it is another picture
RUN = 5  # pictures; flags of fewer than half of them in a row do not count


def mouth(picture: np.ndarray, face: np.ndarray) -> np.ndarray:
    """The colours on and around the lips, along their outlines: float32 (10, 20).

    Five lines of 20 points, as the outlines of the lips have them: the inner outline, halfway to the outer one, just
    inside the outer one, and two outside of it. First their lightness (mean of the channels), then their redness (red
    less green, REDNESS times), each less its mean: levels. The points go with the lips, so that an open mouth
    shows much the same as a closed one.

    Args:
        picture: uint8 (H, W, 3) RGB.
        face: (80, 2) px.
    """
    inner, outer = face[INNER_LIPS].astype(np.float64), face[OUTER_LIPS].astype(np.float64)
    away = outer - outer.mean(axis=0)
    width = float(np.linalg.norm(outer[10] - outer[0]))
    away /= np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-6)
    lines = [
        inner,
        (inner + outer) / 2,
        0.15 * inner + 0.85 * outer,
        *(outer + far * width / 2 * away for far in OUTSIDE),
    ]
    around = BLUR * width * np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(9, 2)
    height, across = picture.shape[:2]
    x, y = np.clip(np.rint(np.stack(lines)[:, :, None] + around), 0, (across - 1, height - 1)).astype(np.intp).T
    colours = picture[y, x].mean(axis=0).transpose(1, 0, 2)  # (5, 20, 3)
    lightness, redness = colours.mean(axis=2), REDNESS * (colours[..., 0] - colours[..., 1])
    return np.concatenate([lightness - lightness.mean(), redness - redness.mean()]).astype(np.float32)


def covered(mouths: np.ndarray) -> np.ndarray:
    """In which pictures of a shot the lips are not to be seen: bool (T,), from mouth() of each, (T, 10, 20).

    Where the lips and the skin around them are one flat colour, or do not look like the shot's usual mouth (the median
    of its pictures; correlation below UNLIKE), for RUN / 2 pictures running or more. A cover of most of the shot is
    noticed where it is flat alone.
    """
    flat = mouths[:, : mouths.shape[1] // 2].std(axis=(1, 2)) < FLAT
    if flat.all():
        return flat
    usual = np.median(mouths[~flat], axis=0)
    lengths = np.linalg.norm(mouths, axis=(1, 2)) * np.linalg.norm(usual)
    likeness = np.einsum("tij,ij->t", mouths, usual) / np.maximum(lengths, 1e-6)
    return np.asarray(median_filter(flat | (likeness < UNLIKE), RUN, mode="constant"))
