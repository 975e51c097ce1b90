"""Intervals cover, tests keep their level, letters and tau are what they say: by simulation and by oracles."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from lsbench.statistics import bootstrap, correlation, permutation, permutation_power, power
from lsbench.statistics.letters import letters
from lsbench.statistics.units import FEW_SPEAKERS, units

STUDIES = 4000


def names(speakers: int, clips: int) -> list[str]:
    """Speakers of `clips` clips each."""
    return [f"s{speaker}" for speaker in range(speakers) for _ in range(clips)]


def noise(random: np.random.Generator, shape: tuple[int, ...], kind: str) -> np.ndarray:
    """Mean 0, variance 1; skewed: a gamma distribution of skewness 1.4."""
    return random.standard_normal(shape) if kind == "normal" else (random.gamma(2, size=shape) - 2) / math.sqrt(2)


def influence(values: np.ndarray) -> np.ndarray:
    return values - values.mean(axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", ["normal", "skewed"])
@pytest.mark.parametrize(("speakers", "clips"), [(4, 20), (8, 5), (12, 8), (33, 5), (0, 43)])
def test_a_95_percent_interval_covers_93_to_97(speakers: int, clips: int, kind: str) -> None:
    """Drawing speakers, the truth is the mean over all speakers; drawing clips, over all clips of these speakers."""
    random = np.random.default_rng(speakers)
    drawn = units(names(speakers, clips) if speakers else [""] * clips)
    effects = 0.7 * random.standard_normal((STUDIES, max(1, speakers)))
    values = np.repeat(effects, clips, axis=1) + noise(random, (STUDIES, max(1, speakers) * clips), kind)
    truth = np.zeros(STUDIES) if drawn.by == "speaker" else effects.mean(axis=1)
    low, high = bootstrap.limits(bootstrap.deviations(influence(values), drawn, resamples=2000), drawn)
    mean = values.mean(axis=1)
    covered = np.mean((mean + low <= truth) & (truth <= mean + high))
    assert 0.93 <= covered <= 0.97


def test_clips_of_many_speakers_are_drawn_by_speaker() -> None:
    """Clips of a speaker are alike: drawing them one by one would claim several times the certainty there is."""
    random = np.random.default_rng(0)
    values = np.repeat(random.standard_normal((1, 20)), 10, axis=1) + 0.1 * random.standard_normal((1, 200))
    by_speaker, by_clip = units(names(20, 10)), units([""] * 200)
    assert (by_speaker.by, by_clip.by, units(names(FEW_SPEAKERS - 1, 9)).by) == ("speaker", "clip", "clip")
    errors = [bootstrap.standard_error(influence(values), drawn)[0] for drawn in (by_speaker, by_clip)]
    assert errors[0] == pytest.approx(values.reshape(20, 10).mean(axis=1).std(ddof=1) / math.sqrt(20))
    assert errors[0] > 2.5 * errors[1]


def test_the_percentiles_are_scipys_but_for_the_expansion() -> None:
    values = np.random.default_rng(3).gamma(2, size=(3, 40))
    drawn = units([""] * 40)
    deviation = bootstrap.deviations(influence(values), drawn)
    ours = values.mean(axis=1)[:, None] + np.quantile(deviation, [0.025, 0.975], axis=1).T
    theirs = stats.bootstrap((values,), np.mean, axis=1, method="percentile", n_resamples=10_000, rng=0)
    width = ours[:, 1] - ours[:, 0]
    for end, expected in enumerate(theirs.confidence_interval):
        assert (np.abs(ours[:, end] - expected) < 0.03 * width).all()
    low, high = bootstrap.limits(deviation, drawn)
    assert ((high - low) > width).all()
    assert ((high - low) < 1.1 * width).all()


def test_the_same_seed_gives_the_same_interval_whatever_stands_beside() -> None:
    values = influence(np.random.default_rng(1).standard_normal((5, 30)))
    drawn = units(names(3, 10))
    all_at_once = bootstrap.deviations(values, drawn)
    np.testing.assert_allclose(bootstrap.deviations(values[2:3], drawn), all_at_once[2:3], atol=1e-12)
    assert not np.allclose(bootstrap.deviations(values, drawn, seed=1), all_at_once)


def test_too_few_clips_have_no_interval_and_no_test() -> None:
    drawn = units(["s1", "s2"])
    low, _ = bootstrap.limits(np.zeros((1, 4)), drawn)
    assert np.isnan(low).all()
    assert np.isnan(permutation.sign_flips(np.zeros((1, 2, 2)), drawn)).all()
    assert "too few" in drawn.note


@pytest.mark.parametrize(("speakers", "clips"), [(0, 9), (11, 2)])
def test_all_sign_patterns_give_scipys_exact_p(speakers: int, clips: int) -> None:
    random = np.random.default_rng(5)
    drawn = units(names(speakers, clips) if speakers else [""] * clips)
    values = random.standard_normal((1, 3, len(drawn.of_row))) + np.array([0, 0.3, 1])[:, None]
    p = permutation.sign_flips(values, drawn)[0]
    for one, other in itertools.combinations(range(3), 2):
        apart = drawn.sums(values[0, one] - values[0, other])
        exact = stats.permutation_test(
            (apart,), np.sum, permutation_type="samples", n_resamples=math.inf, vectorized=True
        )
        assert p[one, other] == p[other, one] == pytest.approx(exact.pvalue, abs=1e-12)
    assert np.isnan(np.diag(p)).all()


def test_random_sign_patterns_come_near_the_t_test() -> None:
    random = np.random.default_rng(6)
    values = random.standard_normal((1, 2, 60)) + np.array([0, 0.35])[:, None]
    p = permutation.sign_flips(values, units([""] * 60))[0, 0, 1]
    assert p == pytest.approx(stats.ttest_rel(values[0, 0], values[0, 1]).pvalue, abs=0.01)


def test_equal_generators_are_not_apart_and_undefined_ones_not_tested() -> None:
    random = np.random.default_rng(7)
    values = np.repeat(random.standard_normal((1, 1, 20)), 3, axis=1)
    values[0, 2, 4] = np.nan
    p = permutation.sign_flips(values, units([""] * 20))[0]
    assert p[0, 1] == 1
    assert np.isnan(p[2]).all()


@pytest.mark.parametrize(("speakers", "clips"), [(0, 24), (6, 5), (12, 3)])
def test_under_the_null_at_most_5_percent_of_boards_show_a_difference(speakers: int, clips: int) -> None:
    """Three equal generators: with Holm's correction any letter but one is a false alarm."""
    random = np.random.default_rng(8)
    drawn = units(names(speakers, clips) if speakers else [""] * clips)
    count = len(drawn.of_row)
    boards = 600
    values = random.gamma(2, size=(boards, 1, count)) + random.standard_normal((boards, 3, count))
    if drawn.by == "speaker":  # what a generator does to one speaker, it does to all of that speaker's clips
        values += 0.5 * np.repeat(random.standard_normal((boards, 3, speakers)), clips, axis=2)
    found = permutation.sign_flips(values, drawn, flips=2000)
    alarms = np.mean([np.nanmin(permutation.holm_pairs(p)) < permutation.ALPHA for p in found])
    assert alarms <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / boards)
    assert np.mean(found[(slice(None), *np.triu_indices(3, 1))] < 0.05) == pytest.approx(0.05, abs=0.015)


def test_real_differences_are_found() -> None:
    random = np.random.default_rng(9)
    values = random.standard_normal((200, 1, 43)) + 0.3 * random.standard_normal((200, 2, 43))
    found = power.detectable(bootstrap.standard_error(influence(values[:, 0] - values[:, 1]), units([""] * 43)), 42)
    values[:, 1] += found[:, None]
    p = permutation.sign_flips(values, units([""] * 43), flips=2000)[:, 0, 1]
    assert np.mean(p < 0.05) == pytest.approx(power.POWER, abs=0.08)


@pytest.mark.parametrize(
    ("generators", "speakers", "clips", "scatter"),
    [
        (2, 0, 43, 0),
        (6, 0, 12, 0),
        (6, 0, 43, 0),
        (10, 0, 43, 0),
        (6, 0, 10, 0),
        (8, 0, 12, 0),
        (3, 0, 8, 0),  # so few units that p has coarse steps
        (4, 6, 4, 1),
        (6, 4, 12, 2),
        (6, 8, 8, 1.5),  # given speakers, who differ in what is between the generators
        (6, 10, 5, 1),
        (6, 33, 3, 1),  # drawn speakers
    ],
)
def test_the_detectable_difference_is_found_in_80_percent_after_correction(
    generators: int, speakers: int, clips: int, scatter: float
) -> None:
    """The hardest pair: all other generators are equal, so that its p must pass Holm's first step."""
    random, studies = np.random.default_rng(12), 700
    drawn = units(names(speakers, clips) if speakers else [""] * clips)
    pairs = generators * (generators - 1) // 2
    effects = scatter * random.standard_normal((studies, 2, max(1, speakers)))
    if drawn.by == "clip":  # speakers are given: what they are on average is part of the true difference
        effects -= effects.mean(axis=2, keepdims=True)
    values = np.repeat(effects, clips, axis=2) + random.standard_normal((studies, 2, len(drawn.of_row)))
    apart = influence(values[:, 0] - values[:, 1])
    errors = bootstrap.standard_error(apart, drawn), permutation.standard_error(apart, drawn)
    values[:, 0] += permutation_power.detectable(*errors, drawn, pairs)[:, None]
    p = permutation.sign_flips(values, drawn)[:, 0, 1]
    assert 0.75 <= np.mean(p * pairs < permutation.ALPHA) <= 0.88


def test_no_difference_is_promised_where_p_has_too_few_steps() -> None:
    drawn = units([""] * 8)
    error = np.array([0.1])
    assert permutation.smallest_p(8) == 1 / 128
    assert np.isinf(permutation_power.detectable(error, error, drawn, 7)).all()
    assert np.isfinite(permutation_power.detectable(error, error, drawn, 6)).all()
    assert np.isfinite(permutation_power.smooth(error, error, drawn, 7)).all()
    assert [permutation_power.fewest_units(pairs) for pairs in (1, 6, 7, 10_000)] == [6, 8, 9, math.inf]
    assert power.clips_needed(0.1, 8, 1.0, fewest=9) == 9
    assert power.clips_needed(math.inf, 8, 1.0) == math.inf


def test_one_pattern_passes_where_all_signs_are_alike() -> None:
    """With 10 units and 15 pairs only the observed pattern may reach its sum: the closed form of that."""
    drawn = units([""] * 10)
    error = np.array([1.0])
    found = permutation_power.detectable(error, error, drawn, 15)[0]
    assert found == pytest.approx(math.sqrt(10) * stats.norm.ppf(0.8**0.1), rel=0.02)


def test_holm_by_hand() -> None:
    p = np.array([0.01, 0.04, math.nan, 0.03, 0.005])
    np.testing.assert_allclose(permutation.holm(p), [0.03, 0.06, math.nan, 0.06, 0.02])
    assert permutation.holm(np.array([0.6, 0.7])).tolist() == [1, 1]
    assert permutation.holm(np.array([])).size == 0


def test_letters_are_shared_exactly_where_generators_are_not_apart() -> None:
    chain = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [1, 0, 0, 0], [1, 1, 0, 0]], bool)
    assert letters(chain) == ["a", "ab", "bc", "c"]
    assert letters(np.zeros((3, 3), bool)) == ["a", "a", "a"]
    assert letters(~np.eye(3, dtype=bool)) == ["a", "b", "c"]
    assert letters(np.zeros((0, 0), bool)) == []
    random = np.random.default_rng(10)
    for _ in range(50):
        apart = np.triu(random.random((9, 9)) < 0.6, 1)
        apart |= apart.T
        found = letters(apart)
        for one, other in itertools.combinations(range(9), 2):
            assert bool(set(found[one]) & set(found[other])) == (not apart[one, other])


def test_tau_is_scipys_with_ties_and_gaps() -> None:
    random = np.random.default_rng(11)
    scores = random.integers(0, 4, (7, 4)).astype(float)
    scores[2, 1] = scores[5, 3] = np.nan
    found = correlation.kendall_matrix(correlation.orders(scores.T))
    for one, other in itertools.product(range(4), repeat=2):
        both = ~np.isnan(scores[:, one]) & ~np.isnan(scores[:, other])
        expected = stats.kendalltau(scores[both, one], scores[both, other]).statistic
        assert found[one, other] == pytest.approx(expected, nan_ok=True)
    infinite = np.array([[math.inf, 1.0], [2.0, 0.0], [1.0, -1.0]])
    assert correlation.kendall_matrix(correlation.orders(infinite.T))[0, 1] == 1


def test_clips_needed_grow_with_the_square() -> None:
    assert power.clips_needed(0.02, 43, 0.01) == 4 * 43
    assert power.clips_needed(0.02, 43, -0.02) == 43
    assert power.clips_needed(0.02, 43, 0) == math.inf
    assert math.isnan(power.clips_needed(math.nan, 43, 0.1))
    assert np.isnan(power.detectable(np.array([0.1]), 0)).all()
