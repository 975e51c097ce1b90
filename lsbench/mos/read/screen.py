"""Which raters of a study count."""

from __future__ import annotations

from collections.abc import Sequence

from lsbench.mos.key import StudyKey
from lsbench.mos.read.panel import Ballot, Panel
from lsbench.mos.read.ratings import Rating
from lsbench.mos.read.screen_choices import screen_choices
from lsbench.mos.read.screen_scores import screen_scores
from lsbench.mos.read.screening import Check, start


def screen(
    ratings: Sequence[Rating],
    answers: Panel | Ballot,
    key: StudyKey,
    *,
    strict: bool = False,
    require_headphones: bool = False,
) -> list[Check]:
    """The check of every rater, in the order of the arrays. strict, require_headphones: see the checks' modules."""
    checks = start(ratings, answers.raters, key, require_headphones)
    if isinstance(answers, Panel):
        screen_scores(answers, checks, strict)
    else:
        screen_choices(answers, checks, strict)
    return list(checks.values())
