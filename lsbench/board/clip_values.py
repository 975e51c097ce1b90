"""What every clip says of every run: the tables of several run folders as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lsbench.metrics._base.direction import oriented, settled
from lsbench.run.folder import Run
from lsbench.run.result import Result


@dataclass(frozen=True, eq=False)
class Evidence:
    """Clip values of runs under one protocol.

    names: of the runs; keys: of the scores; clips, speakers: of the manifest, in its order. scores: float64 (keys,
    runs). values: float64 (keys, runs, clips), of clips on their own, NaN where there is none. influence: the same
    shape, how much a clip moves the score (see lsbench.statistics). better: of each key, a Better.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    clips: tuple[str, ...]
    speakers: tuple[str, ...]
    scores: np.ndarray
    values: np.ndarray
    influence: np.ndarray
    better: tuple[str, ...]

    @property
    def oriented(self) -> np.ndarray:
        """scores with more always better: float64 (keys, runs)."""
        return self.orient(self.scores)

    def orient(self, values: np.ndarray) -> np.ndarray:
        """Values (keys, ...) with more always better."""
        turned = [oriented(each, better) for each, better in zip(values, self.better, strict=True)]
        return np.array(turned, np.float64).reshape(values.shape)

    @property
    def signs(self) -> np.ndarray:
        """What makes a score, and what clips add to it, its distance from 0 where 0 is best: float64 (keys, runs)."""
        best_at_zero = np.array([better == "zero" for better in self.better], bool)
        return np.where(best_at_zero[:, None] & (self.scores < 0), -1.0, 1.0)

    def defined(self) -> np.ndarray:
        """In how many clips each score is defined, int (keys, runs); 0 for all where clips have no values of it."""
        return np.count_nonzero(~np.isnan(self.values), axis=2)

    def short(self) -> np.ndarray:
        """Which scores lack a clip that another run's score counts: bool (keys, runs)."""
        known = ~np.isnan(self.values)
        return (known.any(axis=1, keepdims=True) & ~known).any(axis=2) & ~np.isnan(self.scores)


def gather(results: Sequence[Result], keys: Sequence[str]) -> Evidence:
    """Read the clip tables of complete runs of one protocol; a run without a table of the same clips has no values."""
    tables = [Run(result.path).table() for result in results]
    manifest = next((table for table in tables if len(table)), None)
    clips: dict[str, str] = {}
    if manifest is not None:
        clips = dict(zip(manifest["clip_id"], manifest["speaker"].fillna(""), strict=True))
    shape = (len(keys), len(results), len(clips))
    scores, values, influence = np.full(shape[:2], np.nan), np.full(shape, np.nan), np.full(shape, np.nan)
    directions: dict[str, set[str]] = {key: set() for key in keys}
    for run, (result, table) in enumerate(zip(results, tables, strict=True)):
        groups = dict(iter(table.groupby(["metric", "region"], sort=False)))
        for place, key in enumerate(keys):
            if key not in result.scores:
                continue
            scores[place, run] = result.scores[key].value
            directions[key].add(result.scores[key].better)
            spec, _, region = key.rpartition("/") if "/" in key else (key, "", "")
            rows = groups.get((spec, region))
            if rows is not None and list(rows["clip_id"]) == list(clips):
                values[place, run], influence[place, run] = rows["value"], rows["influence"]
    return Evidence(
        tuple(result.name for result in results),
        tuple(keys),
        tuple(clips),
        tuple(clips.values()),
        scores,
        values,
        influence,
        tuple(settled(directions[key]) for key in keys),
    )
