"""What a metric may learn from real clips before it scores: of other speakers, or of the same one in other clips."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from lsbench.face.track import FaceTrack
from lsbench.media.clip import Clip
from lsbench.metrics._base.stats import Stats

Moments = Mapping[str, np.ndarray]
Model = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Learner(ABC):
    """Base of what metrics learn: configuration, never state. Metrics with equal signatures share one model.

    The evaluation learns every reference clip of the protocol, adds up the moments of each speaker in manifest order,
    and gives each clip the model solved from all other speakers; `by_speaker`, a bool () that it adds to the model, is
    False where the protocol has one speaker and other clips of the same speaker had to do. Where no reference clip has
    sound, the model has `clips`, 0, and `silent`, True, alone.

    A learner of the speaker's own gives each clip the model solved from the speaker's other clips instead, left out in
    up to ten groups in turn; a clip whose speaker has no other one gets none.
    """

    needs_pictures: ClassVar[bool] = True  # whether learn() looks at pixels
    needs_words: ClassVar[bool] = False  # whether learn() asks what is said, clip.said
    of_own_speaker: ClassVar[bool] = False  # whether it learns a speaker's own other clips

    @property
    @abstractmethod
    def signature(self) -> str:
        """Name, revision and every setting."""

    @abstractmethod
    def learn(self, clip: Clip, track: FaceTrack) -> Stats:
        """What is kept of one real clip, small: it is cached on disk.

        clip: its frames are blank unless needs_pictures. track: its face as the tracker gave it, gaps included.
        """

    @abstractmethod
    def moments(self, stats: Stats) -> Moments:
        """Sums over one clip, float64, that can be added up over clips."""

    @abstractmethod
    def solve(self, groups: Mapping[str, Moments]) -> Model:
        """The model of the training speakers, name -> summed moments; what it chooses, it chooses among them."""
