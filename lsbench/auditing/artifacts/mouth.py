"""Artifacts on the mouth: inside the reference's mouth box, faded in from its edge so that no box shows."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter, shift

from lsbench.auditing.artifacts.artifact import Artifact, Subject, direction, share_of
from lsbench.face.patches import feather, paste, patches
from lsbench.face.track import INNER_LIPS, OUTER_LIPS, Region
from lsbench.media.clip import Clip, crop

DISTANT = 10  # frames that a wrong mouth is away, at least
DETAIL = 0.05  # standard deviation of the smoothing that takes texture away, over the side of the mouth box
_LOWER, _UPPER = INNER_LIPS.start + 5, INNER_LIPS.start + 15  # the middles of the inner lips


def _faded(subject: Subject, boxes: np.ndarray, mouths: np.ndarray, made: np.ndarray) -> Clip:
    """The clip with made patches in place of its mouths, both float (T, h, w, 3), faded in over a tenth of the box."""
    opacity = feather(mouths.shape[1:3])[..., None].astype(np.float32)
    return subject.with_frames(paste(subject.clip.frames, boxes, mouths + opacity * (made - mouths)))


def _blur(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes, mouths = patches(subject.clip.frames, subject.track, Region.MOUTH)
    return _faded(subject, boxes, mouths, gaussian_filter(mouths, (0, strength, strength, 0), mode="nearest"))


def _from_frames(subject: Subject, sources: np.ndarray) -> Clip:
    """The clip with the mouth of frame sources[t] in frame t."""
    boxes, mouths = patches(subject.clip.frames, subject.track, Region.MOUTH)
    return _faded(subject, boxes, mouths, mouths[sources])


def _stretch(frames: int, share: float, random: np.random.Generator) -> slice:
    """A share of the frames of a clip that follow each other, two at the least, somewhere in it."""
    length = share_of(frames, share, least=2)
    start = int(random.integers(0, frames - length + 1)) if length < frames else 0
    return slice(start, start + length)


def _freeze(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    sources = np.arange(len(subject.clip))
    stretch = _stretch(len(sources), strength, random)
    sources[stretch] = stretch.start
    return _from_frames(subject, sources)


def _reverse(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    sources = np.arange(len(subject.clip))
    stretch = _stretch(len(sources), strength, random)
    sources[stretch] = sources[stretch][::-1]
    return _from_frames(subject, sources)


def _shuffle(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    sources = np.arange(len(subject.clip))
    stretch = _stretch(len(sources), strength, random)
    order = random.permutation(sources[stretch])
    sources[order] = np.roll(order, 1)  # no mouth stays in its place
    return _from_frames(subject, sources)


def _wrong(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    frames = len(subject.clip)
    every = np.arange(frames)
    order = random.permutation(frames)
    away = min(DISTANT, frames // 2)
    # Round the clip, a step of `away` to `frames - away` lands that far from the frame, but for the clip's two ends.
    sources = (every + random.integers(away, frames - away + 1, frames)) % frames
    near = np.abs(sources - every) < away
    sources[near] = (every[near] + frames // 2) % frames
    chosen = np.isin(every, order[: share_of(frames, strength)])
    return _from_frames(subject, np.where(chosen, sources, every))


def _shift(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes, mouths = patches(subject.clip.frames, subject.track, Region.MOUTH)
    down, right = direction(random)
    made = shift(mouths, (0, down * strength, right * strength, 0), order=1, mode="nearest")
    return _faded(subject, boxes, mouths, made)


def _narrow(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    """The opening between the inner lips squeezed to 1 - strength of its height, the skin around it stretched."""
    boxes, mouths = patches(subject.clip.frames, subject.track, Region.MOUTH)
    side_y, side_x = mouths.shape[1:3]
    points = subject.track.landmarks - boxes[:, None, :2]
    made = np.empty_like(mouths)
    rows, columns = np.arange(side_y, dtype=np.float32), np.arange(side_x, dtype=np.float32)
    for target, mouth, lips in zip(made, mouths, points, strict=True):
        inner = lips[INNER_LIPS]
        top, bottom = (float(np.clip(lips[place, 1], 1, side_y - 2)) for place in (_UPPER, _LOWER))
        bottom = max(bottom, top + 1e-3)
        middle, half = (top + bottom) / 2, (bottom - top) / 2
        left, right = float(inner[:, 0].min()), float(inner[:, 0].max())
        reach = max((right - left) / 2, 1)
        # Full strength at the middle of the mouth, none from a mouth's half width beyond its corners on.
        beside = np.clip(np.abs(columns - (left + right) / 2) / (2 * reach), 0, 1)
        squeeze = 1 - strength * np.cos(beside * np.pi / 2) ** 2
        half_made = np.maximum(half * squeeze, 1e-3)
        source = np.empty((side_y, side_x), np.float32)
        for column in range(side_x):
            knots = (0, middle - half_made[column], middle + half_made[column], side_y - 1)
            source[:, column] = np.interp(rows, knots, (0, top, bottom, side_y - 1))
        across = np.broadcast_to(columns, source.shape)
        target[...] = cv2.remap(mouth, np.ascontiguousarray(across), source, cv2.INTER_LINEAR)
    return _faded(subject, boxes, mouths, made)


def _plain(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    """Lips smoothed and teeth gone: within the outer lips fine detail, and within the inner lips all contrast."""
    boxes, mouths = patches(subject.clip.frames, subject.track, Region.MOUTH)
    side = mouths.shape[1]
    smooth = gaussian_filter(mouths, (0, DETAIL * side, DETAIL * side, 0), mode="nearest")
    points = subject.track.landmarks - boxes[:, None, :2]
    made = np.empty_like(mouths)
    for target, mouth, flat, lips in zip(made, mouths, smooth, points, strict=True):
        outer, inner = (_inside(lips[outline], mouth.shape[:2]) for outline in (OUTER_LIPS, INNER_LIPS))
        if inner.max() > 0:
            mean = (inner * mouth).sum(axis=(0, 1)) / inner.sum()
            flat = flat + inner * (mean - flat)
        target[...] = mouth + strength * outer * (flat - mouth)
    return _faded(subject, boxes, mouths, made)


def _inside(outline: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Opacity (h, w, 1) of an outline (P, 2) px, softened over about a pixel."""
    mask = np.zeros(size, np.float32)
    cv2.fillPoly(mask, [np.rint(outline * 16).astype(np.int32)], 1.0, shift=4)
    return cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None]


def _coarse(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes = subject.track.box(Region.MOUTH)
    mouths = crop(subject.clip.frames, boxes).astype(np.float32)
    return _faded(subject, boxes, mouths, np.stack([coarser(mouth, strength) for mouth in mouths]))


def coarser(picture: np.ndarray, octaves: float) -> np.ndarray:
    """A float picture (h, w, 3) made 2^octaves times smaller by area, and as large as before by straight lines."""
    height, width = picture.shape[:2]
    small = tuple(max(1, round(side / 2**octaves)) for side in (width, height))
    return cv2.resize(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), (width, height))


MOUTH = (
    Artifact("mouth-blur", "mouth", "the mouth is blurred by a Gaussian", "px", (0.5, 1, 2), _blur),
    Artifact("mouth-coarse", "mouth", "the mouth has a lower resolution", "octaves", (0.5, 1, 2), _coarse, most=8),
    Artifact(
        "mouth-plain", "mouth", "teeth and the texture of the lips are gone", "of them", (0.25, 0.5, 1), _plain, most=1
    ),
    Artifact("mouth-shift", "mouth", "the mouth sits beside its place", "px", (1, 2, 4), _shift),
    Artifact("mouth-narrow", "mouth", "the mouth opens less far", "of the opening", (0.25, 0.5, 1), _narrow, most=1),
    Artifact(
        "mouth-freeze",
        "mouth",
        "the mouth stands still for a part of the clip",
        "of frames",
        (0.1, 0.25, 0.5),
        _freeze,
        most=1,
    ),
    Artifact(
        "mouth-reverse",
        "mouth",
        "the mouth moves backwards for a part of the clip",
        "of frames",
        (0.1, 0.25, 0.5),
        _reverse,
        most=1,
    ),
    Artifact(
        "mouth-shuffle",
        "mouth",
        "the mouths of a part of the clip come in random order",
        "of frames",
        (0.1, 0.25, 0.5),
        _shuffle,
        most=1,
    ),
    Artifact(
        "mouth-wrong",
        "mouth",
        "frames show a mouth from elsewhere in the clip",
        "of frames",
        (0.1, 0.25, 0.5),
        _wrong,
        most=1,
    ),
)
