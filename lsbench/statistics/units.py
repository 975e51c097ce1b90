"""What is drawn again when clips are resampled: speakers where there are enough of them, clips otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

FEW_SPEAKERS = 10  # below this many, clips are drawn: 93-97 % coverage and p values under 0.01 take that many draws
FEWEST = 3  # units, below which nothing can be said


@dataclass(frozen=True, eq=False)
class Units:
    """Clips in the groups that are drawn together.

    by: `speaker` (the answer holds for other speakers too) or `clip` (for more clips of these speakers). of_clip: int
    (clips,), the unit of each clip. speaker_of_clip: int (clips,), whose mean is taken out where clips are drawn.
    count: units. freedom: degrees of freedom of their spread; 0 where there are too few. speakers: how many are known.
    """

    by: Literal["speaker", "clip"]
    of_clip: np.ndarray
    speaker_of_clip: np.ndarray
    count: int
    freedom: int
    speakers: int

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the clips of each unit: (..., clips) -> (..., units)."""
        return values if self.by == "clip" else _sums(values, self.of_clip, self.count)

    def contributions(self, influence: np.ndarray) -> np.ndarray:
        """What each unit adds beyond what is expected of it: (..., clips) -> (..., units), the sum over units is 0.

        Where clips are drawn, they are compared with the mean of their own speaker, for the speakers are given.
        """
        if self.by == "speaker":
            return self.sums(influence)
        sizes = np.bincount(self.speaker_of_clip)
        return influence - (_sums(influence, self.speaker_of_clip, len(sizes)) / sizes)[..., self.speaker_of_clip]

    @property
    def note(self) -> str:
        """What an interval is about, in a sentence."""
        clips = f"{len(self.of_clip)} clips"
        if not self.freedom:
            return f"{clips} are too few for intervals and tests"
        if self.by == "speaker":
            return f"intervals and tests draw {self.count} speakers with their {clips}, and hold for other speakers too"
        known = f"{self.speakers} speakers are too few to draw" if self.speakers > 1 else "the clips are of one speaker"
        known = known if self.speakers else "speakers are not known"
        return f"intervals and tests draw the {clips}: {known}, so they hold for more clips like these, no other faces"


def units(speakers: Sequence[str]) -> Units:
    """How to resample clips of these speakers ("" where unknown), one entry a clip."""
    names, speaker = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    clips, known = len(speaker), int(np.count_nonzero(names != ""))
    if "" not in names and known >= FEW_SPEAKERS:
        return Units("speaker", speaker, speaker, known, known - 1, known)
    if clips < 2 * len(names):  # hardly a speaker has a mean to compare its clips with
        speaker = np.zeros(clips, np.int64)
    freedom = clips - len(np.unique(speaker))
    return Units("clip", np.arange(clips), speaker, clips, freedom if clips >= FEWEST else 0, known)


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    member = np.zeros((len(group), groups))
    member[np.arange(len(group)), group] = 1
    return values @ member
