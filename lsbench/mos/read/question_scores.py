"""One question of a study: scores of every generator on every clip, and how they would be with other raters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy.special import stdtrit
from scipy.stats import binom

from lsbench.mos.read.answers import AcrAnswers, Answers, PairsAnswers
from lsbench.statistics.bradley_terry import information, preferences, scores
from lsbench.statistics.crossed import Estimate, student_p
from lsbench.statistics.mean_opinion import mean_opinion
from lsbench.statistics.permutation import ALPHA


class QuestionScores(ABC):
    """What people said to one question. generators, clips, raters: names. estimate: scores of the generators.

    values: float64 (generators, clips), NaN where nobody was asked; counts: answers, int, the same shape. relative:
    whether values only compare generators of one clip, and say nothing of one clip against another.
    """

    relative: ClassVar[bool] = False

    generators: tuple[str, ...]
    clips: tuple[str, ...]
    raters: tuple[str, ...]
    estimate: Estimate
    values: np.ndarray
    counts: np.ndarray

    @abstractmethod
    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the values' 95 % intervals over other raters; NaN where there are too few."""

    @abstractmethod
    def separated(self) -> np.ndarray:
        """Which generators people tell apart on one clip: int8 (generators, generators, clips).

        1 where the first is better, -1 where the second is, 0 where they cannot be told apart at 5 %, each pair by
        itself.
        """

    @abstractmethod
    def redrawn(self, weights: np.ndarray) -> np.ndarray:
        """The values where each rater counts so often: weights (draws, raters) -> (draws, generators, clips)."""


class AcrScores(QuestionScores):
    """Of a study by acr: the means of scores, raters' offsets taken out."""

    def __init__(self, answers: AcrAnswers, question: str) -> None:
        ratings = answers.ratings[answers.questions.index(question)]
        self.generators, self.clips, self.raters = answers.generators, answers.clips, answers.raters
        self.estimate, fair = mean_opinion(ratings)
        self._rated = ~np.isnan(fair)
        self._ratings = np.nan_to_num(fair)  # 0 where nothing was rated
        self.counts = self._rated.sum(axis=0)
        self.values = self.redrawn(np.ones((1, len(self.raters))))[0]

    def _error(self) -> np.ndarray:
        """Standard error of each value over other raters."""
        square = np.where(self._rated, np.square(self._ratings - np.nan_to_num(self.values)), 0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(self.counts > 2, np.sqrt(square / (self.counts - 1) / self.counts), np.nan)

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        reach = stdtrit(np.maximum(1, self.counts - 1), 0.975) * self._error()
        return self.values - reach, self.values + reach

    def separated(self) -> np.ndarray:
        square, count = np.square(self._error()), self.counts
        apart = self.values[:, None] - self.values[None]
        total = square[:, None] + square[None]
        with np.errstate(invalid="ignore", divide="ignore"):
            parts = np.square(square) / (count - 1)
            free = np.square(total) / (parts[:, None] + parts[None])  # Welch
        p = student_p(apart, np.sqrt(total), np.where(np.isfinite(free), free, 1))
        return np.where(p < ALPHA, np.sign(np.nan_to_num(apart)), 0).astype(np.int8)

    def redrawn(self, weights: np.ndarray) -> np.ndarray:
        count = np.tensordot(weights, self._rated.astype(np.float64), axes=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.tensordot(weights, self._ratings, axes=1) / np.where(count > 0, count, np.nan)


class PairsScores(QuestionScores):
    """Of a study by pairs: Bradley-Terry scores, those of a clip from the choices on it."""

    relative = True

    def __init__(self, answers: PairsAnswers, question: str) -> None:
        choices = answers.of_question(question)
        self.generators, self.clips, self.raters = choices.generators, choices.clips, choices.raters
        count, indices = len(self.generators), (choices.rater, choices.clip, choices.winner, choices.loser)
        self.estimate = preferences(count, len(self.raters), len(self.clips), *indices, weight=choices.weight)
        self._wins = np.zeros((len(self.raters), len(self.clips), count, count))
        np.add.at(self._wins, indices, choices.weight)
        first = choices.repeat == 0
        self._once = np.zeros((len(self.clips), count, count))
        np.add.at(self._once, tuple(index[first] for index in indices[1:]), 1)
        self.counts = np.zeros((count, len(self.clips)), np.int64)
        for side in (choices.winner, choices.loser):
            np.add.at(self.counts, (side, choices.clip), 1)
        self.values = self.redrawn(np.ones((1, len(self.raters))))[0]

    def limits(self) -> tuple[np.ndarray, np.ndarray]:
        wins = self._wins.sum(axis=0)
        inverse = np.linalg.inv(information(wins + np.swapaxes(wins, -1, -2), np.nan_to_num(self.values.T)))
        inverse -= inverse.mean(axis=-1, keepdims=True)  # the mean is held at 0
        inverse -= inverse.mean(axis=-2, keepdims=True)
        reach = 1.96 * np.sqrt(np.einsum("cgg->gc", inverse))
        return self.values - reach, self.values + reach

    def separated(self) -> np.ndarray:
        won = np.moveaxis(self._once, 0, -1)
        tried = won + np.swapaxes(won, 0, 1)
        p = np.minimum(1, 2 * binom.cdf(np.minimum(won, tried - won), np.maximum(tried, 1), 0.5))
        return np.where((p < ALPHA) & (tried > 0), np.sign(2 * won - tried), 0).astype(np.int8)

    def redrawn(self, weights: np.ndarray) -> np.ndarray:
        wins = np.tensordot(weights, self._wins, axes=1)  # (draws, clips, g, g)
        values = np.moveaxis(scores(wins), 1, -1)
        return np.where(self.counts > 0, values, np.nan)


def question_scores(answers: Answers, question: str) -> QuestionScores:
    """What the raters said to one question."""
    return AcrScores(answers, question) if isinstance(answers, AcrAnswers) else PairsScores(answers, question)
