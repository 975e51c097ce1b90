"""Screening of raters who gave scores from 1 to 5 (acr)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lsbench.mos.key import REFERENCE
from lsbench.mos.read.answers import AcrAnswers
from lsbench.mos.read.screening.check import CERTAIN, FEWEST_ANSWERS, FEWEST_REPEATS, RaterCheck
from lsbench.statistics.correlation import pearson
from lsbench.statistics.mean_opinion import mean_opinion

VIDEOS, GENERATORS = 0.75, 0.8  # P.910's thresholds of r1 and r2
FEWEST_VIDEOS = 6


def screen_acr(answers: AcrAnswers, checks: Mapping[str, RaterCheck], strict: bool) -> None:
    """Add to the checks what the scores say, and leave raters out in the order: one answer, correlation, repeats.

    Correlation: Pearson's of a rater's scores (mean over questions) with the mean of the others, over videos (r1) and
    over the means of generators (r2). ITU-T P.910 (10/2023, formerly P.913; from the VQEG Multimedia test plan, annex
    VI) leaves out a rater with r1 below 0.75 and r2 below 0.8. Those thresholds suppose 24 raters in a laboratory and
    videos from bad to excellent. Here r1 below its threshold is necessary and not sufficient (see the package), and r2
    is shown but saves nobody: over the means of four generators one random rater in ten reaches 0.8. `strict` takes
    P.910's rule as it is. One rater goes at a time, the worst first, and the others are compared anew; a rater is never
    part of the mean that the rater is compared with.

    Repeats: the mean distance between first and second scores of a video. Left out is who repeats no better than two
    scores drawn from the rater's own, and worse than the median rater beyond chance (CERTAIN), unless the correlation
    is above chance: a handful of repeats says less than all videos do.
    """
    for index, rater in enumerate(answers.raters):
        _one_answer(checks[rater], answers.ratings[:, index], answers.questions)
        _reference_low(checks[rater], answers, index)
    left = [rater for rater in answers.raters if checks[rater].kept]
    while len(left) > 2:
        worst = _worst_correlated(answers, left, checks, strict)
        if worst is None:
            break
        left.remove(worst)
    _repeats(answers, checks)


def _one_answer(check: RaterCheck, ratings: np.ndarray, questions: tuple[str, ...]) -> None:
    """The same score throughout: in every question a reason, in some a flag."""
    same = []
    for question, scores in zip(questions, ratings, strict=True):
        given = scores[~np.isnan(scores)]
        if len(given) >= FEWEST_ANSWERS and np.ptp(given) == 0:
            same.append(f"{question} always {given[0]:g}")
    if same:
        answered = sum(bool((~np.isnan(scores)).sum()) for scores in ratings)
        said = f"the same answer throughout: {', '.join(same)}"
        (check.reasons if len(same) == answered else check.flags).append(said)


def _reference_low(check: RaterCheck, answers: AcrAnswers, index: int) -> None:
    """The real videos, unmarked among the others, scored lower than the generated ones on the same clips: a flag."""
    if REFERENCE not in answers.generators:
        return
    scores = _mean_over_questions(answers)[index]
    row = answers.generators.index(REFERENCE)
    generated = np.delete(scores, row, axis=0)
    both = ~np.isnan(scores[row]) & (~np.isnan(generated)).any(axis=0)
    if both.sum() < 2:
        return
    reference, mean = float(scores[row, both].mean()), float(np.nanmean(generated[:, both]))
    check.figures["reference"] = reference
    if reference < mean:
        check.flags.append(
            f"the real videos got {reference:.2f} on average, below the generated ones of the same clips ({mean:.2f})"
        )


def _worst_correlated(
    answers: AcrAnswers, left: list[str], checks: Mapping[str, RaterCheck], strict: bool
) -> str | None:
    """Note the correlations of those who are left; the one to leave out next, or None."""
    kept = answers.keep(left)
    scores = _mean_over_questions(kept)
    fair = mean_opinion(scores)[1]
    count = (~np.isnan(fair)).sum(axis=0)
    total = np.nansum(fair, axis=0)
    correlations: dict[str, tuple[float, float, int]] = {}
    for index, rater in enumerate(kept.raters):
        own = scores[index]
        others = count - ~np.isnan(own)
        mean = (total - np.nan_to_num(fair[index])) / np.where(others, others, np.nan)
        both = ~np.isnan(own) & ~np.isnan(mean)
        r1 = float(pearson(own[both], mean[both]))
        rows = [row for row in range(len(own)) if both[row].any()]
        r2 = float(pearson(*(np.array([side[row, both[row]].mean() for row in rows]) for side in (own, mean))))
        correlations[rater] = r1, r2 if len(rows) > 2 else math.nan, int(both.sum())
    certainty = {rater: _above_chance(r1, videos) for rater, (r1, _, videos) in correlations.items()}
    defined = [value for value in certainty.values() if not math.isnan(value)]
    typical = float(np.median(defined)) if defined else math.nan
    failing = []
    for rater, (r1, r2, videos) in correlations.items():
        check = checks[rater]
        check.figures |= {"r1": _or_none(r1), "r2": _or_none(r2), "videos": videos}
        check.figures["above_chance"] = _or_none(certainty[rater])
        check.flags = [flag for flag in check.flags if not flag.startswith("correlation")]
        below = not r1 >= VIDEOS and not r2 >= GENERATORS
        said = (
            f"correlation with the other raters {r1:.2f} over {videos} videos, {r2:.2f} over generators; P.910 asks "
            f"for {VIDEOS:g} or {GENERATORS:g}"
        )
        random = certainty[rater] < CERTAIN and (typical >= 2 * CERTAIN or certainty[rater] <= -CERTAIN)
        if (below and strict) or (random and not r1 >= VIDEOS):
            chance = f"; no better than random ({certainty[rater]:.1f} standard errors, the median rater {typical:.1f})"
            failing.append((certainty[rater], rater, said + (chance if random else "")))
        elif below and videos:
            why = "above chance" if certainty[rater] >= CERTAIN else "too few videos, or too alike, to tell from chance"
            check.flags.append(f"{said}; kept: {why}")
    if not failing:
        return None
    _, worst, reason = min(failing)
    checks[worst].reasons.append(reason)
    return worst


def _above_chance(r: float, videos: int) -> float:
    """How many standard errors a correlation lies above 0, by Fisher's z."""
    if math.isnan(r) or videos < FEWEST_VIDEOS:
        return math.nan
    return math.atanh(min(0.999999, max(-0.999999, r))) * math.sqrt(videos - 3)


def _repeats(answers: AcrAnswers, checks: Mapping[str, RaterCheck]) -> None:
    with np.errstate(invalid="ignore"):
        distance = np.abs(answers.first - answers.second)
    by_item = {}  # mean over questions of each repeated video
    for index, rater in enumerate(answers.raters):
        count = (~np.isnan(distance[:, index])).sum(axis=0)
        by_item[rater] = (np.nansum(distance[:, index], axis=0)[count > 0]) / count[count > 0]
    counted = [rater for rater in answers.raters if checks[rater].kept and len(by_item[rater]) >= FEWEST_REPEATS]
    pooled = np.concatenate([by_item[rater] - by_item[rater].mean() for rater in counted]) if counted else np.zeros(0)
    typical = float(np.median([by_item[rater].mean() for rater in counted])) if counted else math.nan
    spread = float(np.sqrt(np.square(pooled).sum() / max(1, len(pooled) - len(counted))))
    for index, rater in enumerate(answers.raters):
        repeated = len(by_item[rater])
        if not repeated:
            continue
        own, chance = float(by_item[rater].mean()), _own_chance(answers.first[:, index])
        checks[rater].figures |= {"repeats": repeated, "repeat_distance": own, "repeat_chance": _or_none(chance)}
        worse = (own - typical) > CERTAIN * spread / math.sqrt(repeated)
        if repeated < FEWEST_REPEATS or len(counted) < 3 or own < chance or not worse or not checks[rater].kept:
            continue
        said = (
            f"repeats: scores of the same {repeated} videos lie {own:.2f} apart, two of the rater's own scores drawn "
            f"at random {chance:.2f}, the median rater's repeats {typical:.2f}"
        )
        above = checks[rater].figures.get("above_chance")
        if above is None or above < CERTAIN:
            checks[rater].reasons.append(said)
        else:
            checks[rater].flags.append(f"{said}; kept: the correlation with the other raters is above chance")


def _own_chance(scores: np.ndarray) -> float:
    """Mean distance of two of a rater's scores to one question, over the questions."""
    distances = []
    for given in (row[~np.isnan(row)] for row in scores):
        if len(given) > 1:
            distance = np.abs(given[:, None] - given).sum() / (len(given) * (len(given) - 1))
            distances.append(float(distance))
    return float(np.mean(distances)) if distances else math.nan


def _mean_over_questions(answers: AcrAnswers) -> np.ndarray:
    """Scores (raters, generators, clips), the mean of the questions answered."""
    ratings = answers.ratings
    count = (~np.isnan(ratings)).sum(axis=0)
    return np.where(count, np.nansum(ratings, axis=0) / np.maximum(1, count), np.nan)


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
