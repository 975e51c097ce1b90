"""What every clip says of every run: the tables of several run folders as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from lsbench.metrics._base.direction import common_direction, oriented
from lsbench.metrics._base.score_key import ScoreKey, split_spec
from lsbench.run.folder import SEGMENTS, Run
from lsbench.run.result import Result, Score
from lsbench.statistics.units import units

FEWEST_FRAMES = 0.9  # share of the frames of every clip that another run compares, at least, to be ranked beside it


@dataclass(frozen=True, eq=False)
class ClipValues:
    """Clip values of runs under one protocol.

    Attributes:
        names: Of the runs.
        keys: Of the scores.
        clips: Ids of the manifest's clips, in its order.
        speakers: Of the clips.
        scores: float64 (keys, runs); NaN where a run has no such score.
        values: float64 (keys, runs, clips), of clips on their own; NaN where there is none.
        influence: float64 (keys, runs, rows), how much a clip, or a segment of one, moves the score (see
            lsbench.statistics); NaN where that is not known, which is not the same as 0.
        better: Of each key, `higher`, `lower`, `zero` or `none`.
        segments: How many rows of influence are of each clip; none where its rows are the clips.
        frames: int64 (runs, clips), that were compared; 0 where that is not known.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    clips: tuple[str, ...]
    speakers: tuple[str, ...]
    scores: np.ndarray
    values: np.ndarray
    influence: np.ndarray
    better: tuple[str, ...]
    segments: tuple[int, ...] = ()
    frames: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.int64))

    @property
    def oriented(self) -> np.ndarray:
        """scores with more always better, NaN where neither way is: float64 (keys, runs)."""
        return self.orient(self.scores)

    def orient(self, values: np.ndarray) -> np.ndarray:
        """Values (keys, ...) with more always better."""
        turned = [oriented(each, better) for each, better in zip(values, self.better, strict=True)]
        return np.array(turned, np.float64).reshape(values.shape)

    @property
    def signs(self) -> np.ndarray:
        """What makes a score, and what clips add to it, its distance from 0 where 0 is best: float64 (keys, runs)."""
        best_at_zero = np.array([better == "zero" for better in self.better], bool)
        signs: np.ndarray = np.where(best_at_zero[:, None] & (self.scores < 0), -1.0, 1.0)
        return signs

    def with_scores(self, added: Mapping[str, Mapping[str, Score]]) -> ClipValues:
        """The same with scores of which no clip values are known: by key and run."""
        nothing, unknown = (np.full((len(added), *each.shape[1:]), np.nan) for each in (self.values, self.influence))
        rows = [[scores[name].value if name in scores else np.nan for name in self.names] for scores in added.values()]
        return replace(
            self,
            keys=(*self.keys, *added),
            scores=np.concatenate([self.scores, np.array(rows, np.float64).reshape(nothing.shape[:2])]),
            values=np.concatenate([self.values, nothing]),
            influence=np.concatenate([self.influence, unknown]),
            better=(*self.better, *(better_of(scores.values()) for scores in added.values())),
        )

    def defined(self) -> np.ndarray:
        """In how many clips each score is defined, int (keys, runs); 0 for all where clips have no values of it."""
        count: np.ndarray = np.count_nonzero(~np.isnan(self.values), axis=2)
        return count

    def short(self) -> np.ndarray:
        """Which scores lack a clip that another run's score counts: bool (keys, runs)."""
        defined = ~np.isnan(self.values)
        lacking: np.ndarray = (defined.any(axis=1, keepdims=True) & ~defined).any(axis=2) & ~np.isnan(self.scores)
        return lacking

    def shares(self, ranked: np.ndarray) -> np.ndarray:
        """Of the frames of a clip that some ranked run compares, the least share that each run compares.

        Args:
            ranked: bool (runs,).

        Returns:
            float64 (runs,), at most 1; 1 where it is not known.
        """
        if not self.frames.size or not ranked.any():
            return np.ones(len(self.names))
        known, most = self.frames > 0, np.maximum(1, self.frames[ranked].max(axis=0))
        shares: np.ndarray = np.where(known, np.minimum(1, self.frames / most), 1.0).min(axis=1)
        return shares


def read_clip_values(results: Sequence[Result], keys: Sequence[str]) -> ClipValues:
    """Read the clip tables of complete runs of one protocol; a run without a table of the same clips has no values."""
    tables = [Run.of(result).table() for result in results]
    manifest = next((table for table in tables if len(table)), None)
    clips: dict[str, str] = {}
    if manifest is not None:
        clips = dict(zip(manifest["clip_id"], manifest["speaker"].fillna(""), strict=True))
    shape = (len(keys), len(results), len(clips))
    scores, values, influence = np.full(shape[:2], np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    frames = np.zeros(shape[1:], np.int64)
    by_segment: dict[tuple[int, int], list[np.ndarray]] = {}  # influence of the segments of each clip, by key and run
    for run, (result, table) in enumerate(zip(results, tables, strict=True)):
        groups = dict(clip_rows(table))
        for row, key in enumerate(keys):
            if key not in result.scores:
                continue
            scores[row, run] = result.scores[key].value
            lines = groups.get(key)
            if lines is not None and list(lines["clip_id"]) == list(clips):
                values[row, run], influence[row, run] = lines["value"], lines["influence"]
                frames[run] = lines["frames"]
                if SEGMENTS in lines:
                    by_segment[row, run] = list(lines[SEGMENTS])
    segments: tuple[int, ...] = ()
    if manifest is not None and all(SEGMENTS in table for table in tables if len(table)):
        moved, counts = _segments(by_segment, shape)
        if units(tuple(clips.values()), counts).by == "segment":
            influence, segments = moved, counts
    return ClipValues(
        tuple(result.name for result in results),
        tuple(keys),
        tuple(clips),
        tuple(clips.values()),
        scores,
        values,
        influence,
        tuple(better_of(result.scores[key] for result in results if key in result.scores) for key in keys),
        segments,
        frames,
    )


def _segments(
    by_segment: Mapping[tuple[int, int], Sequence[np.ndarray]], shape: tuple[int, int, int]
) -> tuple[np.ndarray, tuple[int, ...]]:
    """The influence of segments, float64 (keys, runs, segments), and how many there are of each clip.

    Those that no run compared are left out. Of those that others compared, a run's influence is 0, and that of the rest
    is to more segments than it has: it grows in proportion.

    Args:
        by_segment: by key and run, of each clip the influence of its segments, NaN where they were not compared.
        shape: of keys, runs and clips.
    """
    *scores, clips = shape
    most = [max((len(cells[clip]) for cells in by_segment.values()), default=0) for clip in range(clips)]
    ends = np.cumsum([0, *most])
    moved = np.full((*scores, int(ends[-1])), np.nan)
    for place, cells in by_segment.items():
        for start, cell in zip(ends[:-1], cells, strict=True):
            moved[place][start : start + len(cell)] = cell
    compared = ~np.isnan(moved)
    kept = compared.any(axis=(0, 1))
    moved, compared = moved[..., kept], compared[..., kept]
    count = compared.sum(axis=2, keepdims=True)
    moved = np.where(count > 0, np.where(compared, moved, 0) * moved.shape[2] / np.maximum(1, count), np.nan)
    of_clip = np.repeat(np.arange(clips), most)[kept]
    return moved, tuple(np.bincount(of_clip, minlength=clips).tolist())


def values_by_clip(result: Result) -> dict[str, dict[str, float]]:
    """What each clip of one run says on its own: by score key and clip id, NaN where it is undefined."""
    return {
        key: dict(zip(rows["clip_id"], rows["value"].tolist(), strict=True))
        for key, rows in clip_rows(Run.of(result).table())
    }


def clip_rows(table: Any) -> Iterator[tuple[str, Any]]:
    """The rows of a clip table (see Run.table) by score key, in its order: pandas.DataFrames."""
    for (metric, region), rows in table.groupby(["metric", "region"], sort=False):
        yield str(ScoreKey(*split_spec(str(metric)), str(region))), rows


def better_of(scores: Iterable[Score]) -> str:
    """Which way is better, by what several runs say of one score."""
    return common_direction({score.better for score in scores})
