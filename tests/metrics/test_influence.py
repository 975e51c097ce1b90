"""How much each clip moves a score: exact for means, the jackknife otherwise, and close to it for sets of features."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

from lsbench.metrics._base import influence
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sets.frechet import gathered_distance
from lsbench.metrics._sets.kid import kernel_distance
from lsbench.metrics._sets.set_influence import SIDES, frechet_influence, kernel_influence
from lsbench.metrics.fid import KID, FDEfficientNetLite0, FIDInfinity
from lsbench.statistics import bootstrap
from lsbench.statistics.units import units


def mean(stats: Stats) -> float:
    return math.fsum(stats["value"]) / stats.rows


def ratio(stats: Stats) -> float:
    return float(stats["value"].sum() / stats["other"].sum())


def parts(clips: int, *, frames: int = 5, seed: int = 0) -> list[Stats]:
    """Clips of different lengths, with effects of their own."""
    random = np.random.default_rng(seed)
    lengths = frames + random.integers(0, frames, clips)
    return [Stats(value=random.gamma(3, size=n) + random.normal(), other=random.gamma(9, size=n)) for n in lengths]


def features(clips: int, frames: int, width: int, seed: int = 0) -> list[Stats]:
    """Frames that are alike within a clip; generated is reference, moved and blurred by an amount of the clip's own."""
    mix = np.random.default_rng(0).standard_normal((width, width)) / math.sqrt(width)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(clips):
        reference = random.standard_normal(width) @ mix + 0.5 * random.standard_normal((frames, width))
        shift = 0.2 + 0.25 * random.standard_normal(width)
        generated = reference + shift + 0.25 * random.standard_normal((frames, width))
        found.append(Stats(reference=reference.astype(np.float32), generated=generated.astype(np.float32)))
    return found


def leave_one_out(clips: Sequence[Stats], value: object) -> np.ndarray:
    assert callable(value)
    return influence.jackknife(np.array([value([*clips[:i], *clips[i + 1 :]]) for i in range(len(clips))]))


def frechet(clips: Sequence[Stats]) -> float:
    return gathered_distance((part["reference"], part["generated"]) for part in clips)


def frechet_by_eigenvalues(clips: Sequence[Stats]) -> float:
    """Of few features: by the eigenvalues of the product of the covariances."""
    first, second = (np.concatenate([part[side] for part in clips]).astype(np.float64) for side in SIDES)
    covariances = np.cov(first.T), np.cov(second.T)
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).real)
    gap = first.mean(axis=0) - second.mean(axis=0)
    return float(gap @ gap + np.trace(covariances[0] + covariances[1]) - 2 * roots.sum())


def kernel(clips: Sequence[Stats]) -> float:
    joined = Stats.join(clips)
    return float(kernel_distance(joined["reference"], joined["generated"]).mean())


def test_of_a_mean_it_is_the_clips_mean_less_the_score() -> None:
    clips = parts(12)
    found = influence.of_statistic(clips, mean)
    rows = np.array([part.rows for part in clips])
    expected = rows / rows.mean() * (np.array([mean(part) for part in clips]) - mean(Stats.join(clips)))
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert found.sum() == pytest.approx(0, abs=1e-10)


def test_of_a_ratio_it_is_the_jackknife_and_predicts_resamples() -> None:
    clips = parts(40)
    found = influence.of_statistic(clips, ratio)
    np.testing.assert_allclose(found, leave_one_out(clips, lambda some: ratio(Stats.join(some))))
    random = np.random.default_rng(1)
    counts = random.multinomial(40, np.full(40, 1 / 40), 50)
    drawn = [
        ratio(Stats.join(part for part, count in zip(clips, row, strict=True) for _ in range(count))) for row in counts
    ]
    predicted = ratio(Stats.join(clips)) + counts @ found / 40
    assert np.corrcoef(drawn, predicted)[0, 1] > 0.99
    assert np.std(drawn) == pytest.approx(np.std(predicted), rel=0.1)


def test_many_clips_are_weighed_against_some(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = parts(120)
    exact = influence.of_statistic(clips, ratio)
    monkeypatch.setattr(influence, "MOST_CLIPS", 60)
    near = influence.of_statistic(clips, ratio)
    assert np.corrcoef(exact, near)[0, 1] > 0.99
    assert near.std() == pytest.approx(exact.std(), rel=0.1)


def test_what_is_undefined_has_none() -> None:
    clips = parts(4)
    assert np.isnan(influence.of_statistic(clips[:1], mean)).all()
    assert np.isnan(influence.of_statistic(clips, lambda _: math.inf)).all()
    assert np.isnan(frechet_influence(features(1, 3, 4))).all()
    assert np.isnan(kernel_influence(features(2, 1, 4))).all()


@pytest.mark.parametrize(("frames", "width"), [(15, 6), (5, 300)])
def test_frechet_influence_is_near_the_jackknife(frames: int, width: int) -> None:
    """With more frames than features, where a covariance is inverted, and with fewer, where it is not."""
    clips = features(25, frames, width)
    exact, found = leave_one_out(clips, frechet), frechet_influence(clips)
    assert np.corrcoef(exact, found)[0, 1] > 0.9
    assert found.std() == pytest.approx(exact.std(), rel=0.1)
    assert found.sum() == pytest.approx(0, abs=1e-9 * np.abs(found).sum())


def test_frechet_influence_is_its_derivative() -> None:
    """By central differences: the distance with a clip's frames a hair heavier and lighter, as moments."""
    from lsbench.metrics._sets.frechet import frechet_from_moments

    clips = features(6, 8, 5)
    frames = [np.concatenate([part[side] for part in clips]).astype(np.float64) for side in SIDES]
    owner = np.repeat(np.arange(6), 8)

    def weighted(clip: int, step: float) -> float:
        weight = np.where(owner == clip, 1 + step, 1.0)
        moments = []
        for rows in frames:
            centre = np.average(rows, axis=0, weights=weight)
            moments += [centre, np.cov(rows.T, aweights=weight, ddof=0) * 48 / 47]
        return frechet_from_moments(*moments)

    step = 1e-4
    derivative = [6 * (weighted(clip, step) - weighted(clip, -step)) / (2 * step) for clip in range(6)]
    np.testing.assert_allclose(frechet_influence(clips), derivative, rtol=2e-4)


def test_kernel_influence_is_the_jackknife() -> None:
    clips = features(20, 5, 30)
    np.testing.assert_allclose(kernel_influence(clips), leave_one_out(clips, kernel), rtol=1e-3, atol=1e-4)


def test_metrics_of_sets_give_one_number_a_clip() -> None:
    clips = features(12, 4, 10)
    for metric in (FDEfficientNetLite0(), KID(), FIDInfinity()):
        found = metric.influence(clips)
        assert found.shape == (12,)
        assert np.isfinite(found).all()
    assert np.isnan(FIDInfinity().influence(clips[:5])).all()


@pytest.mark.slow
def test_an_interval_of_a_frechet_distance_covers() -> None:
    """Against the mean of the distance at this number of clips, which is what boards compare: FID is biased by N."""
    studies = [features(43, 3, 8, seed=seed) for seed in range(150)]
    values = np.array([frechet_by_eigenvalues(clips) for clips in studies])
    moved = np.stack([frechet_influence(clips) for clips in studies])
    drawn = units([""] * 43)
    low, high = bootstrap.limits(bootstrap.deviations(moved, drawn, resamples=1000), drawn)
    covered = np.mean((values + low <= values.mean()) & (values.mean() <= values + high))
    assert 0.91 <= covered <= 0.99
