"""The stand-ins of lsbench.standins as generators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.clip import Clip, FaceTrack
from lsbench.errors import FaceError
from lsbench.generator import Generator


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
