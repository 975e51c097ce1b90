"""How much each clip moves a score: what intervals and tests on the score are made of (see lsbench.statistics)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from lsbench.metrics._base.stats import Stats

MOST_CLIPS = 256  # against which a clip is weighed, so that the cost grows with the clips and not with their square


def of_statistic(parts: Sequence[Stats], compute: Callable[[Stats], float]) -> np.ndarray:
    """Influence of each clip on compute(all clips joined): float64 (clips,), mean 0; NaN where it is undefined.

    For a mean over frames: the clip's mean less the score, by its share of the frames. Otherwise by leaving out one
    clip after the other (jackknife); of more than MOST_CLIPS clips, by adding each to that many, evenly spaced.
    """
    parts = list(parts)
    if len(parts) < 2:
        return np.full(len(parts), math.nan)
    joined = Stats.join(parts)
    value, values = compute(joined), np.array([compute(part) for part in parts])
    weights = np.array([part.rows for part in parts]) * len(parts) / joined.rows
    if not math.isfinite(value):
        return np.full(len(parts), math.nan)
    if np.isfinite(values).all() and math.isclose(math.fsum(weights * values) / len(parts), value, rel_tol=1e-9):
        return weights * (values - value)
    if len(parts) <= MOST_CLIPS:
        return jackknife(np.array([compute(_without(joined, *span)) for span in _spans(parts)]))
    some = Stats.join(parts[int(place)] for place in np.linspace(0, len(parts) - 1, MOST_CLIPS))
    added = np.array([compute(some + part) for part in parts])
    influence: np.ndarray = (MOST_CLIPS + 1) * (added - added.mean())
    return influence


def jackknife(without: np.ndarray) -> np.ndarray:
    """Influence of each clip, from the scores that leave it out: (clips,) -> float64 (clips,), mean 0."""
    with np.errstate(invalid="ignore"):  # scores without bound: it is undefined
        influence: np.ndarray = (len(without) - 1) * (without.mean() - without)
    return influence


def _spans(parts: Sequence[Stats]) -> list[tuple[int, int]]:
    ends = np.cumsum([part.rows for part in parts])
    return [(int(end) - part.rows, int(end)) for end, part in zip(ends, parts, strict=True)]


def _without(stats: Stats, start: int, stop: int) -> Stats:
    return Stats(**{name: np.concatenate([column[:start], column[stop:]]) for name, column in stats.items()})
