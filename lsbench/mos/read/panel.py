"""Ratings as arrays: who rated which generator on which clip, and how."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lsbench.mos.key import StudyKey
from lsbench.mos.read.ratings import HEADPHONES, Rating


@dataclass(frozen=True, eq=False)
class Panel:
    """Scores of a study by acr. first, second: float64 (questions, raters, generators, clips), NaN: none."""

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

    def keep(self, names: Collection[str]) -> Panel:
        """The same of these raters only."""
        at = [place for place, name in enumerate(self.raters) if name in names]
        kept = tuple(self.raters[place] for place in at)
        return replace(self, raters=kept, first=self.first[:, at], second=self.second[:, at])


@dataclass(frozen=True, eq=False)
class Ballot:
    """Choices of a study by pairs: arrays (choices,), places in the tuples.

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

    def keep(self, names: Collection[str]) -> Ballot:
        """The same of these raters only."""
        kept = tuple(name for name in self.raters if name in names)
        place = np.array([kept.index(name) if name in kept else -1 for name in self.raters])
        return replace(self.select(place[self.rater] >= 0, place), raters=kept)

    def of_question(self, question: str) -> Ballot:
        """The choices of one question."""
        return self.select(self.question == self.questions.index(question))

    def select(self, chosen: np.ndarray, renamed: np.ndarray | None = None) -> Ballot:
        """The choices where `chosen` is true; renamed: new places of the raters."""
        names = ("question", "rater", "clip", "left", "right", "won", "repeat", "weight")
        fields = {name: getattr(self, name)[chosen] for name in names}
        if renamed is not None:
            fields["rater"] = renamed[fields["rater"]]
        return replace(self, **fields)


def panel(ratings: Sequence[Rating], key: StudyKey) -> Panel:
    """The arrays of a study by acr, raters in alphabetical order."""
    questions, raters, generators, clips = _axes(ratings, key)
    shown = np.full((2, len(questions), len(raters), len(generators), len(clips)), np.nan)
    for rating in ratings:
        if rating.kind != HEADPHONES:
            item = key.items[rating.item]
            place = questions.index(rating.question), raters.index(rating.rater)
            shown[(rating.repeat, *place, generators.index(item.generator), clips.index(item.clip))] = rating.value
    return Panel(questions, raters, generators, clips, shown[0], shown[1])


def ballot(ratings: Sequence[Rating], key: StudyKey) -> Ballot:
    """The arrays of a study by pairs."""
    questions, raters, generators, clips = _axes(ratings, key)
    rows, seen = [], []
    for rating in ratings:
        if rating.kind != HEADPHONES:
            left, right = key.items[rating.item], key.items[rating.other]
            place = questions.index(rating.question), raters.index(rating.rater), clips.index(left.clip)
            sides = generators.index(left.generator), generators.index(right.generator)
            rows.append((*place, *sides, rating.value, rating.repeat))
            seen.append((*place, *sorted(sides)))
    table = np.array(rows, np.int64)
    _, group, count = np.unique(np.array(seen), axis=0, return_inverse=True, return_counts=True)
    question, rater, clip, left_side, right_side, won, repeat = table.T
    return Ballot(
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
