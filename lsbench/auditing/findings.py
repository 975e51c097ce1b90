"""From responses to a verdict: what each score notices, its false alarms, and the smallest set that notices all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from lsbench.auditing.artifacts.artifact import Artifact
from lsbench.auditing.artifacts.catalogue import ARTIFACTS
from lsbench.auditing.response import Response
from lsbench.statistics.detection import DETECTED

STEP = 3  # of a ladder, from 1: the last of most, where a fault is plain to see or to hear
WEAK = 0.7  # AUC from which a score notices a little
FOOLED = 0.1  # AUC up to which it takes the fault for an improvement
GRADES = {"good": "●", "drowned": "○", "weak": "◐", "blind": "·", "fooled": "✗"}


def grade(auc: float, louder: float) -> str:
    """What a score makes of a fault.

    Args:
        auc: against clean clips.
        louder: the same against clips that were only encoded once more.

    Returns:
        `good`: both are 0.9 or more. `drowned`: auc is, but the fault is not surely worse than harmless re-encoding.
        `weak`: auc 0.7 or more. `fooled`: auc 0.1 or less, the fault scores better. Else `blind`.
    """
    if auc >= DETECTED:
        return "good" if louder >= DETECTED else "drowned"
    return "weak" if auc >= WEAK else "fooled" if auc <= FOOLED else "blind"


@dataclass(frozen=True, eq=False)
class Audit:
    """What an audit found.

    Attributes:
        protocol: as a run describes it.
        clips: ids of those that were audited.
        units: what intervals draw, in a sentence.
        keys: of the scores, in order.
        better: key -> `higher` or `lower`.
        responses: by (artifact, key).
        unavailable: key -> why it was not measured.
        seed: of artifacts that are random, and of halves of clips.
        step: of each ladder, from 1, at which the verdict is given: the last one where it has fewer.
    """

    protocol: Mapping[str, Any]
    clips: tuple[str, ...]
    units: str
    keys: tuple[str, ...]
    better: Mapping[str, str]
    responses: Mapping[tuple[str, str], Response]
    unavailable: Mapping[str, str]
    seed: int = 0
    step: int = STEP

    @cached_property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Those that were injected, in the catalogue's order."""
        names = {name for name, _ in self.responses}
        return tuple(artifact for name, artifact in ARTIFACTS.items() if name in names)

    @cached_property
    def faults(self) -> tuple[Artifact, ...]:
        """The artifacts that are faults at the verdict's strength: what a score should notice."""
        return tuple(each for each in self.artifacts if self.strength(each.name) > each.harmless)

    def strengths(self, artifact: str) -> tuple[float, ...]:
        """The ladder of an artifact, 0 first."""
        return self.responses[artifact, self.keys[0]].strengths

    def place(self, artifact: str) -> int:
        """Where in its ladder (0 first) the verdict is given."""
        return min(self.step, len(self.strengths(artifact)) - 1)

    def strength(self, artifact: str) -> float:
        """At which the verdict is given."""
        return self.strengths(artifact)[self.place(artifact)]

    def auc(self, artifact: str, key: str) -> float:
        """At the verdict's strength."""
        return self.responses[artifact, key].auc[self.place(artifact)]

    def grade(self, artifact: str, key: str) -> str:
        """Of a score for an artifact at the verdict's strength; of a harmless change nothing louder is asked."""
        louder = self.responses[artifact, key].louder[self.place(artifact)]
        return grade(self.auc(artifact, key), louder if any(each.name == artifact for each in self.faults) else 1.0)

    def noticed(self, key: str) -> list[str]:
        """The faults that a score is good at."""
        return [each.name for each in self.faults if self.grade(each.name, key) == "good"]

    @cached_property
    def unnoticed(self) -> list[str]:
        """The faults that no score is good at."""
        return [each.name for each in self.faults if not any(each.name in self.noticed(key) for key in self.keys)]

    def alarms(self, key: str) -> list[tuple[str, float]]:
        """The harmless changes (artifact, strength) that a score takes for faults."""
        return [
            (each.name, strength)
            for each in self.artifacts
            for strength, area in zip(self.strengths(each.name), self.responses[each.name, key].auc, strict=True)
            if 0 < strength <= each.harmless and area >= DETECTED
        ]

    def harmless(self, key: str) -> int:
        """How many harmless changes there were that can reach a score: pictures do not hear."""
        return sum(
            0 < strength <= each.harmless
            for each in self.artifacts
            if not each.hears_only or len(set(self.responses[each.name, key].values)) > 1
            for strength in self.strengths(each.name)
        )

    @cached_property
    def recommended(self) -> tuple[str, ...]:
        """The smallest set of scores that is good at every fault that any score is good at; ties by fewer alarms."""
        faults = [each.name for each in self.faults if each.name not in self.unnoticed]
        if not faults:
            return ()
        good = np.array([[name in self.noticed(key) for key in self.keys] for name in faults], float)
        areas = np.array([[self.auc(name, key) for key in self.keys] for name in faults])
        alarms = np.array([len(self.alarms(key)) / max(1, self.harmless(key)) for key in self.keys])
        chosen = smallest_cover(good, 0.5 * alarms + 0.4 * (1 - areas.mean(axis=0)))
        return tuple(key for key, is_chosen in zip(self.keys, chosen, strict=True) if is_chosen)


def smallest_cover(good: np.ndarray, cost: Sequence[float] | np.ndarray) -> np.ndarray:
    """Which columns to take so that every row has a good one: as few as can be, of those the cheapest.

    good: (rows, columns), 1 where a column covers a row, every row by one at least. cost: (columns,) from 0 to 1.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    columns = good.shape[1]
    price = 1 + np.asarray(cost, np.float64) / (columns + 1)  # all costs together weigh less than one column
    solution = milp(
        price,
        constraints=LinearConstraint(good, lb=1),
        integrality=np.ones(columns),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    if not solution.success:
        return np.zeros(columns, bool)
    return np.asarray(np.rint(solution.x), bool)
