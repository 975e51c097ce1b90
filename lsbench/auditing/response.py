"""How one score answers to one artifact: its value at every strength, and how surely it tells spoiled from clean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from lsbench.metrics._base.direction import oriented
from lsbench.metrics._base.metric import Metric
from lsbench.metrics._base.stats import Stats
from lsbench.statistics import bootstrap
from lsbench.statistics.detection import auc, auc_limits, monotonicity, ordered, threshold
from lsbench.statistics.units import Units

LEAST = 4  # clips, of which halves differ enough to stand for clips
DRAWS = 20  # halves of the clips that stand for single clips where a score needs many
RESAMPLES = 2000


@dataclass(frozen=True)
class Response:
    """What a score says of an artifact. All tuples go by `strengths`, of which the first is 0: the re-encoded clips.

    Attributes:
        artifact: by name.
        key: of the score.
        strengths: 0, then those of the artifact, in its unit.
        values: the score over all clips.
        low, high: its 95 % interval.
        auc: the chance that a spoiled clip scores worse than a clean one.
        auc_low, auc_high: its 95 % interval; NaN for scores that need many clips.
        louder: the same chance against clips that were only encoded once more, the control: below 1/2 the score likes
            the fault better.
        detected: the smallest strength that is found at an AUC of 0.9, NaN for none.
        monotonicity: Spearman's correlation of strength and badness.
        ordered: how often the stronger of two faults scores worse.
    """

    artifact: str
    key: str
    strengths: tuple[float, ...]
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    auc: tuple[float, ...]
    auc_low: tuple[float, ...]
    auc_high: tuple[float, ...]
    louder: tuple[float, ...]
    detected: float
    monotonicity: float
    ordered: float


def halves(clips: int, seed: int) -> list[np.ndarray]:
    """Up to DRAWS different halves of so many clips (LEAST or more), drawn at random, each in manifest order."""
    all_halves = list(combinations(range(clips), clips // 2)) if clips <= 12 else []
    random = np.random.default_rng((seed, clips))
    if all_halves:
        numbers = random.permutation(len(all_halves))[:DRAWS]
        return [np.array(all_halves[number]) for number in sorted(numbers)]
    return [np.sort(random.permutation(clips)[: clips // 2]) for _ in range(DRAWS)]


def samples(metric: Metric, parts: Sequence[Stats], draws: Sequence[np.ndarray]) -> np.ndarray:
    """A score of every clip on its own, float64 (clips,), or of every half of them where one clip has none."""
    if metric.per_clip:
        return np.array([metric.compute(part) for part in parts])
    return np.array([metric.fold([parts[clip] for clip in draw])[0] for draw in draws])


def respond(
    artifact: str,
    metric: Metric,
    strengths: Sequence[float],
    parts: Sequence[Sequence[Stats]],
    units: Units,
    draws: Sequence[np.ndarray],
    control: Sequence[Stats],
) -> Response:
    """The response of a metric; parts: of every strength, the first 0, the statistics of every clip; control: of the
    clips that were only encoded once more."""
    values = np.array([oriented(samples(metric, each, draws), metric.better) for each in parts])
    recoded = oriented(samples(metric, control, draws), metric.better)
    # A clip on which even the clean score is undefined (no pause, no closed lips) can tell nothing of a fault.
    defined = ~np.isnan(values[0])
    if not defined.any():
        defined[:] = True
    values, recoded = values[:, defined], recoded[defined]
    scores = np.array([metric.fold(each)[0] for each in parts])
    influence = np.array([metric.influence(each) for each in parts])
    if units.freedom:
        low, high = bootstrap.limits(bootstrap.deviations(influence, units, RESAMPLES), units)
    else:
        low = high = np.full(len(scores), np.nan)
    areas = [0.5, *(auc(values[0], spoiled, higher=True) for spoiled in values[1:])]
    if metric.per_clip and defined.all():
        limits = [auc_limits(values[0], spoiled, units, higher=True) for spoiled in values[1:]]
    else:
        limits = [(math.nan, math.nan)] * (len(values) - 1)
    return Response(
        artifact,
        metric.key,
        tuple(map(float, strengths)),
        tuple(scores.tolist()),
        tuple((scores + low).tolist()),
        tuple((scores + high).tolist()),
        tuple(areas),
        (0.5, *(low_limit for low_limit, _ in limits)),
        (0.5, *(high_limit for _, high_limit in limits)),
        tuple(auc(recoded, each, higher=True) for each in values),
        threshold(strengths, areas),
        monotonicity(values, higher=True),
        ordered(values, higher=True),
    )


def unmoved(artifact: str, clean: Response, strengths: Sequence[float]) -> Response:
    """The response of a score that an artifact cannot reach: at every strength what it says of clean clips."""
    count = len(strengths)
    half = (0.5,) * count
    return Response(
        artifact,
        clean.key,
        tuple(map(float, strengths)),
        clean.values[:1] * count,
        clean.low[:1] * count,
        clean.high[:1] * count,
        half,
        half,
        half,
        half,
        math.nan,
        0.0,
        0.5,
    )
