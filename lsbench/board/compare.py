"""Two runs side by side: in which fields they differ, and by how much, score by score and clip by clip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbench import registry
from lsbench.board.clip_values import FEWEST_FRAMES, read_clip_values, values_by_clip
from lsbench.board.column import Pair
from lsbench.board.significance import Significance
from lsbench.errors import ComparisonError
from lsbench.metrics._base.direction import oriented
from lsbench.run.conditions import Difference
from lsbench.run.folder import Run
from lsbench.run.result import Result


@dataclass(frozen=True)
class ClipDifference:
    """One clip of both runs by one score. difference: second less first; NaN where one of them is undefined."""

    clip: str
    first: float
    second: float
    difference: float


@dataclass(frozen=True)
class ScoreDifference:
    """One score of both runs. pair: of the second (one) and the first (other); clips: the second's losses first."""

    key: str
    better: str
    first: float
    second: float
    pair: Pair
    clips: tuple[ClipDifference, ...]


@dataclass(frozen=True)
class Comparison:
    """Two runs, every difference the second less the first.

    Attributes:
        first: The run to compare with.
        second: The run that is compared with it.
        fields: In what the runs were made otherwise.
        scores: Those that both have, in the same signature.
        withheld: Why no scores are shown; None where they are.
    """

    first: Result
    second: Result
    fields: tuple[Difference, ...]
    scores: tuple[ScoreDifference, ...]
    withheld: str | None

    @property
    def comparable(self) -> bool:
        """Whether no field differs that moves a number."""
        return not any(field.decisive for field in self.fields)

    def score(self, key: str | None = None) -> ScoreDifference | None:
        """The score of a key; without one, of the protocol's, else the first; None where there is none."""
        keys = [score.key for score in self.scores]
        if key is not None and key not in keys:
            raise ComparisonError(registry.unknown("score", key, keys))
        wanted = key or self.first.protocol.get("rank_by")
        return next((score for score in self.scores if score.key == wanted), next(iter(self.scores), None))


def compare(first: str | Path, second: str | Path) -> Comparison:
    """Compare two runs on the scores and clips that both have, in those signatures that agree.

    Where a field differs that moves a number, clips are still shown but nothing is tested; where the clips themselves
    differ, they are not shown.

    Args:
        first: Folder of the run to compare with.
        second: Folder of the run that is compared with it.

    Returns:
        Every difference, the second less the first.

    Raises:
        ComparisonError: Both are the same run.
        RunError: One of them is no run, or cannot be read.
    """
    if Path(first).resolve() == Path(second).resolve():
        raise ComparisonError(f"{first} and {second} are the same run; name two")
    runs = [Run(path) for path in (first, second)]
    results, conditions = [run.result() for run in runs], [run.conditions for run in runs]
    fields = tuple(conditions[0].differences(conditions[1]))
    if results[0].name == results[1].name:
        results = [replace(result, name=str(result.path)) for result in results]
    before, after = results
    manifests = [each.protocol.get("manifest_sha256") for each in conditions]
    if manifests[0] != manifests[1]:
        return Comparison(before, after, fields, (), "the runs were scored on other clips")
    shared = [key for key in before.scores if key in after.scores]
    keys = [key for key in shared if before.scores[key].signature == after.scores[key].signature]
    clip_values = read_clip_values(results, keys)
    tested = not any(field.decisive for field in fields) and before.complete and after.complete
    tested = tested and bool((clip_values.shares(np.ones(len(results), bool)) >= FEWEST_FRAMES).all())
    significance = Significance(clip_values, ~np.isnan(clip_values.oriented) & ~clip_values.short() & tested)
    by_clip = [values_by_clip(result) for result in results]
    scores = []
    for key, better in zip(keys, clip_values.better, strict=True):
        (pair,) = significance.pairs(key, [(after.name, before.name)])
        if not tested:
            pair = replace(pair, low=math.nan, high=math.nan, p=math.nan, clips_needed=math.nan)
        clips = _clips(by_clip[0].get(key, {}), by_clip[1].get(key, {}), better)
        scores.append(ScoreDifference(key, better, before[key], after[key], pair, clips))
    return Comparison(before, after, fields, tuple(scores), None if keys else "the runs share no score")


def _clips(first: Mapping[str, float], second: Mapping[str, float], better: str) -> tuple[ClipDifference, ...]:
    """Clips that both runs have and at least one of them defines, those where the second loses most first."""
    clips = [
        ClipDifference(clip, first[clip], second[clip], _less(second[clip], first[clip]))
        for clip in first
        if clip in second and not (math.isnan(first[clip]) and math.isnan(second[clip]))
    ]

    def gain(clip: ClipDifference) -> tuple[bool, float]:
        return not math.isnan(clip.difference), _less(oriented(clip.second, better), oriented(clip.first, better))

    return tuple(sorted(clips, key=gain))


def _less(value: float, subtrahend: float) -> float:
    return 0.0 if value == subtrahend else value - subtrahend
