"""Detection: areas under ROC curves, thresholds, order; against closed forms and independent libraries."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import norm, spearmanr
from sklearn.metrics import roc_auc_score

from lsbench.auditing.findings import grade, smallest_cover
from lsbench.statistics.detection import auc, auc_limits, monotonicity, ordered, threshold
from lsbench.statistics.units import units


@pytest.mark.parametrize("higher", [True, False])
def test_auc_agrees_with_scikit_learn_ties_and_all(higher: bool) -> None:
    random = np.random.default_rng(1)
    for _ in range(50):
        clean, spoiled = (random.integers(0, 8, random.integers(2, 20)).astype(float) for _ in range(2))
        labels = np.r_[np.zeros(len(clean)), np.ones(len(spoiled))]
        badness = np.r_[clean, spoiled] * (-1 if higher else 1)
        assert auc(clean, spoiled, higher=higher) == pytest.approx(roc_auc_score(labels, badness), abs=1e-12)


def test_auc_of_undefined_infinite_and_equal_values() -> None:
    clean = np.array([np.inf, np.inf, 40.0])
    assert auc(clean, clean, higher=True) == 0.5
    assert auc(clean, np.array([30.0, 20.0, 10.0]), higher=True) == 1.0
    assert auc(clean, np.full(3, np.nan), higher=True) == 0.5
    assert auc(np.ones(3), np.ones(3) * (1 + 1e-12), higher=False) == 0.5, "rounding is no fault"


def test_limits_of_the_auc_cover_the_truth() -> None:
    random, hits, shift, trials = np.random.default_rng(2), 0, 1.0, 300
    truth = norm.cdf(shift / np.sqrt(2))
    drawn = units(["a"] * 24)
    for trial in range(trials):
        clean, spoiled = random.standard_normal(24), random.standard_normal(24) + shift
        low, high = auc_limits(clean, spoiled, drawn, higher=False, resamples=400, seed=trial)
        hits += low <= truth <= high
    assert 0.90 <= hits / trials <= 0.98


def test_limits_draw_speakers_where_there_are_enough_and_say_nothing_of_two_clips() -> None:
    random = np.random.default_rng(3)
    speakers = np.repeat(np.arange(12), 4)
    own = random.standard_normal(12)[speakers] * 3
    clean, spoiled = own + random.standard_normal(48) * 0.1, own + 1 + random.standard_normal(48) * 0.1
    by_speaker = np.subtract(*auc_limits(clean, spoiled, units([f"s{s}" for s in speakers]), higher=False)[::-1])
    by_clip = np.subtract(*auc_limits(clean, spoiled, units(["one"] * 48), higher=False)[::-1])
    assert by_speaker > by_clip
    assert np.isnan(auc_limits(clean[:2], spoiled[:2], units(["a", "b"]), higher=False)).all()


def test_thresholds_lie_where_the_line_crosses_and_stay_crossed() -> None:
    assert threshold((0, 1, 2), (0.5, 0.7, 1.1)) == pytest.approx(1.5)
    assert threshold((0, 1), (0.5, 0.95)) == 1
    assert threshold((0, 1, 2), (0.5, 0.95, 1.0)) == 1, "nothing is claimed below what was tried"
    assert threshold((0, 1, 2, 4), (0.5, 0.7, 1.0, np.nan)) == pytest.approx(1 + 2 / 3), "the unknown is passed over"
    assert threshold((0, 1, 2, 4), (0.5, 0.95, 0.6, 1.0)) == pytest.approx(3.5), "an early hit that is lost again"
    assert np.isnan(threshold((0, 1, 2), (0.5, 0.95, 0.6)))
    assert np.isnan(threshold((0,), (0.5,)))


def test_monotonicity_is_the_mean_of_spearmans_correlations() -> None:
    values = np.random.default_rng(4).standard_normal((5, 30))
    expected = np.mean([spearmanr(np.arange(5), column).statistic for column in values.T])
    assert monotonicity(values, higher=False) == pytest.approx(expected)
    assert monotonicity(values, higher=True) == pytest.approx(-expected)
    assert monotonicity(np.ones((4, 3)), higher=True) == 0
    assert monotonicity(np.full((4, 3), np.nan), higher=True) == 0


def test_order_counts_pairs_of_strengths() -> None:
    assert ordered(np.array([[1.0], [2.0], [3.0]]), higher=False) == 1
    assert ordered(np.array([[1.0], [2.0], [3.0]]), higher=True) == 0
    assert ordered(np.array([[1.0], [3.0], [2.0]]), higher=False) == pytest.approx(2 / 3)
    assert ordered(np.ones((3, 2)), higher=False) == 0.5
    assert ordered(np.ones((1, 2)), higher=False) == 0.5


def test_the_cover_is_the_smallest_and_then_the_cheapest() -> None:
    random = np.random.default_rng(5)
    for _ in range(30):
        good = (random.random((6, 7)) < 0.4).astype(float)
        good[:, 0] = np.maximum(good[:, 0], good.sum(axis=1) == 0)
        cost = random.random(7)
        covers = [
            chosen
            for size in range(1, 8)
            for chosen in combinations(range(7), size)
            if (good[:, list(chosen)].sum(axis=1) > 0).all()
        ]
        best = min(covers, key=lambda chosen: (len(chosen), cost[list(chosen)].sum()))
        assert tuple(np.flatnonzero(smallest_cover(good, cost))) == best


@pytest.mark.parametrize(
    ("area", "louder", "name"),
    [
        (1, 0.9, "good"),
        (0.9, 0.89, "drowned"),
        (0.89, 1, "weak"),
        (0.7, 0, "weak"),
        (0.5, 0.5, "blind"),
        (0.1, 0, "fooled"),
    ],
)
def test_grades(area: float, louder: float, name: str) -> None:
    assert grade(area, louder) == name
