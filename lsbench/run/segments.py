"""Segments of clips: where they begin, and how much each moves a score. They are drawn where clips are few."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lsbench.errors import RunError
from lsbench.face.track import BOX_RULES
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.protocol import Protocol
from lsbench.run.result import Partial
from lsbench.statistics.units import units

MOST_SEGMENTS, MOST_FRAMES = 10_000, 100_000_000  # of one clip
UNCUT = "no interval: it has no statistics of segments"  # in the note of such a score


class Segments:
    """The segments of a run's clips, equal parts of each.

    Attributes:
        edges: of each clip, int (segments + 1,), the compared frames at which segments begin, and their number T.
        faces: of each clip, bool (T,), the compared frames that face and mouth scores do not leave out.
    """

    def __init__(self, edges: Sequence[np.ndarray], faces: Sequence[np.ndarray]) -> None:
        self.edges, self.faces = tuple(edges), tuple(faces)

    @classmethod
    def of(cls, protocol: Protocol, heads: Sequence[Partial]) -> Segments | None:
        """Those of a protocol's finished clips.

        None where segments are not drawn: none are asked for, there are clips enough, or clips are too short.
        """
        if protocol.segment_s is None:
            return None
        edges = [_edges(head, protocol.segment_s, protocol.task == "dubbing") for head in heads]
        speakers = {clip.id: clip.speaker for clip in protocol.clips}
        drawn = units([speakers[head.clip_id] for head in heads], [len(each) - 1 for each in edges])
        return cls(edges, [_faces(head) for head in heads]) if drawn.by == "segment" else None

    def influence(self, metric: Metric, clips: Sequence[Stats]) -> list[np.ndarray] | None:
        """How much each segment moves a score: float64 (segments,) of each clip.

        Args:
            metric: of the score.
            clips: statistics of each clip.

        Returns:
            Metric.influence() of all segments that have rows, NaN for the others; None where the metric has no
            statistics of segments.
        """
        faces = metric.region in BOX_RULES
        parts = _Parts(metric, clips, self.edges, self.faces if faces else [np.ones_like(each) for each in self.faces])
        if parts.uncut:
            return None
        moved = [np.full(len(each) - 1, np.nan) for each in self.edges]
        for (clip, segment), value in zip(parts.places, metric.influence(parts), strict=True):
            moved[clip][segment] = value
        return moved


class _Parts(Sequence[Stats]):
    """The statistics of all segments that have rows, made when they are asked for; those of one clip are held."""

    def __init__(
        self, metric: Metric, clips: Sequence[Stats], edges: Sequence[np.ndarray], seen: Sequence[np.ndarray]
    ) -> None:
        self.metric, self.clips, self.edges, self.seen = metric, clips, edges, seen
        self.uncut = False  # whether there is a clip that the metric does not cut
        self.places: list[tuple[int, int]] = []  # clip and segment of each
        self._held: tuple[int, list[Stats] | None] = (-1, None)
        for clip in range(len(edges)):
            parts = self._of(clip)
            self.uncut = self.uncut or parts is None
            self.places += [(clip, segment) for segment, part in enumerate(parts or ()) if part.rows]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: Any) -> Any:
        clip, segment = self.places[index]
        return (self._of(clip) or ())[segment]

    def _of(self, clip: int) -> list[Stats] | None:
        if self._held[0] != clip:
            self._held = clip, self.metric.segments(self.clips[clip], self.edges[clip], self.seen[clip])
        return self._held[1]


def _edges(head: Partial, segment_s: float, dubbed: bool) -> np.ndarray:
    """Where the segments of a clip begin, in frames that were compared.

    They are those of the reference, so that every run has the same, however much of them it compares; where there is
    no ground truth, of the video.
    """
    frames = head.frames if dubbed else head.reference_frames
    count = min(max(1, round(frames / (head.fps * segment_s))), frames, MOST_SEGMENTS) if head.fps else 1
    edges = np.rint(np.linspace(0, frames, count + 1)).astype(np.int64)
    return np.clip(edges - (0 if dubbed else max(0, -head.lag_frames)), 0, head.frames)


def _faces(head: Partial) -> np.ndarray:
    """The compared frames of a clip that are not left out: bool (T,)."""
    if head.frames > MOST_FRAMES:
        raise RunError(f"clip {head.clip_id}: {head.frames} frames; expected at most {MOST_FRAMES}. Score it again")
    faces = np.ones(head.frames, bool)
    for start, stop in head.left_out:
        faces[start:stop] = False
    return faces
