"""A study read: from answers to scores, intervals, agreement, power, and metrics against people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from lsbench.board.clip_values import ClipValues
from lsbench.board.people import (
    QuestionResult,
    RatedClip,
    RatedGenerator,
    RatedPair,
    RaterAgreement,
    RaterReport,
    StudyResult,
)
from lsbench.board.rank import leaderboard
from lsbench.errors import StudyError
from lsbench.mos.key import StudyKey
from lsbench.mos.read.answers import AcrAnswers, Answers, answers_of
from lsbench.mos.read.metric_agreement import against_people
from lsbench.mos.read.question_scores import QuestionScores, question_scores
from lsbench.mos.read.ratings import Rating
from lsbench.mos.read.screening.screen_raters import screen_raters
from lsbench.run.folder import Run
from lsbench.statistics.krippendorff import alpha_limits
from lsbench.statistics.letters import letters
from lsbench.statistics.permutation import ALPHA
from lsbench.statistics.power import detectable, raters_needed
from lsbench.statistics.units import FEWEST


def read_study(
    ratings: Sequence[Rating],
    key: StudyKey,
    *,
    runs: Sequence[Path] = (),
    keep_all: bool = False,
    strict: bool = False,
    require_headphones: bool = False,
    difference: float | None = None,
) -> StudyResult:
    """What the raters of a study said, and how far the metrics of its runs agree with them.

    Args:
        ratings: As read_ratings() read them.
        key: The study's key.
        runs: Folders of the study's runs, whose metrics are held against people; none where empty.
        keep_all: Leave nobody out; the reasons stay.
        strict: Leave out by ITU-T P.910's thresholds alone.
        require_headphones: Leave out who fails the headphone check, which is a flag otherwise.
        difference: One that the reader wants to find; the result says how many raters that takes.

    Returns:
        What write_study_result() keeps and a board shows.

    Raises:
        StudyError: No rater is left, or a run is not of the study.
    """
    answers = answers_of(ratings, key)
    checks = screen_raters(ratings, answers, key, strict=strict, require_headphones=require_headphones)
    kept = {check.rater for check in checks if check.kept or keep_all}
    if not kept:
        raise StudyError(
            f"none of the {len(checks)} raters is left; --keep-all reads the answers all the same and names the reasons"
        )
    answers = answers.keep(kept)
    clip_values = _clip_values(runs, key) if runs else None
    asked = {rating.question for rating in ratings if rating.rater in kept}
    questions = tuple(
        _question(question.id, question.text, question_scores(answers, question.id), answers, clip_values, difference)
        for question in key.questions
        if question.id in asked
    )
    notes = [_ground(kept, answers)]
    notes += _few(kept)
    if clip_values is not None:
        notes += _not_compared(clip_values, key)
    reports = tuple(
        RaterReport(check.rater, check.rater in kept, tuple(check.reasons), tuple(check.flags), check.figures)
        for check in checks
    )
    return StudyResult(key.study, key.method, dict(key.protocol), reports, questions, difference, tuple(notes))


def _clip_values(runs: Sequence[Path], key: StudyKey) -> ClipValues:
    """The clip values of the study's runs; StudyError where they are not of the study."""
    for path in runs:
        digest = Run(path).conditions.protocol["digest"]
        if digest != key.protocol["digest"]:
            raise StudyError(
                f"run {path} is of another protocol ({digest[:12]}) than the study "
                f"({key.protocol['name']}, {key.protocol['digest'][:12]}); pass the study's runs"
            )
    clip_values = leaderboard(runs).significance.clip_values
    names = {run.name for run in key.runs}
    strange = [name for name in clip_values.names if name not in names]
    if strange:
        raise StudyError(f"{', '.join(strange)}: not among the study's runs, which are {', '.join(sorted(names))}")
    return clip_values


def _question(
    name: str,
    text: str,
    people: QuestionScores,
    answers: Answers,
    clip_values: ClipValues | None,
    difference: float | None,
) -> QuestionResult:
    estimate, count = people.estimate, len(people.generators)
    rated = [index for index in range(count) if people.counts[index].any()]
    order = sorted(rated, key=lambda index: -estimate.values[index])
    low, high = estimate.limits(np.eye(count))
    p = estimate.p()
    apart = np.nan_to_num(p, nan=1.0)[np.ix_(order, order)] < ALPHA
    np.fill_diagonal(apart, False)
    group = dict(zip(order, letters(apart), strict=True))
    scores = tuple(
        RatedGenerator(
            people.generators[index],
            float(estimate.values[index]),
            float(low[index]),
            float(high[index]),
            int(people.counts[index].sum()),
            group[index],
        )
        for index in order
    )
    return QuestionResult(
        name,
        text,
        scores,
        _pairs(people, order, p),
        _clips(people),
        _agreement(answers, name),
        *_power(people, order, difference),
        tuple(against_people(clip_values, people)) if clip_values is not None else (),
    )


def _pairs(people: QuestionScores, order: Sequence[int], p: np.ndarray) -> tuple[RatedPair, ...]:
    """Every two generators, the better one first."""
    pairs = []
    for better, worse in combinations(order, 2):
        contrast = _contrast(people, better, worse)
        difference = float(contrast @ people.estimate.values)
        low, high = people.estimate.limits(contrast)
        needed = raters_needed(people.estimate.components(contrast), difference)
        names = people.generators[better], people.generators[worse]
        pairs.append(RatedPair(*names, difference, float(low), float(high), float(p[better, worse]), float(needed)))
    return tuple(pairs)


def _contrast(people: QuestionScores, better: int, worse: int) -> np.ndarray:
    """Weights of the generators whose sum is the difference of two: float64 (generators,)."""
    weights = np.zeros(len(people.generators))
    weights[[better, worse]] = 1, -1
    return weights


def _power(people: QuestionScores, order: Sequence[int], difference: float | None) -> tuple[float, float]:
    """The difference that these raters find and the raters that the wanted one takes: the median over pairs."""
    errors, needed = [], []
    for better, worse in combinations(order, 2):
        contrast = _contrast(people, better, worse)
        error, free = people.estimate.error(contrast)
        errors.append(float(detectable(error, int(free))) if not np.isnan(free) else math.nan)
        if difference is not None:
            needed.append(float(raters_needed(people.estimate.components(contrast), difference)))
    return float(np.median(errors)) if errors else math.nan, float(np.median(needed)) if needed else math.nan


def _clips(people: QuestionScores) -> tuple[RatedClip, ...]:
    low, high = people.limits()
    return tuple(
        RatedClip(
            generator,
            clip,
            float(people.values[g, c]),
            float(low[g, c]),
            float(high[g, c]),
            int(people.counts[g, c]),
        )
        for g, generator in enumerate(people.generators)
        for c, clip in enumerate(people.clips)
        if people.counts[g, c]
    )


def _agreement(answers: Answers, question: str) -> tuple[RaterAgreement, ...]:
    """Krippendorff's alpha of first showings: of scores as intervals and as an order, of choices by name."""
    levels: tuple[str, ...]
    if isinstance(answers, AcrAnswers):
        first = answers.first[answers.questions.index(question)]
        clip = np.tile(np.arange(len(answers.clips)), len(answers.generators))
        flat, levels = first.reshape(len(first), -1), ("interval", "ordinal")
    else:
        choices = answers.of_question(question)
        choices = choices.select(choices.repeat == 0)
        low, high = np.minimum(choices.left, choices.right), np.maximum(choices.left, choices.right)
        items, column = np.unique(np.stack([choices.clip, low, high]), axis=1, return_inverse=True)
        flat = np.full((len(answers.raters), items.shape[1]), np.nan)
        flat[choices.rater, column.ravel()] = choices.winner == low
        clip, levels = items[0], ("nominal",)
    return tuple(RaterAgreement(level, *alpha_limits(flat, clip, level)) for level in levels)


def _ground(kept: set[str], answers: Answers) -> str:
    clips = len(answers.clips)
    return f"intervals hold for other raters and other clips: {len(kept)} raters and {clips} clips are drawn, crossed"


def _not_compared(clip_values: ClipValues, key: StudyKey) -> list[str]:
    """Generators whose metrics are not held against people, for their runs are incomplete or were not given."""
    absent = [run.name for run in key.runs if run.name not in clip_values.names]
    lines = [f"metrics are not compared on {', '.join(absent)}: no complete run is given"] if absent else []
    few = len(key.runs) - len(absent) < 2
    return lines + (["metrics are not compared with people: that takes two complete runs"] if few else [])


def _few(kept: set[str]) -> list[str]:
    if len(kept) < FEWEST:
        return [f"{len(kept)} raters are too few for intervals and tests"]
    if len(kept) < 15:
        return [f"{len(kept)} raters: ITU-T P.910 asks for at least 15, rather 24"]
    return []
