"""Bradley-Terry scores of generators from choices between two."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from lsbench.errors import StudyError
from lsbench.statistics.crossed import Estimate, crossed, student_p

SPREAD = 3.0  # standard deviation of the prior on scores, in log-odds: keeps the score of one who wins always finite
STEPS = 100


def scores(wins: np.ndarray, equal: tuple[int, int] | None = None) -> np.ndarray:
    """Log-odds scores of mean 0: wins float64 (..., g, g), how often the row was preferred to the column -> (..., g).

    The row is preferred with probability 1 / (1 + exp(column's score - row's score)) (Bradley and Terry 1952). Most
    probable under a normal prior of mean 0 and standard deviation SPREAD, which moves the scores of generators that
    win and lose by little, and keeps those of one that wins or loses always finite. equal: two that are held at one
    score. Newton's method.
    """
    tried = wins + np.swapaxes(wins, -1, -2)
    free = np.eye(wins.shape[-1])
    if equal is not None:
        free[:, equal[0]] += free[:, equal[1]]
        free = np.delete(free, equal[1], axis=1)
    level: np.ndarray = np.zeros(wins.shape[:-1])
    for _ in range(STEPS):
        expected = tried * expit(level[..., :, None] - level[..., None, :])
        slope = (wins - expected).sum(axis=-1) - level / SPREAD**2
        curved = free.T @ information(tried, level) @ free
        step = np.linalg.solve(curved, (slope @ free)[..., None])[..., 0] @ free.T
        longest = np.abs(step).max(axis=-1, keepdims=True)
        level = level + step * np.minimum(1, 2 / np.maximum(longest, 1e-300))  # never more than 2 log-odds at once
        if longest.max(initial=0) < 1e-10:
            level -= level.mean(axis=-1, keepdims=True)
            return level
    raise StudyError(f"the Bradley-Terry scores of {wins.shape[-1]} generators did not settle in {STEPS} steps")


def information(tried: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Curvature of the likelihood and the prior: how often each two were compared, and scores -> (..., g, g)."""
    chance = expit(level[..., :, None] - level[..., None, :])
    each = tried * chance * (1 - chance)
    one = np.eye(tried.shape[-1])
    curvature: np.ndarray = each.sum(axis=-1)[..., None] * one - each + one / SPREAD**2
    return curvature


def preferences(
    generators: int,
    raters: int,
    clips: int,
    rater: np.ndarray,
    clip: np.ndarray,
    winner: np.ndarray,
    loser: np.ndarray,
    weight: np.ndarray,
    *,
    tests: bool = True,
) -> Estimate:
    """Scores from choices, one entry each: int rater, clip, winner and loser, float64 weight; all of shape (choices,).

    What rater and clip add are the contributions to the likelihood's slope through its curvature, so that the errors
    are those of two-way clustering, as for mean opinions. They are not believed below the curvature's own: where one
    generator wins always, nothing varies, which does not make its score certain. Two are told apart by the score test,
    with the errors at equal scores: those at the scores found grow with the difference where it is large. Without
    `tests` that is left out.
    """
    shape = (raters, clips)
    wins = np.zeros((generators, generators))
    np.add.at(wins, (winner, loser), weight)
    level = scores(wins)
    inverse = _centred_inverse(wins, level)
    surprise = weight * (1 - expit(level[winner] - level[loser]))
    parts = np.zeros((generators, *shape))
    moved = (inverse[:, winner] - inverse[:, loser]) * surprise
    np.add.at(parts, (np.arange(generators)[:, None], rater, clip), moved)
    p = _score_tests(wins, shape, rater, clip, winner, loser, weight) if tests else None
    return Estimate(level, parts, inverse, p)


def _score_tests(
    wins: np.ndarray,
    shape: tuple[int, int],
    rater: np.ndarray,
    clip: np.ndarray,
    winner: np.ndarray,
    loser: np.ndarray,
    weight: np.ndarray,
) -> np.ndarray:
    """Two-sided p of every two generators, the choices fitted with both at one score: (g, g), not corrected."""
    p = np.full(wins.shape, np.nan)
    for one, other in zip(*np.triu_indices(len(wins), 1), strict=True):
        level = scores(wins, (int(one), int(other)))
        inverse = _centred_inverse(wins, level)
        lead = inverse[one] - inverse[other]
        added = np.zeros(shape)
        surprise = weight * (1 - expit(level[winner] - level[loser]))
        np.add.at(added, (rater, clip), (lead[winner] - lead[loser]) * surprise)
        components = crossed(added)
        error = np.sqrt(np.maximum(components.variance, lead[one] - lead[other]))
        p[one, other] = p[other, one] = student_p(added.sum(), error, components.freedom)
    return p


def _centred_inverse(wins: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Covariance of the scores by the curvature, their mean held at 0: (g, g)."""
    inverse: np.ndarray = np.linalg.inv(information(wins + wins.T, level))
    inverse = inverse - inverse.mean(axis=0)
    inverse -= inverse.mean(axis=1, keepdims=True)
    return inverse
