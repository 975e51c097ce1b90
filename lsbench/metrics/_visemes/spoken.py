"""The phones of a generated video on its frames, and what the metrics of visemes share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from lsbench.errors import MetricError
from lsbench.face.track import Region
from lsbench.metrics._base.landmarks import tracked_landmarks
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.speech.aligner import EXTRA, HEARD, LOST, SILENT, UNSAID, Alignment, align
from lsbench.speech.transcript import Timed
from lsbench.speech.visemes import viseme

UNTAUGHT, UNSHAPED = 10, 11  # beside the outcomes of an alignment
REASONS = {
    UNSAID: "nothing says which words are said; expected NAME.TextGrid, NAME.ctm or NAME.txt beside the clip",
    SILENT: "no sound above -60 dB",
    LOST: "the words do not fit the sound",
    UNTAUGHT: "no other clip of the speaker to learn from",
    UNSHAPED: "none of the speaker's other clips says these visemes often enough",
}


@dataclass(frozen=True)
class Said:
    """One phone on the frames of a video. first, stop: frames that show it, at least one. viseme: -1 for none."""

    viseme: int
    first: int
    stop: int

    @property
    def middle(self) -> int:
        """The frame in its middle."""
        return (self.first + self.stop - 1) // 2


def on_frames(phones: Iterable[Timed], frames: int, fps: float, reach_s: float = 0.0) -> list[Said]:
    """Phones on the frames that show them: frame k is shown at k / fps; those that no frame shows at all are left out.

    Args:
        phones: with their times, seconds from frame 0 on.
        frames: of the video.
        fps: of the video.
        reach_s: also frames that are so much earlier or later count. Where none lies within, the nearest does.
    """
    on = []
    for phone in phones:
        middle = (phone.start_s + phone.end_s) / 2 * fps
        if not -0.5 <= middle <= frames - 0.5:
            continue
        first = max(0, int(np.ceil((phone.start_s - reach_s) * fps - 1e-6)))
        stop = min(frames, int(np.ceil((phone.end_s + reach_s) * fps - 1e-6)))
        if stop <= first:
            first = min(frames - 1, max(0, round(middle)))
            stop = first + 1
        shape = viseme(phone.name)
        on.append(Said(-1 if shape is None else shape, first, stop))
    return on


@dataclass(frozen=True, kw_only=True)
class SpokenMetric(Metric):
    """Base of the metrics that ask for the phones of the generated video's own sound.

    Statistics have a row of each clip, its head, and a row of each of its phones that counts: `frame`, int, where it
    is; `outcome`, int8, of the alignment in the head and -1 in the others; `spelled`, `far`, int, of the head's words.
    """

    regions: ClassVar[tuple[Region, ...]] = ()
    needs_landmarks: ClassVar[bool] = True
    needs_pictures: ClassVar[bool] = False
    needs_words: ClassVar[bool] = True
    needs_speech: ClassVar[bool] = True
    paired: ClassVar[bool] = False
    libraries: ClassVar[tuple[str, ...]] = ("pocketsphinx",)
    extra: ClassVar[str] = EXTRA

    def spoken(self, pair: ClipPair) -> tuple[np.ndarray, Alignment]:
        """Landmarks of the generated clip, NaN where there is no face, float32 (T, 80, 2); and its phones."""
        if pair.landmarks is None:
            raise MetricError(f"clip {pair.generated.id}: {self.name} needs the landmarks of the generated clip")
        clip = pair.generated
        heard = pair.once(("phones",), lambda: align(clip.speech, clip.sample_rate, clip.said))
        return tracked_landmarks(pair.landmarks[1]), heard

    def segments(self, stats: Stats, edges: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_]) -> list[Stats]:
        """Rows by the segments in which they are."""
        segment = np.searchsorted(edges[1:-1], stats["frame"], side="right")
        return [
            Stats(**{name: column[segment == each] for name, column in stats.items()}) for each in range(len(edges) - 1)
        ]

    def note(self, stats: Stats) -> str | None:
        heads = stats["outcome"] >= 0
        clips, parts = np.count_nonzero(heads), []
        for outcome, reason in REASONS.items():
            if count := np.count_nonzero(stats["outcome"] == outcome):
                parts.append(f"undefined for {count} of {clips} clips: {reason}")
        if count := np.count_nonzero(stats["spelled"]):
            parts.append(f"words that no dictionary has in {count} of {clips} clips, said as they are spelled")
        if far := stats["far"].sum():
            parts.append(f"{far} words are heard over 0.15 s from their given times, and count where they are heard")
        lost = np.count_nonzero(~stats["found"] & ~heads)
        if lost:
            parts.append(f"no face in {lost} of {stats.rows - clips} phones, counted as wrong")
        return "; ".join(parts) or None


def head(outcome: int, heard: Alignment) -> dict[str, float]:
    """The columns that the row of a clip shares with those of its phones."""
    return {"frame": 0, "outcome": outcome, "spelled": heard.spelled, "far": heard.far, "found": True}


def rows(columns: Iterable[dict[str, float]], kinds: dict[str, type]) -> Stats:
    """The statistics of some rows; what a row does not name is -1 in whole numbers, 0 in `spelled` and `far`."""
    listed = list(columns)
    usual = {"outcome": -1, "spelled": 0, "far": 0}
    every = {"frame": np.int64, "outcome": np.int8, "spelled": np.int64, "far": np.int64, "found": np.bool_, **kinds}
    return Stats(**{name: np.array([{**usual, **row}[name] for row in listed], kind) for name, kind in every.items()})


def outcome_of(heard: Alignment) -> int:
    """HEARD, or why there are no phones."""
    return heard.outcome if heard.phones or heard.outcome != HEARD else LOST
