"""What an artifact is: a pure function of a clip, a strength in physical units and a seed."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lsbench.errors import ArtifactError
from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip

Group = Literal["mouth", "box", "time", "sound", "frame", "control"]
GROUPS: dict[Group, str] = {
    "mouth": "on the mouth",
    "box": "at the paste box",
    "time": "in time",
    "sound": "of the sound",
    "frame": "on the whole frame",
    "control": "the codec alone",
}


@dataclass(frozen=True, eq=False)
class Subject:
    """What an artifact is put into.

    clip: to be spoiled; never changed in place. track: its face, without gaps, frame by frame with it. other: the
    speech of another clip, float32 (N,), of any length.
    """

    clip: Clip
    track: FaceTrack
    other: np.ndarray

    def with_frames(self, frames: np.ndarray) -> Clip:
        """The clip with other pictures."""
        return replace(self.clip, frames=frames)

    def with_speech(self, speech: np.ndarray) -> Clip:
        """The clip with other sound, float32 (N,)."""
        return replace(self.clip, speech=speech)


Inject = Callable[[Subject, float, np.random.Generator], Clip]


@dataclass(frozen=True)
class Artifact:
    """One kind of fault.

    name: `mouth-blur`. what: in a sentence. unit: of the strength. strengths: the audit's ladder, rising, above 0.
    most: the largest strength that means anything. harmless: strengths up to this one are no fault; 0 where all are.
    """

    name: str
    group: Group
    what: str
    unit: str
    strengths: tuple[float, ...]
    inject: Inject
    most: float = math.inf
    harmless: float = 0.0

    def __call__(self, subject: Subject, strength: float, seed: int = 0) -> Clip:
        """The clip with the artifact: of the same length, size and frame rate.

        strength: 0 gives the clip itself. What chance decides follows from seed, the artifact's name and the clip's id,
        and is the same for all strengths. Raises ArtifactError for a strength below 0 or above `most`.
        """
        if not 0 <= strength <= self.most or math.isinf(strength):
            limit = "" if math.isinf(self.most) else f" to {self.most:g}"
            raise ArtifactError(f"artifact {self.name}: strength {self.said(strength)}; expected 0{limit} or more")
        if strength == 0:
            return subject.clip
        text = f"{seed}|{self.name}|{subject.clip.id}"
        random = np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))
        return self.inject(subject, strength, random)

    @property
    def hears_only(self) -> bool:
        """Whether it leaves the pictures as they are."""
        return self.group == "sound"

    def said(self, strength: float) -> str:
        """A strength with its unit: `2 px`, `25 % of frames`."""
        return f"{100 * strength:g} % {self.unit}" if self.unit.startswith("of ") else f"{strength:g} {self.unit}"


def share_of(count: int, share: float, least: int = 1) -> int:
    """How many of `count` a share makes: to the nearest, `least` at the least."""
    return min(count, max(least, round(share * count)))


def direction(random: np.random.Generator) -> tuple[int, int]:
    """Up, down, left or right: (rows, columns)."""
    return ((-1, 0), (1, 0), (0, -1), (0, 1))[int(random.integers(4))]
