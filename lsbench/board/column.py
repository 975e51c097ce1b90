"""A column of a board: one score of every run, with what is known of its differences."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import ClassVar

from lsbench.metrics._base.direction import arrow
from lsbench.run.result import Score
from lsbench.run.shown import half, number
from lsbench.statistics.permutation import ALPHA


@dataclass(frozen=True)
class Pair:
    """Two generators by one score.

    Attributes:
        one: The one generator.
        other: The other one.
        difference: One less other (of the distances from 0, where 0 is best).
        low: Lower end of its 95 % interval, NaN where there is none.
        high: Upper end.
        p: Corrected for all pairs (Holm); NaN where they are not tested.
        detectable: The difference that this many clips find in 80 % of studies, for this pair, as the smallest of so
            many p (Holm's first step, the hardest; inf where none can be found).
        clips_needed: Clips, or segments where those are drawn, that the difference found takes. NaN where there is
            nothing to tell it from.
    """

    one: str
    other: str
    difference: float
    low: float
    high: float
    p: float
    detectable: float
    clips_needed: float

    @property
    def significant(self) -> bool:
        """Whether p is below 5 %."""
        return self.p < ALPHA


@dataclass(frozen=True, eq=False)
class Column(ABC):
    """One score of all runs. Two kinds are made: of a metric (board/significance.py), of people (board/people.py).

    Attributes:
        key: The score key, such as `ssim/mouth` or `mos/overall`.
        better: `higher`, `lower`, `zero` or `none`: which way is better.
        scores: By generator, of every run and anchor that has this score.
        ranks: By generator, from 1, the same for equal values; of those that can be ranked by this score.
    """

    by_people: ClassVar[bool]
    decimals: ClassVar[int | None] = None  # that its numbers are shown with; None: about four figures

    key: str
    better: str
    scores: Mapping[str, Score]
    ranks: Mapping[str, int]

    @property
    @abstractmethod
    def letters(self) -> Mapping[str, str]:
        """Tie groups by generator: those that share a letter cannot be told apart; a is the best."""

    @abstractmethod
    def interval(self, generator: str) -> tuple[float, float]:
        """The 95 % interval of a generator's score; NaN twice where there is none."""

    @abstractmethod
    def pairs(self, names: Sequence[tuple[str, str]]) -> list[Pair]:
        """Pairs of ranked generators, each one less other."""

    @abstractmethod
    def describe(self) -> tuple[str, str]:
        """What the score asks, and where it comes from."""

    @property
    def drawn(self) -> str:
        """What is counted where a difference needs more: clip, or segment where those are drawn."""
        return "clip"

    @property
    def heading(self) -> str:
        """The key with the direction in which it improves: `psnr/whole ↑`."""
        return f"{self.key} {arrow(self.better)}".strip()

    def shown(self, value: float) -> str:
        """A value of the column as people read it."""
        return number(value) if self.decimals is None else f"{value:.{self.decimals}f}"

    def margin(self, generator: str) -> str:
        """Half the width of a generator's 95 % interval, to the decimals of its value; empty where there is none."""
        low, high = self.interval(generator)
        if math.isnan(low):
            return ""
        width = (high - low) / 2
        value = self.scores[generator].value
        return half(value, width) if self.decimals is None else f"{width:.{self.decimals}f}"

    def text(self, generator: str) -> str:
        """Value, half the interval and tie letters, such as `0.9123 ±0.0112 ab`; - where there is no score."""
        score = self.scores.get(generator)
        if score is None:
            return "-"
        margin = self.margin(generator)
        parts = (self.shown(score.value), f"±{margin}" if margin else "", self.letters.get(generator, ""))
        return " ".join(filter(None, parts))

    @property
    def order(self) -> list[str]:
        """The ranked generators, the best first."""
        return sorted(self.ranks, key=lambda generator: (self.ranks[generator], generator))

    def neighbours(self) -> list[Pair]:
        """Each ranked generator and the next one."""
        return self.pairs(list(pairwise(self.order)))

    def every_two(self) -> list[Pair]:
        """Every two ranked generators, the better one first."""
        return self.pairs(list(combinations(self.order, 2)))
