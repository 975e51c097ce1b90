"""The answers of a study as arrays: who said what of which generator on which clip."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsbench.mos.key import StudyKey
from lsbench.mos.read.ratings import HEADPHONES, Rating


@dataclass(frozen=True, eq=False)
class AcrAnswers:
    """Scores from 1 to 5. first, second: float64 (questions, raters, generators, clips), NaN: none."""

    questions: tuple[str, ...]
    raters: tuple[str, ...]
    generators: tuple[str, ...]
    clips: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray

    @property
    def ratings(self) -> np.ndarray:
        """The mean of the showings, the same shape."""
        both = np.stack([self.first, self.second])
        count = (~np.isnan(both)).sum(axis=0)
        return np.where(count, np.nansum(both, axis=0) / np.maximum(1, count), np.nan)

    def keep(self, names: Collection[str]) -> AcrAnswers:
        """The same of these raters only."""
        rows = [row for row, name in enumerate(self.raters) if name in names]
        kept = tuple(self.raters[row] for row in rows)
        return replace(self, raters=kept, first=self.first[:, rows], second=self.second[:, rows])


@dataclass(frozen=True, eq=False)
class PairsAnswers:
    """Choices between two videos: arrays (choices,), of indices into the tuples.

    left, right: generators, as shown. won: bool, whether the left one was preferred. repeat: 0 or 1. weight: float64,
    one half where a rater saw the pair twice, so that every rater counts the same.
    """

    questions: tuple[str, ...]
    raters: tuple[str, ...]
    generators: tuple[str, ...]
    clips: tuple[str, ...]
    question: np.ndarray
    rater: np.ndarray
    clip: np.ndarray
    left: np.ndarray
    right: np.ndarray
    won: np.ndarray
    repeat: np.ndarray
    weight: np.ndarray

    @property
    def winner(self) -> np.ndarray:
        return np.where(self.won, self.left, self.right)

    @property
    def loser(self) -> np.ndarray:
        return np.where(self.won, self.right, self.left)

    def keep(self, names: Collection[str]) -> PairsAnswers:
        """The same of these raters only."""
        kept = tuple(name for name in self.raters if name in names)
        index = np.array([kept.index(name) if name in kept else -1 for name in self.raters])
        return replace(self.select(index[self.rater] >= 0, index), raters=kept)

    def of_question(self, question: str) -> PairsAnswers:
        """The choices of one question."""
        return self.select(self.question == self.questions.index(question))

    def select(self, chosen: np.ndarray, rater_index: np.ndarray | None = None) -> PairsAnswers:
        """The choices where `chosen` is true. rater_index: by the old index of a rater the new one."""
        names = ("question", "rater", "clip", "left", "right", "won", "repeat", "weight")
        fields = {name: getattr(self, name)[chosen] for name in names}
        if rater_index is not None:
            fields["rater"] = rater_index[fields["rater"]]
        return replace(self, **fields)


Answers = AcrAnswers | PairsAnswers


def answers_of(ratings: Sequence[Rating], key: StudyKey) -> Answers:
    """The arrays of a study by its method, raters in alphabetical order."""
    return acr_answers(ratings, key) if key.method == "acr" else pairs_answers(ratings, key)


def acr_answers(ratings: Sequence[Rating], key: StudyKey) -> AcrAnswers:
    """The arrays of a study by acr."""
    questions, raters, generators, clips = _axes(ratings, key)
    shown = np.full((2, len(questions), len(raters), len(generators), len(clips)), np.nan)
    for rating in ratings:
        if rating.kind != HEADPHONES:
            item = key.items[rating.item]
            row = questions.index(rating.question), raters.index(rating.rater)
            shown[(rating.repeat, *row, generators.index(item.generator), clips.index(item.clip))] = rating.value
    return AcrAnswers(questions, raters, generators, clips, shown[0], shown[1])


def pairs_answers(ratings: Sequence[Rating], key: StudyKey) -> PairsAnswers:
    """The arrays of a study by pairs."""
    questions, raters, generators, clips = _axes(ratings, key)
    rows, seen = [], []
    for rating in ratings:
        if rating.kind != HEADPHONES:
            left, right = key.items[rating.item], key.items[rating.other]
            asked = questions.index(rating.question), raters.index(rating.rater), clips.index(left.clip)
            sides = generators.index(left.generator), generators.index(right.generator)
            rows.append((*asked, *sides, rating.value, rating.repeat))
            seen.append((*asked, *sorted(sides)))
    table = np.array(rows, np.int64)
    _, group, count = np.unique(np.array(seen), axis=0, return_inverse=True, return_counts=True)
    question, rater, clip, left_side, right_side, won, repeat = table.T
    return PairsAnswers(
        questions,
        raters,
        generators,
        clips,
        question,
        rater,
        clip,
        left_side,
        right_side,
        won.astype(bool),
        repeat,
        1.0 / count[group.ravel()],
    )


def _axes(ratings: Sequence[Rating], key: StudyKey) -> tuple[tuple[str, ...], ...]:
    return (
        tuple(question.id for question in key.questions),
        tuple(sorted({rating.rater for rating in ratings if rating.kind != HEADPHONES})),
        tuple(name for name in key.generators if any(item.generator == name for item in key.items.values())),
        tuple(dict.fromkeys(item.clip for item in sorted(key.items.values(), key=lambda item: item.clip))),
    )
