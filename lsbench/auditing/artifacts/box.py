"""Artifacts at the paste box: the reference's face box, in which generators put their face back."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import shift

from lsbench.auditing.artifacts.artifact import Artifact, Subject, direction
from lsbench.face.patches import paste, patches, ramp
from lsbench.face.track import Region
from lsbench.media.clip import Clip

GHOST_PX = 3  # by which the blended picture of a feathered paste is off


def _colour(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes, faces = patches(subject.clip.frames, subject.track, Region.FACE)
    sign = random.choice((-1, 1))
    return subject.with_frames(paste(subject.clip.frames, boxes, faces + sign * strength))


def _edge(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes, faces = patches(subject.clip.frames, subject.track, Region.FACE)
    line = np.ones(faces.shape[1:3], bool)
    line[1:-1, 1:-1] = False
    # Against a dark ground a dark line would not show.
    sign = -1 if faces[:, line].mean() > 127 else 1
    return subject.with_frames(paste(subject.clip.frames, boxes, faces + sign * strength * line[..., None]))


def _misaligned(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes, faces = patches(subject.clip.frames, subject.track, Region.FACE)
    down, right = direction(random)
    made = shift(faces, (0, down * strength, right * strength, 0), order=1, mode="nearest")
    return subject.with_frames(paste(subject.clip.frames, boxes, made))


def _feathered(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    """The picture and itself GHOST_PX off, half and half at the box's edge, the ghost fading over the band inside."""
    boxes, faces = patches(subject.clip.frames, subject.track, Region.FACE)
    down, right = direction(random)
    ghost = shift(faces, (0, down * GHOST_PX, right * GHOST_PX, 0), order=0, mode="nearest")
    share = (1 - ramp(faces.shape[1:3], strength)[..., None].astype(np.float32)) / 2
    return subject.with_frames(paste(subject.clip.frames, boxes, faces + share * (ghost - faces)))


BOX = (
    Artifact("box-colour", "box", "the pasted face is too bright or too dark", "levels", (2, 4, 8), _colour, most=255),
    Artifact(
        "box-edge", "box", "a line a pixel wide runs round the pasted face", "levels", (4, 8, 16), _edge, most=255
    ),
    Artifact("box-shift", "box", "the pasted face sits beside its place", "px", (0.5, 1, 2), _misaligned),
    Artifact(
        "box-feather",
        "box",
        f"a soft edge: a band in which the face and itself {GHOST_PX} px off show",
        "px wide",
        (4, 8, 16),
        _feathered,
    ),
)
