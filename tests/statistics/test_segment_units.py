"""Intervals and tests that draw segments: when they do, and what they cover where neighbouring segments are alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import lfilter

from lsbench.statistics import bootstrap, permutation
from lsbench.statistics.units import FEW_CLIPS, FEW_SPEAKERS, Units, units

FPS = 25
STUDIES = 600


def test_the_widest_group_that_there_are_enough_of_is_drawn() -> None:
    few, enough = FEW_CLIPS - 1, FEW_CLIPS
    assert units([""] * few, [4] * few).by == "segment"
    assert units([""] * enough, [4] * enough).by == "clip"
    assert units([f"s{i}" for i in range(FEW_SPEAKERS)], [4] * FEW_SPEAKERS).by == "speaker"
    assert units([""] * few).by == "clip"
    assert units([""] * 4, [1, 1, 1, 4]).by == "clip"  # hardly a clip is more than one segment
    assert units(["s1"], [24]).freedom == 23
    assert not units(["s1"], [2]).freedom
    assert not units([]).freedom


def test_segments_are_compared_with_the_mean_of_their_own_clip() -> None:
    """Clips are given: what they differ in is no reason for doubt, and a segment belongs to its clip alone."""
    drawn = units(["s1", "s1"], [3, 5])
    values = np.array([10.0, 11, 12, -3, -2, -1, -4, 0])
    contributed = drawn.contributions(values)
    assert contributed[:3].tolist() == [-1, 0, 1]
    assert contributed[3:].sum() == pytest.approx(0, abs=1e-12)
    assert drawn.freedom == 6
    assert drawn.sums(values).tolist() == values.tolist()


def test_the_note_says_what_segments_hold_for() -> None:
    note = units(["s1", "s2"], [24, 24]).note
    assert "48 segments of 2 clips" in note
    assert "no other recordings" in note
    assert "--segment" in units(["s1"]).note


def means(memory_s: float, segment_s: float, minutes: float = 5, clips: int = 2) -> tuple[np.ndarray, Units]:
    """Means of segments, (studies, segments), of series of mean 0 whose correlation falls by 1/e in `memory_s`."""
    random = np.random.default_rng(7)
    kept = math.exp(-1 / (FPS * memory_s)) if memory_s else 0.0
    noise = random.standard_normal((STUDIES, clips, round(minutes * 60 * FPS)))
    noise[..., 1:] *= math.sqrt(1 - kept**2)
    values = lfilter([1], [1, -kept], noise, axis=-1)
    count = round(minutes * 60 / segment_s)
    return values.reshape(STUDIES, clips * count, -1).mean(axis=-1), units([""] * clips, [count] * clips)


def covered(values: np.ndarray, drawn: Units) -> float:
    influence = values - values.mean(axis=1, keepdims=True)
    low, high = bootstrap.limits(bootstrap.deviations(influence, drawn, resamples=1000), drawn)
    mean = values.mean(axis=1)
    return float(np.mean((mean + low <= 0) & (mean + high >= 0)))


@pytest.mark.slow
def test_intervals_cover_where_a_segment_is_ten_times_as_long_as_what_is_alike_in_it() -> None:
    assert 0.93 <= covered(*means(0, 5)) <= 0.98
    assert covered(*means(0.5, 5)) >= 0.92
    assert covered(*means(1, 10)) >= 0.92


@pytest.mark.slow
def test_shorter_segments_make_intervals_too_narrow_and_longer_ones_mend_that() -> None:
    short, middle, long = (covered(*means(2, segment)) for segment in (2, 5, 20))
    assert short < 0.82
    assert short < middle < long
    assert long >= 0.92


@pytest.mark.slow
def test_the_test_keeps_its_level_where_segments_are_not_alike() -> None:
    values, drawn = means(0.25, 5, minutes=2)
    both = np.stack([values[: STUDIES // 2], values[STUDIES // 2 :]], axis=1)
    p = permutation.sign_flips(both, drawn, flips=999)[:, 0, 1]
    assert np.mean(p < 0.05) <= 0.09
