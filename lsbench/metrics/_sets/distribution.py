"""Base of the metrics that compare sets of features, and what they share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from lsbench.errors import MetricError
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sets import frechet


@dataclass(frozen=True, kw_only=True)
class Distribution(Metric):
    """Base of the metrics on sets of features: float32 (rows, width) of `reference` and of `generated` for each clip.

    They have no value for one clip; a sub-class folds many.
    """

    better: ClassVar[Literal["higher", "lower"]] = "lower"
    per_clip: ClassVar[bool] = False

    def compute(self, stats: Stats) -> float:
        return self.fold([stats])[0]

    def note(self, stats: Stats) -> str | None:
        return self.fold([stats])[1]


def frechet_of(parts: Iterable[Stats]) -> tuple[int, float]:
    """Rows a side and Fréchet distance of the clips, in their order; memory does not grow with their number."""
    counts: list[int] = []

    def sides() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for stats in parts:
            counts.append(stats.rows)
            yield stats["reference"], stats["generated"]

    value = frechet.gathered_distance(sides())
    return sum(counts), value


def singular(count: int, width: int) -> str:
    """What is to be said of so many rows of so many features: empty where covariances are regular."""
    return "" if count > width else f"; N <= {width} features: covariances are singular, compare at equal N only"


def demand(metric: str, option: str, value: int, least: int) -> None:
    """Raise MetricError where an option is too small."""
    if value < least:
        raise MetricError(f"metric {metric}: option {option}={value}; expected at least {least}")
