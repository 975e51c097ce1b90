"""Distances between sets of features: against other implementations and closed forms, degenerate sets, and folding."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg

from lsbench.errors import MetricError
from lsbench.metrics._base.stats import Stats
from lsbench.metrics._sets import frechet
from lsbench.metrics._sets.frechet import Gathering, factor, frechet_distance, frechet_from_moments
from lsbench.metrics._sets.kid import kernel_distance
from lsbench.metrics.fid import FID, KID, FIDInfinity

WIDTH = 48


def features(count: int, seed: int = 0, scale: float = 1.0, shift: float = 0.0, width: int = WIDTH) -> np.ndarray:
    """Correlated non-negative features float32 (count, width), as those of a network."""
    random = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(width, width)) / width**0.5 + np.eye(width)
    return (np.abs(random.normal(size=(count, width)) @ mixing) * scale + shift).astype(np.float32)


def moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    rows = rows.astype(np.float64)
    return rows.mean(axis=0), np.cov(rows, rowvar=False)


def by_matrix_root(reference: np.ndarray, generated: np.ndarray) -> float:
    """The formula as it stands, in float64."""
    (mean, covariance), (other_mean, other_covariance) = moments(reference), moments(generated)
    root = scipy.linalg.sqrtm(covariance @ other_covariance)
    return float(np.sum((mean - other_mean) ** 2) + np.trace(covariance + other_covariance - 2 * np.real(root)))


def diagonal_rows(spread: np.ndarray) -> np.ndarray:
    """Rows whose covariance is diagonal and of low rank: variances `spread` on the first axes, exactly."""
    count = 2 * len(spread)
    rows = np.zeros((count, WIDTH))
    rows[np.arange(count), np.arange(count) // 2] = np.repeat(np.sqrt(spread * (count - 1) / 2), 2) * np.tile(
        [1, -1], len(spread)
    )
    return rows


@pytest.mark.parametrize("small", [1024, 4], ids=["singular values", "eigenvalues"])
@pytest.mark.parametrize(("count", "other_count"), [(400, 300), (49, 1000)])
def test_frechet_is_the_matrix_root_formula(
    monkeypatch: pytest.MonkeyPatch, small: int, count: int, other_count: int
) -> None:
    monkeypatch.setattr(frechet, "SMALL", small)
    reference, generated = features(count), features(other_count, 1, scale=1.3, shift=0.2)
    tolerance = 1e-9 if count > 100 else 1e-6
    assert frechet_distance(reference, generated) == pytest.approx(by_matrix_root(reference, generated), rel=tolerance)


def test_frechet_agrees_with_pytorch_fid() -> None:
    peer = pytest.importorskip("pytorch_fid.fid_score")
    reference, generated = features(400), features(300, 1, scale=1.3)
    theirs = peer.calculate_frechet_distance(*moments(reference), *moments(generated))
    assert frechet_distance(reference, generated) == pytest.approx(theirs, rel=1e-6)
    assert frechet_from_moments(*moments(reference), *moments(generated)) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("small", [1024, 1], ids=["singular values", "eigenvalues"])
def test_few_rows_give_the_closed_form(monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    monkeypatch.setattr(frechet, "SMALL", small)
    spread, other_spread = np.array([4.0, 1.0, 0.25, 0.0]), np.array([1.0, 1.0, 4.0, 9.0])
    expected = 0.3**2 * WIDTH + np.sum((np.sqrt(spread) - np.sqrt(other_spread)) ** 2)
    assert frechet_distance(diagonal_rows(spread), diagonal_rows(other_spread) + 0.3) == pytest.approx(
        expected, rel=1e-7
    )


def test_rows_on_one_side_and_moments_on_the_other() -> None:
    spread = np.array([4.0, 1.0, 0.25])
    many = np.concatenate([np.eye(WIDTH), -np.eye(WIDTH)]) * math.sqrt((2 * WIDTH - 1) / 2)  # unit covariance
    expected = np.sum((np.sqrt(spread) - 1) ** 2) + WIDTH - 3
    assert frechet_distance(diagonal_rows(spread), many) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(many, diagonal_rows(spread)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [2, 30, WIDTH, WIDTH + 1, 300])
def test_identical_sets_are_at_zero(count: int) -> None:
    rows = features(count)
    assert 0 <= frechet_distance(rows, rows.copy()) < 1e-10


@pytest.mark.parametrize("count", [2, 30, 300])
def test_degenerate_sets_are_finite_and_not_negative(count: int) -> None:
    constant, dull, rows = np.full((count, WIDTH), 0.25), features(count), features(count, 1)
    dull[:, WIDTH // 2 :] = dull[:, : WIDTH // 2]
    assert frechet_distance(constant, constant) == 0
    assert frechet_distance(constant, constant + 1) == pytest.approx(WIDTH, rel=1e-9)
    for pair in ((constant, rows), (dull, rows), (dull, dull[::-1]), (np.repeat(rows[:1], count, axis=0), dull)):
        assert 0 <= frechet_distance(*pair) < 1e4


def test_a_singular_covariance_keeps_its_rank() -> None:
    spread = np.array([4.0, 1.0, 0.25])
    covariance = np.diag(np.concatenate([spread, np.zeros(WIDTH - 3)]))
    assert factor(covariance).shape == (3, WIDTH)
    assert frechet_from_moments(np.zeros(WIDTH), covariance, np.zeros(WIDTH), 4 * covariance) == pytest.approx(
        spread.sum(), rel=1e-12
    )


def test_fewer_than_two_rows_are_undefined() -> None:
    assert math.isnan(frechet_distance(features(1), features(9)))
    assert math.isnan(frechet_distance(features(9), features(0)))
    assert math.isnan(kernel_distance(features(1), features(9)).mean())


@pytest.mark.parametrize("distance", [frechet_distance, lambda *sides: float(kernel_distance(*sides).mean())])
def test_features_it_cannot_take_are_refused(distance: Callable[[np.ndarray, np.ndarray], float]) -> None:
    rows, broken = features(9), features(9)
    broken[4, 3] = np.nan
    with pytest.raises(MetricError, match="sample 4"):
        distance(rows, broken)
    with pytest.raises(MetricError, match=r"\(9, 12\); expected \(samples, 48\)"):
        distance(rows, features(9, width=12))
    with pytest.raises(MetricError, match="expected"):
        distance(rows[0], rows[0])


@pytest.mark.parametrize("count", [WIDTH, WIDTH + 1, 2 * WIDTH, 5 * WIDTH + 7])
def test_a_gaussian_depends_on_the_rows_alone(count: int) -> None:
    rows = features(count)
    gaussians = []
    for sizes in ([count], [1] * count, [7, count - 7], [count - 1, 0, 1]):
        gathering = Gathering(WIDTH)
        for part in np.split(rows, np.cumsum(sizes)[:-1]):
            gathering.add(part)
        assert gathering.count == count
        gaussians.append(gathering.gaussian())
    mean, covariance = moments(rows)
    for gaussian in gaussians:
        assert gaussian.mean.tobytes() == gaussians[0].mean.tobytes()
        assert gaussian.factor.tobytes() == gaussians[0].factor.tobytes()
        np.testing.assert_allclose(gaussian.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(gaussian.factor.T @ gaussian.factor, covariance, rtol=0, atol=1e-12)


def mmd2(reference: np.ndarray, generated: np.ndarray) -> float:
    """Unbiased MMD², pair by pair."""

    def mean(first: np.ndarray, second: np.ndarray, pairs: list[tuple[int, int]]) -> float:
        return math.fsum((float(first[i] @ second[j]) / WIDTH + 1) ** 3 for i, j in pairs) / len(pairs)

    one, other = reference.astype(np.float64), generated.astype(np.float64)
    every = [(i, j) for i in range(len(one)) for j in range(len(other))]
    different = [(i, j) for i in range(len(one)) for j in range(len(one)) if i != j]
    return mean(one, one, different) + mean(other, other, different) - 2 * mean(one, other, every)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's own books")
def test_features_in_files_take_no_memory_of_their_own(tmp_path: Path) -> None:
    """Value and influence of features of 41 MB, in files, in a third of that; the value is that of the arrays."""
    count, width = 40_000, 64
    parts, random = [], np.random.default_rng(0)
    for clip in range(2):
        for side in ("reference", "generated"):
            random.normal(size=(count, width)).astype(np.float32).tofile(tmp_path / f"{side}{clip}")
        parts.append(
            Stats(
                reference=np.memmap(tmp_path / f"reference{clip}", np.float32, "r", shape=(count, width)),
                generated=np.memmap(tmp_path / f"generated{clip}", np.float32, "r", shape=(count, width)),
            )
        )
    metric = FID()
    metric.fold([part.cut(0, 3000) for part in parts]), metric.influence([part.cut(0, 3000) for part in parts])

    def resident(name: str) -> int:
        kilobytes = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
        return int(kilobytes[1]) if kilobytes else 0

    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    value, influence = metric.fold(parts)[0], metric.influence(parts)
    assert resident("VmHWM") - before < 14_000
    assert value == metric.fold([Stats(**{name: np.array(column) for name, column in p.items()}) for p in parts])[0]
    assert np.isfinite(influence).all() and abs(influence.sum()) < 1e-9


def test_kid_is_the_mean_over_pairs() -> None:
    reference, generated = features(20), features(20, 1, scale=1.2)
    (value,) = kernel_distance(reference, generated)
    assert value == pytest.approx(mmd2(reference, generated), rel=1e-10)


@pytest.mark.parametrize(("count", "subsets", "size"), [(60, 40, 30), (300, 5, 20)], ids=["at once", "one by one"])
def test_kid_agrees_with_torch_fidelity(count: int, subsets: int, size: int) -> None:
    peer = pytest.importorskip("torch_fidelity.metric_kid")
    import torch

    reference, generated = features(count), features(count + 10, 1, scale=1.2)
    theirs = peer.kid_features_to_metric(
        torch.from_numpy(reference).double(),
        torch.from_numpy(generated).double(),
        kid_subsets=subsets,
        kid_subset_size=size,
        rng_seed=7,
        verbose=False,
    )
    ours = kernel_distance(reference, generated, subsets, size, seed=7)
    assert ours.mean() == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-9)
    assert ours.std() == pytest.approx(theirs["kernel_inception_distance_std"], rel=1e-9)


def parts(clips: int, frames: int = 6, scale: float = 1.2, width: int = WIDTH) -> list[Stats]:
    return [
        Stats(reference=features(frames, clip, width=width), generated=features(frames, 500 + clip, scale, width=width))
        for clip in range(clips)
    ]


@pytest.mark.parametrize("metric", [FID(), KID(), KID(subsets=7, subset_size=20)], ids=lambda metric: metric.spec)
@pytest.mark.parametrize("clips", [1, 4, 20])
def test_folding_clips_is_computing_their_rows(metric: FID | KID, clips: int) -> None:
    some = parts(clips)
    value, note = metric.fold(some)
    assert value == metric.compute(Stats.join(some)) and note == metric.note(Stats.join(some))
    assert note and note.startswith(f"N = {6 * clips} frames a side")
    assert value == metric.fold(some)[0]


def test_notes_say_what_to_know() -> None:
    few = parts(2)
    assert "covariances are singular" in (FID().fold(few)[1] or "")
    assert "no spread" in (KID().fold(few)[1] or "")
    assert "over 9 subsets of 5" in (KID(subsets=9, subset_size=5).fold(few)[1] or "")
    single = [Stats(reference=features(1), generated=features(1, 1))]
    for metric in (FID(), KID(), FIDInfinity()):
        value, note = metric.fold(single)
        assert math.isnan(value) and note and note.startswith("undefined")


def test_fid_infinity_takes_the_bias_out() -> None:
    some = parts(60, frames=20, scale=1.0)
    biased = FID().fold(some)[0]
    value, note = FIDInfinity().fold(some)
    assert abs(value) < biased / 5  # both sides are of one distribution: without bias the distance is 0
    assert note and "15 groups of clips, N = 240 to 1200 frames a side" in note
    assert FIDInfinity(seed=1).fold(some)[0] != value == FIDInfinity().fold(some)[0]


def test_fid_infinity_fits_a_line() -> None:
    some = parts(12)
    values = [FID().compute(Stats.join(some))]
    order = np.random.RandomState(0).permutation(12)
    values += [FID().compute(Stats.join([some[i] for i in np.sort(half)])) for half in np.array_split(order, 2)]
    slope, intercept = np.polyfit([1 / 72, 1 / 36, 1 / 36], values, 1)
    value, note = FIDInfinity(splits=2).fold(some)
    assert value == pytest.approx(intercept, rel=1e-9)
    assert note and f"slope {slope:.4g} / N" in note


def test_fid_infinity_needs_clips() -> None:
    value, note = FIDInfinity().fold(parts(9))
    assert math.isnan(value) and note == "undefined with fewer than 10 clips, two for each of 5 groups"


@pytest.mark.parametrize(
    ("kind", "option", "value"),
    [(KID, "subsets", 0), (KID, "subset_size", 1), (KID, "seed", -1), (FIDInfinity, "splits", 1)],
)
def test_options_out_of_range_are_refused(kind: type[KID | FIDInfinity], option: str, value: int) -> None:
    with pytest.raises(MetricError, match=f"option {option}={value}; expected at least {value + 1}"):
        kind(**{option: value})
