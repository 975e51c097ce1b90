"""Screening of raters who chose between two videos (pairs)."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from lsbench.mos.read.answers import PairsAnswers
from lsbench.mos.read.screening.check import CERTAIN, FEWEST_ANSWERS, FEWEST_REPEATS, RaterCheck

ONE_SIDE = 0.9  # share of choices of one side, above which nothing was compared
NOTICEABLE = 3.29  # standard errors of a share of left from one half, from which it is a flag


def screen_pairs(answers: PairsAnswers, checks: Mapping[str, RaterCheck], strict: bool) -> None:
    """Add to the checks what the choices say, and leave raters out in the order: one side, majority, repeats.

    Majority: how often a rater prefers the generator of the two that most others prefer, over all clips. Left out is
    who does so no better than a coin, where the median rater's agreement shows that an honest one would (see
    the package); `strict` leaves out everyone below one half. Repeats: how often the same choice is made
    when a pair comes again; left out is who does so no more than a coin, and less than the median rater beyond chance.
    The questions on one pair count as one answer, for they are answered together.
    """
    for index, rater in enumerate(answers.raters):
        _one_side(checks[rater], answers.won[answers.rater == index])
    left = [rater for rater in answers.raters if checks[rater].kept]
    while len(left) > 2:
        worst = _worst_agreeing(answers, left, checks, strict)
        if worst is None:
            break
        left.remove(worst)
    _repeats(answers, checks)


def _one_side(check: RaterCheck, left: np.ndarray) -> None:
    share = float(left.mean())
    check.figures["left"] = share
    said = f"chose the left one in {share:.0%} of {len(left)} answers"
    if len(left) >= FEWEST_ANSWERS and max(share, 1 - share) >= ONE_SIDE:
        check.reasons.append(f"{said}: sides were chosen, not videos")
    elif abs(share - 0.5) * 2 * math.sqrt(len(left)) > NOTICEABLE:
        check.flags.append(f"{said}, more one-sided than chance")


def _worst_agreeing(
    answers: PairsAnswers, left: list[str], checks: Mapping[str, RaterCheck], strict: bool
) -> str | None:
    kept = answers.keep(left)
    count = len(kept.generators)
    wins = np.zeros((len(kept.raters), len(kept.questions), count, count))
    np.add.at(wins, (kept.rater, kept.question, kept.winner, kept.loser), kept.weight)
    lead = wins - np.swapaxes(wins, -1, -2)
    others = lead.sum(axis=0) - lead
    ahead = np.sign(others[kept.rater, kept.question, kept.winner, kept.loser])
    shares: dict[str, tuple[float, int]] = {}
    certainty: dict[str, float] = {}
    for index, rater in enumerate(kept.raters):
        mine = (kept.rater == index) & (ahead != 0)
        agreed = _per_showing(kept, mine, ahead > 0)
        shares[rater] = (float(agreed.mean()) if len(agreed) else math.nan), len(agreed)
        certainty[rater] = _above_coin(agreed)
    defined = [value for value in certainty.values() if not math.isnan(value)]
    typical = float(np.median(defined)) if defined else math.nan
    failing = []
    for rater, (share, pairs) in shares.items():
        checks[rater].figures |= {"majority": None if math.isnan(share) else share, "pairs": pairs}
        random = certainty[rater] < CERTAIN and (typical >= 2 * CERTAIN or certainty[rater] <= -CERTAIN)
        if random or (strict and share < 0.5):
            said = f"agrees with the majority of the others in {share:.0%} of {pairs} pairs"
            chance = (
                f", no better than a coin ({certainty[rater]:.1f} standard errors, the median rater {typical:.1f})"
                if random
                else ", fewer than half"
            )
            failing.append((certainty[rater], rater, said + chance))
    if not failing:
        return None
    _, worst, reason = min(failing)
    checks[worst].reasons.append(reason)
    return worst


def _above_coin(agreed: np.ndarray) -> float:
    """How many standard errors the mean of shares lies above one half; the error is their own, at least 0.1 a share."""
    if len(agreed) < FEWEST_ANSWERS:
        return math.nan
    return float((agreed.mean() - 0.5) / max(0.1, agreed.std(ddof=1))) * math.sqrt(len(agreed))


def _per_showing(answers: PairsAnswers, chosen: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Means over the questions of each pair that was shown: float64 (showings,)."""
    low, high = np.minimum(answers.left, answers.right)[chosen], np.maximum(answers.left, answers.right)[chosen]
    shown = np.stack([answers.rater[chosen], answers.clip[chosen], low, high, answers.repeat[chosen]])
    _, group = np.unique(shown, axis=1, return_inverse=True)
    group = group.ravel()
    return np.bincount(group, value[chosen].astype(np.float64)) / np.bincount(group) if len(group) else np.zeros(0)


def _repeats(answers: PairsAnswers, checks: Mapping[str, RaterCheck]) -> None:
    same: dict[str, np.ndarray] = {}
    for index, rater in enumerate(answers.raters):
        mine = answers.select(answers.rater == index)
        winners: dict[tuple[int, ...], dict[tuple[int, int], int]] = {}  # by clip and pair, then question and repeat
        columns = mine.question, mine.clip, mine.left, mine.right, mine.winner, mine.repeat
        for question, clip, left, right, winner, repeat in zip(*(column.tolist() for column in columns), strict=True):
            winners.setdefault((clip, min(left, right), max(left, right)), {})[question, repeat] = winner
        shares: list[float] = []
        for by_showing in winners.values():
            twice = [question for question, repeat in by_showing if repeat == 0 and (question, 1) in by_showing]
            if twice:
                agreed = [by_showing[question, 0] == by_showing[question, 1] for question in twice]
                shares.append(float(np.mean(agreed)))
        same[rater] = np.array(shares)
    counted = [rater for rater in answers.raters if checks[rater].kept and len(same[rater]) >= FEWEST_REPEATS]
    typical = float(np.median([same[rater].mean() for rater in counted])) if counted else math.nan
    for rater, agreements in same.items():
        if not len(agreements):
            continue
        share = float(agreements.mean())
        checks[rater].figures |= {"repeats": len(agreements), "repeat_agreement": share}
        error = math.sqrt(max(typical * (1 - typical), 0.05) / len(agreements))
        if (
            len(counted) > 2
            and len(agreements) >= FEWEST_REPEATS
            and share <= 0.5
            and typical - share > CERTAIN * error
            and checks[rater].kept
        ):
            checks[rater].reasons.append(
                f"repeats: the same choice in {share:.0%} of {len(agreements)} pairs shown twice, no more than a coin; "
                f"the median rater {typical:.0%}"
            )
