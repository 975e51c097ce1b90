"""The stand-ins as generators: those of lsbench.standins, and the real clip compressed or with the wrong sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.errors import FaceError
from lsbench.face.track import FaceTrack
from lsbench.generator import Generator, Rendered
from lsbench.media.clip import Clip
from lsbench.media.recode import recoded


@dataclass(frozen=True)
class StandIn(Generator):
    """A real clip with one known fault: it is handed the answer and spoils it, so it is no lip-sync generator."""

    needs_track: ClassVar[bool] = True
    sees_answer: ClassVar[bool] = True

    name: str
    spoil: Callable[[Clip, FaceTrack], np.ndarray]

    @property
    def comment(self) -> str:  # type: ignore[override]
        """What the metadata of its videos say."""
        return f"synthetic: lsbench stand-in {self.name}, not a recording"

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray:
        """The spoiled clip."""
        if track is None:
            raise FaceError(f"clip {face.id}: stand-in {self.name} needs to know where the face is")
        return self.spoil(face, track)


class Compressed(Generator):
    """The real clip after H.264 as videos are passed on, 4:2:0 at quality 18: what encoding alone costs."""

    sees_answer: ClassVar[bool] = True
    comment = "synthetic: a real clip, compressed"

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> np.ndarray:
        """The pictures after the codec."""
        return recoded(face.frames, face.fps)


class SwappedAudio(Generator):
    """The real pictures with the sound of another clip, of the same speaker where there is one: out of sync."""

    sees_answer: ClassVar[bool] = True
    swaps_sound: ClassVar[bool] = True
    comment = "synthetic: real pictures with the sound of another clip"

    def render(self, face: Clip, speech: np.ndarray, track: FaceTrack | None) -> Rendered:
        """The pictures as they are; the sound is cut, or silence added at its end, to last as long."""
        return Rendered(face.frames, speech=as_long(speech, round(len(face) * face.sample_rate / face.fps)))


def as_long(speech: np.ndarray, samples: int) -> np.ndarray:
    """Speech cut, or silence added at its end: float32 (samples,)."""
    return np.pad(speech[:samples], (0, max(0, samples - len(speech))))
