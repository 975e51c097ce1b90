"""What is drawn again when a score is resampled: speakers, clips or segments of clips, the widest that are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

FEW_SPEAKERS = 10  # below this many, clips are drawn: 93-97 % coverage and p values under 0.01 take that many draws
FEW_CLIPS = FEW_SPEAKERS  # below this many, their segments are drawn, where clips were cut into some
FEWEST = 3  # units, below which nothing can be said


@dataclass(frozen=True, eq=False)
class Units:
    """Rows, which are clips or segments of clips, in the groups that are drawn together.

    by: `speaker` (the answer holds for other speakers too), `clip` (for more clips of these speakers) or `segment` (for
    other moments of these clips). of_row: int (rows,), the unit of each row; rows are segments where those are drawn,
    else clips. given: int (rows,), what is not drawn, and whose mean is taken out: the speaker of each clip, the clip
    of each segment. count: units. freedom: degrees of freedom of their spread; 0 where there are too few. speakers: how
    many are known. clips: how many there are.
    """

    by: Literal["speaker", "clip", "segment"]
    of_row: np.ndarray
    given: np.ndarray
    count: int
    freedom: int
    speakers: int
    clips: int

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the rows of each unit: (..., rows) -> (..., units)."""
        return _sums(values, self.of_row, self.count) if self.by == "speaker" else values

    def contributions(self, influence: np.ndarray) -> np.ndarray:
        """What each unit adds beyond what is expected of it: (..., rows) -> (..., units), the sum over units is 0.

        Where clips are drawn, they are compared with the mean of their own speaker, for the speakers are given; where
        segments are drawn, with the mean of their own clip.
        """
        if self.by == "speaker":
            return self.sums(influence)
        sizes = np.bincount(self.given)
        return influence - (_sums(influence, self.given, len(sizes)) / sizes)[..., self.given]

    @property
    def row(self) -> str:
        """What a row is, in a word: clip or segment."""
        return "segment" if self.by == "segment" else "clip"

    @property
    def note(self) -> str:
        """What an interval is about, in a sentence."""
        clips = f"{self.clips} clip{'s' if self.clips != 1 else ''}"
        if not self.freedom:
            too_few = f"{clips} {'are' if self.clips != 1 else 'is'} too few for intervals and tests"
            return f"{too_few}; score long ones with --segment SECONDS, which draws segments of them"
        if self.by == "segment":
            return (
                f"intervals and tests draw the {self.count} segments of {clips}: they hold for other moments of these "
                "recordings, no other recordings and no other faces, and as far as neighbouring segments are not alike"
            )
        if self.by == "speaker":
            return f"intervals and tests draw {self.count} speakers with their {clips}, and hold for other speakers too"
        known = f"{self.speakers} speakers are too few to draw" if self.speakers > 1 else "the clips are of one speaker"
        known = known if self.speakers else "speakers are not known"
        return f"intervals and tests draw the {clips}: {known}, so they hold for more clips like these, no other faces"


def units(speakers: Sequence[str], segments: Sequence[int] = ()) -> Units:
    """How to resample clips of these speakers.

    Speakers with all their clips are drawn where they are known and FEW_SPEAKERS or more; else clips with all their
    segments; else, where there are fewer than FEW_CLIPS clips and two segments a clip or more, segments.

    Args:
        speakers: one entry a clip, "" where unknown.
        segments: into how many each clip is cut; none where clips are whole.
    """
    names, speaker = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    clips, known = len(speaker), int(np.count_nonzero(names != ""))
    if "" not in names and known >= FEW_SPEAKERS:
        return Units("speaker", speaker, speaker, known, known - 1, known, clips)
    by: Literal["clip", "segment"] = "clip"
    given = speaker
    if 0 < clips < FEW_CLIPS and sum(segments) >= 2 * clips:
        by, given = "segment", np.repeat(np.arange(clips), segments)
    rows = len(given)
    if rows < 2 * len(np.unique(given)):  # hardly a speaker has a mean to compare its clips with
        given = np.zeros(rows, np.int64)
    freedom = rows - len(np.unique(given))
    return Units(by, np.arange(rows), given, rows, freedom if rows >= FEWEST else 0, known, clips)


def _sums(values: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    member = np.zeros((len(group), groups))
    member[np.arange(len(group)), group] = 1
    return values @ member
