"""The finished clips of a run, folded in manifest order into its result."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lsbench.errors import RunError, foreign
from lsbench.face.track import BOX_RULES
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.stats import Stats
from lsbench.protocol.protocol import Protocol
from lsbench.run.folder import SEGMENTS, TABLE, Run
from lsbench.run.result import Partial, Result, Score
from lsbench.run.segments import UNCUT, Segments, key_by_segment
from lsbench.statistics.units import units

LEFT_OUT = {region.value for region in BOX_RULES}  # regions whose scores leave out frames without a face
WITHIN = "the interval draws blocks of 1 s of it: other moments of this recording, no other recordings"
MOST_BYTES = 128 << 20  # of statistics that are held in memory while a run is folded


class FinishedClips:
    """The finished clips of a run, each of whose files is opened once.

    The statistics of as many metrics are held as MOST_BYTES has room for; those of the largest ones, sets of features
    of many clips, are read from the run folder again whenever they are asked for.
    """

    def __init__(self, run: Run, clip_ids: Sequence[str], keys: Sequence[str]) -> None:
        self.run, self.clip_ids = run, tuple(clip_ids)
        self.heads: list[Partial] = []  # what is said of each clip beside its statistics
        self._held: dict[str, list[Stats]] = {key: [] for key in keys}
        sizes = dict.fromkeys(keys, 0)
        for clip_id in clip_ids:
            partial = self.read(clip_id, self._held)
            self.heads.append(replace(partial, stats={}))
            for key in self._held:
                self._held[key].append(partial.stats[key])
                sizes[key] += sum(column.nbytes for column in partial.stats[key].values())
            while sum(sizes.values()) > MOST_BYTES:
                largest = max(sizes, key=lambda key: sizes[key])
                del sizes[largest], self._held[largest]

    def of(self, key: str) -> Sequence[Stats]:
        """The statistics of one metric, clip by clip."""
        return self._held[key] if key in self._held else _Unheld(self, key)

    def read(self, clip_id: str, keys: Iterable[str]) -> Partial:
        """One clip from its file; RunError where it is not there any more."""
        partial = self.run.read_partial(clip_id, keys)
        if partial is None:
            raise RunError(f"clip {clip_id}: its finished part vanished from {self.run.path}; score it again")
        return partial


class _Unheld(Sequence[Stats]):
    """The statistics of one metric, read from the run folder when they are asked for."""

    def __init__(self, clips: FinishedClips, key: str) -> None:
        self._clips, self._key = clips, key

    def __len__(self) -> int:
        return len(self._clips.clip_ids)

    def __getitem__(self, index: Any) -> Any:
        return self._clips.read(self._clips.clip_ids[index], [self._key]).stats[self._key]


def _unfolded(run: Run, metric: Metric, said: str) -> RunError:
    """What is said where a metric cannot make a score of what was kept of the clips: its code, or an edited file."""
    return RunError(
        f"{metric.key}: no score can be made of the clips in {run.path}: {said}. If the metric is in order, their "
        "files are not as lsbench wrote them: score into another --out"
    )


def finish(
    run: Run,
    protocol: Protocol,
    metrics: Sequence[Metric],
    failed: Mapping[str, str] | None = None,
    extra: Iterable[Path] = (),
    unavailable: Mapping[str, str] | None = None,
) -> Result:
    """Fold the finished clips in manifest order and write the run's result.

    Args:
        run: the folder that holds them.
        protocol: whose clips they are.
        metrics: whose statistics are folded, in the order of the result.
        failed: clip id -> why it could not be scored.
        extra: videos that match no clip.
        unavailable: metric key -> why it was not measured.

    Raises:
        RunError: where a clip that did not fail is not there, or the result cannot be written.
    """
    failed = failed or {}
    clips = [clip for clip in protocol.clips if clip.id not in failed]
    keys = [metric.key for metric in metrics]
    keys += [key_by_segment(metric) for metric in metrics if metric.by_segment and protocol.segment_s]
    finished = FinishedClips(run, [clip.id for clip in clips], keys)
    frames = sum(head.frames for head in finished.heads)
    left_out = sum(stop - start for head in finished.heads for start, stop in head.left_out)
    segments = Segments.of(protocol, finished.heads)
    table: dict[str, list[Any]] = {name: [] for name in (*TABLE, *([SEGMENTS] if segments else []))}
    scores = {}
    lone = bool(clips) and not segments and not units([clip.speaker for clip in clips]).freedom
    for metric in metrics if clips else ():
        with foreign(partial(_unfolded, run, metric)):
            stats = finished.of(metric.key)
            region = metric.region.value if metric.region else ""
            for clip, head, own in zip(clips, finished.heads, stats, strict=True):
                value = metric.compute(own) if metric.per_clip else math.nan
                row = (clip.id, clip.speaker, metric.spec, region, value, head.frames)
                for column, cell in zip(table.values(), row, strict=False):  # influence follows
                    column.append(cell)
            table["influence"].extend(metric.influence(stats))
            value, note = metric.fold(stats)
            if region in LEFT_OUT and left_out:
                note = "; ".join(
                    filter(None, [note, f"{left_out} of {frames} frames left out: no face in the reference"])
                )
            if segments:
                moved = segments.influence(metric, finished.of(key_by_segment(metric)) if metric.by_segment else stats)
                table[SEGMENTS].extend(moved or [np.full(len(edges) - 1, math.nan) for edges in segments.edges])
                note = note if moved else "; ".join(filter(None, [note, UNCUT]))
            scores[metric.key] = Score(value, metric.better, metric.signature, frames, note, metric.detail(stats))
            if lone:
                scores[metric.key] = _within(scores[metric.key], metric, stats)
    result = Result(
        name=run.path.name,
        path=run.path,
        protocol=run.request()["protocol"],
        scores=scores,
        clips=len(clips),
        expected=len(protocol.clips),
        failed={clip.id: failed[clip.id] for clip in protocol.clips if clip.id in failed},
        extra=tuple(sorted(str(path) for path in extra)),
        unavailable=unavailable or {},
        lag_frames={head.clip_id: head.lag_frames for head in finished.heads} if protocol.align == "lag" else {},
        compared_frames=frames,
        reference_frames=sum(head.reference_frames for head in finished.heads),
        notes={head.clip_id: list(head.notes) for head in finished.heads if head.notes},
        kept=run,
    )
    run.finish(result, table)
    return result


def _within(score: Score, metric: Metric, stats: Sequence[Stats]) -> Score:
    """The score with an interval from within its few clips, where the metric has one."""
    low, high = metric.within(stats)
    if math.isnan(low):
        return score
    note = "; ".join(filter(None, [score.note, WITHIN]))
    return replace(score, note=note, low=low, high=high)
