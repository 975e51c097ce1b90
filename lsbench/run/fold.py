"""The finished clips of a run, folded in manifest order into its result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbench.errors import RunError
from lsbench.metrics._base.stats import Stats
from lsbench.run.folder import TABLE, Run
from lsbench.run.measure import Settings
from lsbench.run.result import Partial, Result, Score


@dataclass(frozen=True)
class Parts(Sequence[Stats]):
    """The statistics of one metric over the finished clips, read from the run folder when they are asked for."""

    run: Run
    clip_ids: tuple[str, ...]
    key: str

    def __len__(self) -> int:
        return len(self.clip_ids)

    def __getitem__(self, index: Any) -> Any:
        return _finished(self.run, self.clip_ids[index], self.key).stats[self.key]


def _finished(run: Run, clip_id: str, *keys: str) -> Partial:
    partial = run.read_partial(clip_id, keys)
    if partial is None:
        raise RunError(f"clip {clip_id}: its finished part vanished from {run.path}; score it again")
    return partial


def finish(
    run: Run, settings: Settings, failed: Mapping[str, str], extra: list[Path], unavailable: Mapping[str, str]
) -> Result:
    """Fold the finished clips in manifest order and write the run's result."""
    clips = [clip for clip in settings.protocol.clips if clip.id not in failed]
    table: dict[str, list[Any]] = {name: [] for name in TABLE}
    scores = {}
    for metric in settings.metrics:
        region = metric.region.value if metric.region else ""
        frames = 0
        for clip in clips:
            partial = _finished(run, clip.id, metric.key)
            value = metric.compute(partial.stats[metric.key]) if metric.per_clip else math.nan
            row = (clip.id, clip.speaker, metric.spec, region, value, partial.frames)
            for column, cell in zip(table.values(), row, strict=False):  # influence follows
                column.append(cell)
            frames += partial.frames
        if clips:
            parts = Parts(run, tuple(clip.id for clip in clips), metric.key)
            table["influence"].extend(metric.influence(parts))
            value, note = metric.fold(parts)
            scores[metric.key] = Score(value, metric.better, metric.signature, frames, note)
    heads = [_finished(run, clip.id) for clip in clips]
    result = Result(
        name=run.path.name,
        path=run.path,
        protocol=run.request()["protocol"],
        scores=scores,
        clips=len(clips),
        expected=len(settings.protocol.clips),
        failed={clip.id: failed[clip.id] for clip in settings.protocol.clips if clip.id in failed},
        extra=tuple(sorted(str(path) for path in extra)),
        unavailable=unavailable,
        lag_frames={head.clip_id: head.lag_frames for head in heads} if settings.protocol.align == "lag" else {},
        frames=sum(head.frames for head in heads),
        reference_frames=sum(head.reference_frames for head in heads),
    )
    run.finish(result, table)
    return result
