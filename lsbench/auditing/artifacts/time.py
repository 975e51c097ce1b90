"""Artifacts in time: the right pictures at the wrong moment, and brightness that does not rest."""

from __future__ import annotations

import numpy as np

from lsbench.auditing.artifacts.artifact import Artifact, Subject, share_of
from lsbench.face.patches import paste, patches
from lsbench.face.track import Region
from lsbench.media.clip import Clip


def _shown(subject: Subject, order: np.ndarray) -> Clip:
    """The clip with frame order[t] at moment t; beyond the ends the first or last frame stands."""
    return subject.with_frames(subject.clip.frames[np.clip(order, 0, len(subject.clip) - 1)])


def _late(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    return _shown(subject, np.arange(len(subject.clip)) - round(strength))


def _jitter(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    frames = len(subject.clip)
    return _shown(subject, np.arange(frames) + np.rint(strength * random.standard_normal(frames)).astype(np.int64))


def _dropped(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    frames = len(subject.clip)
    lost = random.permutation(frames)[: share_of(frames, strength)]
    kept = np.setdiff1d(np.arange(frames), lost) if len(lost) < frames else np.zeros(1, np.int64)
    return _shown(subject, np.pad(kept, (0, frames - len(kept)), mode="edge"))


def _repeated(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    frames = len(subject.clip)
    times = np.ones(frames, np.int64)
    times[random.permutation(frames)[: share_of(frames, strength)]] = 2
    return _shown(subject, np.repeat(np.arange(frames), times)[:frames])


def _flicker(subject: Subject, strength: float, random: np.random.Generator) -> Clip:
    boxes, faces = patches(subject.clip.frames, subject.track, Region.FACE)
    swing = strength * random.choice((-1, 1), len(faces))
    return subject.with_frames(paste(subject.clip.frames, boxes, faces + swing[:, None, None, None]))


TIME = (
    Artifact("late", "time", "the pictures are late against the sound", "frames", (1, 2, 4), _late),
    Artifact(
        "uneven",
        "time",
        "frames come too early or too late at random (standard deviation)",
        "frames",
        (0.5, 1, 2),
        _jitter,
    ),
    Artifact(
        "dropped",
        "time",
        "frames are lost, and what follows comes early",
        "of frames",
        (0.02, 0.05, 0.1),
        _dropped,
        most=1,
    ),
    Artifact(
        "repeated",
        "time",
        "frames are shown twice, and what follows comes late",
        "of frames",
        (0.02, 0.05, 0.1),
        _repeated,
        most=1,
    ),
    Artifact(
        "flicker",
        "time",
        "the pasted face is brighter or darker from frame to frame at random",
        "levels",
        (1, 2, 4),
        _flicker,
        most=255,
    ),
)
