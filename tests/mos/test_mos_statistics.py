"""Statistics of ratings: intervals cover, tests keep their level, scores agree with independent oracles."""

from __future__ import annotations

import math

import krippendorff as oracle
import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression

from lsbench.statistics.bradley_terry import SPREAD, preferences, scores
from lsbench.statistics.correlation import kendall, pearson, ranks, signs
from lsbench.statistics.crossed import Crossed, crossed, student_p
from lsbench.statistics.krippendorff import alpha, alpha_limits
from lsbench.statistics.mean_opinion import mean_opinion
from lsbench.statistics.power import raters_needed

STUDIES = 800
TRUE = np.array([4.5, 3.8, 3.2, 2.5, 1.8])
STEPS = np.eye(5)[:-1] - np.eye(5)[1:]


def study(random: np.random.Generator, raters: int, clips: int, share: float = 1.0) -> np.ndarray:
    """Scores from 1 to 5 (raters, generators, clips): raters' bias, clips, items and noise; some unseen."""
    worth = TRUE[:, None] + 0.4 * random.standard_normal(clips) + 0.2 * random.standard_normal((5, clips))
    bias = 0.5 * random.standard_normal((raters, 1, 1))
    found = np.clip(np.rint(worth + bias + 0.7 * random.standard_normal((raters, 5, clips))), 1, 5)
    return np.where(random.random(found.shape) < share, found, np.nan)


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """What endless raters on endless clips would score, after rounding and clipping."""
    random = np.random.default_rng(99)
    return np.mean([study(random, 200, 200).mean(axis=(0, 2)) for _ in range(80)], axis=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("raters", "clips", "share"), [(15, 10, 1.0), (24, 20, 1.0), (15, 20, 1.0), (24, 10, 1.0), (24, 20, 0.4)]
)
def test_mos_intervals_cover_93_to_97_percent(raters: int, clips: int, share: float, truth: np.ndarray) -> None:
    random = np.random.default_rng(raters * clips)
    covered, apart = [], []
    for _ in range(STUDIES):
        estimate = mean_opinion(study(random, raters, clips, share))[0]
        low, high = estimate.limits(np.eye(5))
        covered.append((low <= truth) & (truth <= high))
        low, high = estimate.limits(STEPS)
        apart.append((low <= STEPS @ truth) & (STEPS @ truth <= high))
    assert 0.93 <= np.mean(covered) <= 0.97
    assert 0.93 <= np.mean(apart) <= 0.985  # the smaller of two variances is never believed: a little wide


def test_naive_intervals_would_not_cover(truth: np.ndarray) -> None:
    """The test above can fail: intervals that take every rating for one draw cover far less than they say."""
    random = np.random.default_rng(3)
    covered = []
    for _ in range(300):
        found = study(random, 15, 10).transpose(1, 0, 2).reshape(5, -1)
        reach = 1.98 * found.std(axis=1, ddof=1) / math.sqrt(found.shape[1])
        covered.append(np.abs(found.mean(axis=1) - truth) <= reach)
    assert np.mean(covered) < 0.75


def test_a_complete_study_gives_plain_means_and_the_mean_squares_of_anova() -> None:
    random = np.random.default_rng(1)
    found = study(random, 8, 6)
    estimate, fair = mean_opinion(found)
    np.testing.assert_allclose(estimate.values, found.mean(axis=(0, 2)), rtol=1e-12)
    np.testing.assert_allclose(fair.mean(axis=(1, 2)), found.mean(), rtol=1e-12)
    one = found[:, 0]
    rows, columns = one.mean(axis=1, keepdims=True), one.mean(axis=0, keepdims=True)
    squares = [
        6 * np.square(rows - one.mean()).sum() / 7,
        8 * np.square(columns - one.mean()).sum() / 5,
        np.square(one - rows - columns + one.mean()).sum() / 35,
    ]
    components = estimate.components(np.eye(5)[0])
    expected = np.array(squares) / 48
    np.testing.assert_allclose([components.by_rater, components.by_clip, components.by_cell], expected, rtol=1e-9)


def test_the_two_way_variance_is_unbiased() -> None:
    random = np.random.default_rng(2)
    rows, columns = 0.5 * random.standard_normal((4000, 12, 1)), 0.4 * random.standard_normal((4000, 1, 9))
    cells = rows + columns + 0.7 * random.standard_normal((4000, 12, 9))
    parts = (cells - cells.mean(axis=(1, 2), keepdims=True)) / (12 * 9)
    found = crossed(parts)
    true = 0.25 / 12 + 0.16 / 9 + 0.49 / 108
    assert (found.by_rater + found.by_clip - found.by_cell).mean() == pytest.approx(true, rel=0.03)
    assert cells.mean(axis=(1, 2)).var() == pytest.approx(true, rel=0.06)


def test_scores_with_missing_ratings_are_those_of_least_squares() -> None:
    found = study(np.random.default_rng(5), 9, 7, share=0.5)
    rater, generator, clip = np.nonzero(~np.isnan(found))
    design = np.zeros((len(rater), 9 + 35))
    design[np.arange(len(rater)), rater] = 1
    design[np.arange(len(rater)), 9 + generator * 7 + clip] = 1
    fitted = np.linalg.lstsq(design, found[rater, generator, clip], rcond=None)[0]
    items = fitted[9:].reshape(5, 7) + fitted[:9].mean()
    seen = (~np.isnan(found)).any(axis=0)
    np.testing.assert_allclose(
        mean_opinion(found)[0].values, [row[at].mean() for row, at in zip(items, seen, strict=True)]
    )


def test_a_harsh_rater_who_saw_one_generator_does_not_pull_it_down() -> None:
    worth = np.array([4.0, 3.0])[:, None] + np.zeros((2, 6))
    found = np.broadcast_to(worth, (5, 2, 6)).copy()
    found[:2] -= 2  # two harsh raters ...
    found[:2, 1, 2:] = np.nan  # ... who saw little of the second generator
    assert np.nanmean(found[:, 0]) - np.nanmean(found[:, 1]) < 0.7
    estimate = mean_opinion(found)[0]
    assert estimate.values[0] - estimate.values[1] == pytest.approx(1)


def test_no_intervals_from_two_raters() -> None:
    low, high = mean_opinion(study(np.random.default_rng(0), 2, 5))[0].limits(np.eye(5))
    assert np.isnan(low).all() and np.isnan(high).all()


PAIRS = np.array([(one, other) for one in range(5) for other in range(one + 1, 5)])
STRENGTH = np.array([1.2, 0.5, 0.0, -0.5, -1.2])


def choices(
    random: np.random.Generator, raters: int, clips: int, strength: np.ndarray, share: float = 0.4
) -> tuple[np.ndarray, ...]:
    """Choices of raters with tastes of their own, on clips that suit generators differently."""
    worth = strength + 0.4 * random.standard_normal((clips, 5)) + 0.4 * random.standard_normal((raters, 1, 5))
    rater, clip, pair = np.nonzero(random.random((raters, clips, len(PAIRS))) < share)
    one, other = PAIRS[pair].T
    first = random.random(len(rater)) < expit(worth[rater, clip, one] - worth[rater, clip, other])
    return rater, clip, np.where(first, one, other), np.where(first, other, one), np.ones(len(rater))


@pytest.mark.slow
@pytest.mark.parametrize(("raters", "clips"), [(15, 10), (24, 20)])
def test_bradley_terry_intervals_cover(raters: int, clips: int) -> None:
    random = np.random.default_rng(4)
    wins = np.zeros((5, 5))
    for _ in range(60):
        _, _, winner, loser, _ = choices(random, 100, 100, STRENGTH)
        np.add.at(wins, (winner, loser), 1)
    truth = scores(wins)  # of the mean over raters and clips, which lies nearer to 0 than STRENGTH
    covered = []
    for _ in range(400):
        estimate = preferences(5, raters, clips, *choices(random, raters, clips, STRENGTH), tests=False)
        low, high = estimate.limits(np.eye(5))
        covered.append((low <= truth) & (truth <= high))
    assert 0.93 <= np.mean(covered) <= 0.98


@pytest.mark.slow
def test_generators_of_equal_strength_are_told_apart_in_5_percent() -> None:
    random = np.random.default_rng(6)
    upper = np.triu_indices(5, 1)
    p = [preferences(5, 20, 12, *choices(random, 20, 12, np.zeros(5))).tested for _ in range(300)]
    rejected = np.mean([each[upper] < 0.05 for each in p if each is not None])
    assert 0.03 <= rejected <= 0.07


def test_bradley_terry_scores_are_those_of_logistic_regression() -> None:
    random = np.random.default_rng(7)
    _, _, winner, loser, weight = choices(random, 10, 6, STRENGTH)
    wins = np.zeros((5, 5))
    np.add.at(wins, (winner, loser), weight)
    sides = np.where(random.random(len(winner)) < 0.5, 1, -1)
    design = (np.eye(5)[winner] - np.eye(5)[loser]) * sides[:, None]
    model = LogisticRegression(C=SPREAD**2, fit_intercept=False, tol=1e-10, max_iter=1000).fit(design, sides)
    np.testing.assert_allclose(scores(wins), model.coef_[0], atol=1e-5)
    np.testing.assert_allclose(scores(np.stack([wins, wins.T]))[1], -scores(wins), atol=1e-9)


def test_who_wins_always_has_a_finite_score_and_is_told_apart() -> None:
    rater, clip = (side.ravel() for side in np.meshgrid(np.arange(12), np.arange(8), indexing="ij"))
    count = len(rater)
    loser = np.tile([1, 2], count)
    winner = np.zeros(2 * count, int)
    estimate = preferences(3, 12, 8, rater.repeat(2), clip.repeat(2), winner, loser, np.ones(2 * count))
    low, high = estimate.limits(np.eye(3))
    assert np.isfinite(estimate.values).all() and estimate.values.argmax() == 0
    assert (high - low > 1).all()  # nothing varies, which makes nothing certain
    p = estimate.p()
    assert p[0, 1] < 1e-3 and p[0, 2] < 1e-3 and p[1, 2] > 0.9
    assert estimate.values.sum() == pytest.approx(0, abs=1e-9)


NONE = math.nan
PUBLISHED = np.array(
    [  # Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section E: four observers
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
        [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
    ]
)


@pytest.mark.parametrize(("level", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_alpha_is_the_published_one(level: str, value: float) -> None:
    assert alpha(PUBLISHED, level) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_alpha_is_that_of_the_krippendorff_package(level: str) -> None:
    for seed in range(5):
        found = study(np.random.default_rng(seed), 7, 6, share=0.6).reshape(7, -1)
        assert alpha(found, level) == pytest.approx(oracle.alpha(found, level_of_measurement=level), abs=1e-12)


def test_alpha_of_agreement_chance_and_nothing() -> None:
    random = np.random.default_rng(0)
    same = np.broadcast_to(random.integers(1, 6, 40).astype(float), (5, 40))
    assert alpha(same, "interval") == pytest.approx(1)
    value, low, high = alpha_limits(random.integers(1, 6, (10, 60)).astype(float), np.arange(60) % 12, "interval")
    assert low < 0 < high and abs(value) < 0.1
    assert math.isnan(alpha(np.full((3, 4), 2.0), "nominal")) and math.isnan(alpha(np.full((3, 4), NONE), "nominal"))


def test_correlations_are_scipys() -> None:
    random = np.random.default_rng(1)
    one, other = random.integers(0, 6, (4, 30)).astype(float), random.standard_normal((4, 30)).round(1)
    for row in range(4):
        assert pearson(one, other)[row] == pytest.approx(pearsonr(one[row], other[row])[0])
        assert pearson(ranks(one), ranks(other))[row] == pytest.approx(spearmanr(one[row], other[row])[0])
        assert kendall(signs(one), signs(other))[row] == pytest.approx(kendalltau(one[row], other[row])[0])
    assert math.isnan(pearson(np.ones(5), np.arange(5.0)))


def test_raters_needed_find_the_difference_with_80_percent_power() -> None:
    """Raters' own differences of sd 0.8, clips' of sd 0.2, and noise: how many raters find 0.4 on 16 clips?"""

    def spread(raters: int, clips: int, random: np.random.Generator, studies: int) -> tuple[np.ndarray, Crossed]:
        cells = 0.8 * random.standard_normal((studies, raters, 1)) + 0.2 * random.standard_normal((studies, 1, clips))
        cells = 0.4 + cells + random.standard_normal((studies, raters, clips))
        mean = cells.mean(axis=(1, 2))
        return mean, crossed((cells - mean[:, None, None]) / (raters * clips))

    random = np.random.default_rng(8)
    true = Crossed(*(np.array(v) for v in (0.64 / 10 + 1 / 160, 0.04 / 16 + 1 / 160, 1 / 160)), raters=10, clips=16)
    needed = int(raters_needed(true, 0.4))
    mean, found = spread(needed, 16, random, 3000)
    power = (student_p(mean, np.sqrt(found.variance), found.freedom) < 0.05).mean()
    assert 0.76 <= power <= 0.86
    assert math.isinf(raters_needed(true, 0.1))  # the clips alone differ by more than that
    assert math.isnan(raters_needed(true, math.nan))
