"""Segments of clips: where they begin, and how much each moves a score. They are drawn where clips are few.

Most statistics have a row a frame, and are cut. Of metrics with a value a clip that says so (Metric.by_segment) every
segment is measured as a clip of its own beside the clip itself: its values say how the score varies from moment to
moment, while the score stays that of whole clips.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from lsbench.errors import RunError
from lsbench.face.track import BOX_RULES
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.protocol import Protocol
from lsbench.run.result import Partial
from lsbench.run.windows import FilmPair
from lsbench.statistics.units import units

MOST_SEGMENTS, MOST_FRAMES = 10_000, 100_000_000  # of one clip
UNCUT = "no interval: it has no statistics of segments"  # in the note of such a score


def key_by_segment(metric: Metric) -> str:
    """Where a finished clip keeps the statistics of its segments, of a metric that measures them."""
    return f"{metric.key} by segment"


def measured_segments(metrics: Iterable[Metric], films: FilmPair, segment_s: float | None) -> dict[str, Stats]:
    """The statistics of every segment that has frames, by key_by_segment(), of the metrics that measure segments."""
    metrics = [metric for metric in metrics if metric.by_segment]
    if segment_s is None or not metrics:
        return {}
    edges = _edges(len(films), films.reference_frames, films.lag_frames, films.generated.fps, segment_s)
    blank = films.blank()
    pairs = [_cut(blank, films.aligned, *span) for span in pairwise(edges.tolist()) if span[0] < span[1]]
    return {key_by_segment(metric): Stats.join(map(metric.measure, pairs)) for metric in metrics}


def too_short(films: FilmPair, segment_s: float | None) -> list[str]:
    """A note where two segments are longer than the clip that they are cut from."""
    length_s = films.reference_frames / films.generated.fps
    if segment_s is None or 2 * segment_s <= length_s:
        return []
    parts = _count(films.reference_frames, films.generated.fps, segment_s)
    cut = f"cut into {parts}" if parts > 1 else "one segment"
    return [f"segments of {segment_s:g} s are longer than half of its {length_s:.1f} s: it is {cut}"]


def _cut(pair: ClipPair, aligned: bool, start: int, stop: int) -> ClipPair:
    """Some frames of a pair of blank clips; where there is no truth, the reference is as blank as the video."""
    reference = pair.reference if aligned else pair.generated
    landmarks = pair.landmarks
    if landmarks is not None:
        landmarks = landmarks[0 if aligned else 1].cut(start, stop), landmarks[1].cut(start, stop)
    return replace(
        pair,
        reference=reference.cut(start, stop),
        generated=pair.generated.cut(start, stop),
        first_frame=pair.first_frame + start,
        landmarks=landmarks,
        reference_work={},
    )


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
        edges = [
            _edges(head.frames, head.reference_frames, head.lag_frames, head.fps or 0, protocol.segment_s)
            for head in heads
        ]
        speakers = {clip.id: clip.speaker for clip in protocol.clips}
        drawn = units([speakers[head.clip_id] for head in heads], [len(each) - 1 for each in edges])
        return cls(edges, [_faces(head) for head in heads]) if drawn.by == "segment" else None

    def influence(self, metric: Metric, clips: Sequence[Stats]) -> list[np.ndarray] | None:
        """How much each segment moves a score: float64 (segments,) of each clip.

        Args:
            metric: of the score.
            clips: statistics of each clip; those of its segments, a row each, where the metric measures them.

        Returns:
            Metric.influence() of all segments that have rows, NaN for the others; None where the metric has no
            statistics of segments.
        """
        if metric.by_segment:
            parts: _Parts = _Measured(metric, clips, self.edges, self.faces)
        else:
            faces = metric.region in BOX_RULES
            seen = self.faces if faces else [np.ones_like(each) for each in self.faces]
            parts = _Parts(metric, clips, self.edges, seen)
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
            self._held = clip, self._segments(clip)
        return self._held[1]

    def _segments(self, clip: int) -> list[Stats] | None:
        return self.metric.segments(self.clips[clip], self.edges[clip], self.seen[clip])


class _Measured(_Parts):
    """The statistics of segments that were measured as clips: a row of each that has frames."""

    def _segments(self, clip: int) -> list[Stats] | None:
        rows = np.append(0, np.cumsum(np.diff(self.edges[clip]) > 0))
        return [self.clips[clip].cut(start, stop) for start, stop in pairwise(rows.tolist())]


def _edges(frames: int, reference_frames: int, lag_frames: int, fps: float, segment_s: float) -> np.ndarray:
    """Where the segments of a clip begin, in frames that were compared, and their number.

    They are those of the reference, so that every run has the same, however much of them it compares.

    Args:
        frames: that were compared.
        reference_frames: of the reference clip; where there is no truth, that the video should have.
        lag_frames: by which the video is late.
        fps: frames a second; 0 where that is not known, and a clip is one segment.
        segment_s: about how long a segment is.
    """
    count = _count(reference_frames, fps, segment_s) if fps else 1
    edges = np.rint(np.linspace(0, reference_frames, count + 1)).astype(np.int64)
    edges = np.clip(edges - max(0, -lag_frames), 0, frames)
    edges[-1] = frames
    return edges


def _count(frames: int, fps: float, segment_s: float) -> int:
    """Into how many segments a clip of so many frames is cut."""
    return min(max(1, round(frames / (fps * segment_s))), frames, MOST_SEGMENTS)


def _faces(head: Partial) -> np.ndarray:
    """The compared frames of a clip that are not left out: bool (T,)."""
    if head.frames > MOST_FRAMES:
        raise RunError(f"clip {head.clip_id}: {head.frames} frames; expected at most {MOST_FRAMES}. Score it again")
    faces = np.ones(head.frames, bool)
    for start, stop in head.left_out:
        faces[start:stop] = False
    return faces
