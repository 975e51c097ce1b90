"""Which raters of a study count."""

from __future__ import annotations

from collections.abc import Sequence

from lsbench.mos.key import StudyKey
from lsbench.mos.read.answers import AcrAnswers, Answers
from lsbench.mos.read.ratings import Rating
from lsbench.mos.read.screening.acr import screen_acr
from lsbench.mos.read.screening.check import RaterCheck, begin_checks
from lsbench.mos.read.screening.pairs import screen_pairs


def screen_raters(
    ratings: Sequence[Rating],
    answers: Answers,
    key: StudyKey,
    *,
    strict: bool = False,
    require_headphones: bool = False,
) -> list[RaterCheck]:
    """The check of every rater, in the order of the arrays.

    Args:
        ratings: All answers, the headphone checks among them.
        answers: The same as arrays.
        key: Of the study.
        strict: Leave out by ITU-T P.910's thresholds alone, or of pairs by the majority (see acr.py and pairs.py).
        require_headphones: Leave out who fails the headphone check, which is a flag otherwise.
    """
    checks = begin_checks(ratings, answers.raters, key, require_headphones)
    if isinstance(answers, AcrAnswers):
        screen_acr(answers, checks, strict)
    else:
        screen_pairs(answers, checks, strict)
    return list(checks.values())
