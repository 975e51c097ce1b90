"""Two runs side by side: in which fields they differ, and by how much, score by score and clip by clip."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lsbench import registry
from lsbench.board.clip_values import gather
from lsbench.board.significance import Pair, Verdict
from lsbench.errors import ComparisonError
from lsbench.metrics._base.direction import oriented
from lsbench.run.conditions import Difference
from lsbench.run.folder import Run
from lsbench.run.result import Result


@dataclass(frozen=True)
class ClipDifference:
    """One clip by one score. difference: other less one; NaN where one of them is undefined."""

    clip: str
    one: float
    other: float
    difference: float


@dataclass(frozen=True)
class ScoreDifference:
    """One score of both runs. pair: other less one; clips: those where `other` loses most first."""

    key: str
    better: str
    one: float
    other: float
    pair: Pair
    clips: tuple[ClipDifference, ...]


@dataclass(frozen=True)
class Comparison:
    """Two runs. rank_by: the protocol's key, or the first score where it is not measured. withheld: why no clips."""

    one: Result
    other: Result
    fields: tuple[Difference, ...]
    scores: tuple[ScoreDifference, ...]
    withheld: str | None

    @property
    def comparable(self) -> bool:
        """Whether no field differs that moves a number."""
        return not any(field.decisive for field in self.fields)

    def score(self, key: str | None = None) -> ScoreDifference | None:
        """The score of a key; without one, of the protocol's, else the first; None where there is none."""
        if key is not None and key not in (known := [score.key for score in self.scores]):
            raise ComparisonError(registry.unknown("score", key, known))
        wanted = key or self.one.protocol.get("rank_by")
        return next((score for score in self.scores if score.key == wanted), next(iter(self.scores), None))


def compare(one: str | Path, other: str | Path) -> Comparison:
    """Compare two runs on the scores and clips that both have, in those signatures that agree.

    Where a field differs that moves a number, clips are still shown but nothing is tested; where the clips themselves
    differ, they are not shown.
    """
    if Path(one).resolve() == Path(other).resolve():
        raise ComparisonError(f"{one} and {other} are the same run; name two")
    runs = [Run(path) for path in (one, other)]
    results, (mine, theirs) = [run.result() for run in runs], [run.conditions for run in runs]
    fields = tuple(mine.differences(theirs))
    if results[0].name == results[1].name:
        results = [replace(result, name=str(result.path)) for result in results]
    first, second = results
    if mine.protocol.get("manifest_sha256") != theirs.protocol.get("manifest_sha256"):
        return Comparison(first, second, fields, (), "the runs were scored on other clips")
    shared = [key for key in first.scores if key in second.scores]
    keys = [key for key in shared if first.scores[key].signature == second.scores[key].signature]
    evidence = gather(results, keys)
    tested = not any(field.decisive for field in fields) and first.complete and second.complete
    verdict = Verdict(evidence, ~np.isnan(evidence.scores) & ~evidence.short() & tested)
    clips = [_values(result) for result in results]
    scores = [
        ScoreDifference(
            key,
            evidence.better[place],
            first[key],
            second[key],
            _pair(verdict, key, tested),
            _clips(clips[0].get(key, {}), clips[1].get(key, {}), evidence.better[place]),
        )
        for place, key in enumerate(keys)
    ]
    return Comparison(first, second, fields, tuple(scores), None if keys else "the runs share no score")


def _pair(verdict: Verdict, key: str, tested: bool) -> Pair:
    one, other = verdict.evidence.names
    pair = verdict.pairs(key, [(other, one)])[0]
    return pair if tested else replace(pair, low=math.nan, high=math.nan, p=math.nan, clips_needed=math.nan)


def _values(result: Result) -> dict[str, dict[str, float]]:
    """Clip values by key and clip."""
    table = Run(result.path).table()
    found: dict[str, dict[str, float]] = {}
    for (metric, region), rows in table.groupby(["metric", "region"], sort=False):
        key = f"{metric}/{region}" if region else str(metric)
        found[key] = dict(zip(rows["clip_id"], rows["value"], strict=True))
    return found


def _clips(one: dict[str, float], other: dict[str, float], better: str) -> tuple[ClipDifference, ...]:
    """Clips that both runs have and at least one of them defines, those where `other` loses most first."""
    found = [
        ClipDifference(clip, one[clip], other[clip], _less(other[clip], one[clip]))
        for clip in one
        if clip in other and not (math.isnan(one[clip]) and math.isnan(other[clip]))
    ]

    def gain(clip: ClipDifference) -> tuple[bool, float]:
        return not math.isnan(clip.difference), _less(oriented(clip.other, better), oriented(clip.one, better))

    return tuple(sorted(found, key=gain))


def _less(value: float, other: float) -> float:
    return 0.0 if value == other else value - other
