"""Every metric of a pair of films: read once, window by window, in memory that does not grow with their length."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import MetricError, foreign
from lsbench.face.track import BOX_RULES, FaceTrack
from lsbench.media.clip import Clip
from lsbench.media.film import Film, Window
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._base.score_key import OWN
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.changes import Changes
from lsbench.run.learn import Models
from lsbench.run.rows import Rows

WINDOW_BYTES = 32 << 20  # of frames a side, about
WHOLE_BYTES = 2 << 30  # of frames of both sides, the most for metrics that see a clip at once


@dataclass(frozen=True, eq=False)
class FilmPair:
    """A generated film beside its reference: a ClipPair (which says what the other fields are) not yet read.

    reference, generated: frame by frame, of one size and length; where there is no truth the reference is the film that
    lent the face, of any length. aligned: whether there is one. lag_frames: by which generated was late before they
    were lined up. reference_frames: of the whole reference film;
    where there is no truth, how many frames the generated one should have. notes: for a reader of the result.
    reference_cut: the frames of the reference's file that are compared, where nothing else was done to them. kept: what
    is kept of the reference for the next generator, of films that are one window; None where nothing is.
    """

    reference: Film
    generated: Film
    track: FaceTrack | None = None
    first_frame: int = 0
    landmarks: tuple[FaceTrack, FaceTrack] | None = None
    device: str = "cpu"
    weights: Mapping[str, Path] = field(default_factory=dict)
    reference_sha256: str | None = None
    models: Models = field(default_factory=dict)
    aligned: bool = True
    lag_frames: int = 0
    reference_frames: int = 0
    notes: tuple[str, ...] = ()
    reference_cut: tuple[int, int] | None = None
    kept: dict[Hashable, Any] | None = None

    def __len__(self) -> int:
        return len(self.generated)

    def blank(self, keys: frozenset[str] = frozenset()) -> ClipPair:
        """The pair as metrics see it that look at no pixels; keys: the scores that are measured of it."""
        return self._pair(self.reference.blank(), self.generated.blank(), keys)

    def read(self, keys: frozenset[str] = frozenset()) -> ClipPair:
        """The pair with all its frames in memory; keys: as for blank()."""
        pair = self._pair(self.reference.clip(), self.generated.clip(), keys)
        return pair if self.kept is None else replace(pair, reference_work=self.kept.setdefault("whole", {}))

    @property
    def left_out(self) -> np.ndarray:
        """Frames whose face was lost for longer than a gap may last: no box says where face and mouth are. bool (T,)"""
        if self.track is None:
            return np.zeros(len(self), bool)
        return self.track.lost[self.first_frame : self.first_frame + len(self)]

    @property
    def bytes(self) -> int:
        """Memory that the frames of both sides take."""
        return sum(len(film) * film.frame_bytes for film in (self.reference, self.generated))

    def _pair(self, reference: Clip, generated: Clip, keys: frozenset[str]) -> ClipPair:
        return ClipPair(
            reference,
            generated,
            track=self.track,
            first_frame=self.first_frame,
            landmarks=self.landmarks,
            device=self.device,
            weights=self.weights,
            reference_sha256=self.reference_sha256,
            keys=keys,
            models=self.models,
        )


def demand_fits(metrics: Sequence[Metric], clip_id: str, frames: int, size: int) -> None:
    """MetricError where metrics that must see a clip at once would see more than WHOLE_BYTES of frames.

    Args:
        metrics: those; there may be none.
        clip_id: for the error.
        frames: of the clip that are compared.
        size: bytes of them and of the reference's.
    """
    if metrics and size > WHOLE_BYTES:
        raise MetricError(
            f"clip {clip_id}: {', '.join(metric.key for metric in metrics)} must see the clip at once, and its "
            f"{frames} frames take {size / 2**30:.1f} GiB with the reference's; expected at most {WHOLE_BYTES >> 30}. "
            "Leave the metric out, or cut the clip into shorter ones"
        )


def measured(metrics: Sequence[Metric], films: FilmPair, changes: Changes | None = None) -> dict[str, Stats]:
    """The statistics of every metric, by its key.

    Args:
        metrics: what is measured.
        films: of what.
        changes: is given all frames of two films that are aligned, where any metric looks at frames.

    Raises:
        MetricError: where one must see the clip whole, and it is too large for that; where a user's own fails.
    """
    keys = frozenset(metric.key for metric in metrics)
    reaches = {metric: metric.reach_frames(films.generated.fps) for metric in metrics if metric.needs_pictures}
    at_once = [metric for metric, reach in reaches.items() if reach is None]
    demand_fits(at_once, films.generated.id, len(films), films.bytes)
    blank = films.blank(keys)
    whole = films.read(keys) if at_once else None
    if whole and len(at_once) == len(reaches) and changes and films.aligned:
        changes.add(whole.reference.frames, whole.generated.frames)
    rows = _rows({metric: reach for metric, reach in reaches.items() if reach is not None}, films, blank, changes)
    stats = {}
    for metric in metrics:
        if reaches.get(metric) is not None:
            stats[metric.key] = _guarded(metric, metric.conclude, rows.stats(metric.key), blank)
        else:
            stats[metric.key] = _guarded(metric, metric.measure, whole if metric in at_once else blank)
        if metric.region in BOX_RULES and films.left_out.any():
            stats[metric.key] = metric.without(stats[metric.key], films.left_out)
    return stats


def _rows(reaches: Mapping[Metric, int], films: FilmPair, blank: ClipPair, changes: Changes | None) -> Rows:
    """What each metric keeps of every window. reaches: how far each one looks; changes: see measured()."""
    rows = Rows()
    if not reaches:
        return rows
    frames = max(1, WINDOW_BYTES // films.generated.frame_bytes)
    margin = max(reaches.values())
    references = films.reference.windows(frames, margin) if films.aligned else None
    generated = films.generated.windows(frames, margin)
    while window := next(generated, None):
        reference = next(references) if references else None
        if changes and reference:
            changes.add(reference.frames[reference.own], window.frames[window.own])
        kept = films.kept if len(window.frames) == len(films) else None
        rows.add(_looked_at(reaches, _pair_of(films, blank, reference, window), kept))
        del window, reference  # before the next ones are read
    return rows


def _looked_at(reaches: Mapping[Metric, int], window: ClipPair, kept: dict[Hashable, Any] | None) -> dict[str, Stats]:
    """What each metric keeps of one window, by its key. kept: see FilmPair."""
    trimmed: dict[tuple[int, int], ClipPair] = {}
    stats = {}
    for metric, reach in reaches.items():
        span = max(0, window.own.start - reach), min(len(window), window.own.stop + reach)
        if span not in trimmed:
            work = {} if kept is None else kept.setdefault(span, {})
            trimmed[span] = replace(_trimmed(window, *span), reference_work=work)
        stats[metric.key] = _guarded(metric, metric.look, trimmed[span])
    return stats


def _pair_of(films: FilmPair, blank: ClipPair, reference: Window | None, generated: Window) -> ClipPair:
    """A window of both films as metrics see it; reference: None where there is no truth, and its frames stay blank."""
    first, stop = generated.first, generated.first + len(generated.frames)
    landmarks = films.landmarks if films.aligned else None
    return replace(
        blank,
        reference=_clip(films.reference, reference) if reference else films.generated.cut(first, stop).blank(),
        generated=_clip(films.generated, generated),
        first_frame=films.first_frame + first,
        landmarks=(landmarks[0].cut(first, stop), landmarks[1].cut(first, stop)) if landmarks else None,
        window_of=blank,
        place=first,
        own=generated.own,
        reference_work={},
    )


def _trimmed(window: ClipPair, first: int, stop: int) -> ClipPair:
    """Frames first..stop-1 of a window."""
    if (first, stop) == (0, len(window)):
        return window
    landmarks = window.landmarks
    return replace(
        window,
        reference=window.reference.cut(first, stop),
        generated=window.generated.cut(first, stop),
        first_frame=window.first_frame + first,
        landmarks=(landmarks[0].cut(first, stop), landmarks[1].cut(first, stop)) if landmarks else None,
        place=window.place + first,
        own=slice(window.own.start - first, window.own.stop - first),
        reference_work={},
    )


def _clip(film: Film, window: Window) -> Clip:
    """A window of a film as a clip, with the speech that goes with it."""
    cut = film.cut(window.first, window.first + len(window.frames))
    return Clip(film.id, window.frames, cut.speech, film.fps, film.sample_rate, cut.said)


def _guarded(metric: Metric, measure: Callable[..., Stats], *given: Any) -> Stats:
    """measure(*given); MetricError where a user's own metric fails, in whatever way."""
    if not metric.filed_as.startswith(OWN):
        return measure(*given)
    where = f"clip {given[-1].reference.id}: metric {metric.filed_as} fails"
    with foreign(lambda said: MetricError(f"{where}: {said}")):
        return measure(*given)
