"""Intervals and paired tests against SciPy in one run: `python bench/intervals.py`.

A board of 20 generators x 20 metrics over 1,000 clips: 10,000 resamples for every interval, 10,000 sign patterns for
each of the 190 pairs of generators a metric. SciPy takes one score, or one pair, a call: a few are timed and the time
is multiplied by their number, which is said. Medians of alternating rounds; ends of intervals and p values are compared
with SciPy's on the scores that both computed (two random draws differ by Monte Carlo error).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from lsbench.statistics.bootstrap import RESAMPLES, deviations, limits
from lsbench.statistics.permutation import sign_flips
from lsbench.statistics.units import Units, units


def board(generators: int, metrics: int, clips: int) -> tuple[np.ndarray, Units]:
    """Clip values (metrics, generators, clips) with effects of clip and generator, and the clips' units."""
    random = np.random.default_rng(0)
    shared = random.normal(size=(metrics, 1, clips))
    ability = random.normal(0, 0.05, (metrics, generators, 1))
    return shared + ability + random.normal(size=(metrics, generators, clips)), units([""] * clips)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds that it takes, and what it gives."""
    start = time.perf_counter()
    outcome = work()
    return time.perf_counter() - start, outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=2, help="of SciPy a round")
    options = parser.parse_args()
    generators, metrics, clips = 20, 20, 1000
    values, drawn = board(generators, metrics, clips)
    flat = values.reshape(-1, clips)
    influence = flat - flat.mean(axis=1, keepdims=True)
    pairs = metrics * generators * (generators - 1) // 2

    def intervals() -> np.ndarray:
        return np.stack(limits(deviations(influence, drawn), drawn))

    def tests() -> np.ndarray:
        return sign_flips(values, drawn)

    def scipy_intervals() -> list[Any]:
        return [
            stats.bootstrap(
                (row,), np.mean, n_resamples=RESAMPLES, method="percentile", vectorized=True, batch=500, random_state=0
            ).confidence_interval
            for row in flat[: options.calls]
        ]

    def scipy_tests() -> list[float]:
        def mean(sample: np.ndarray, axis: int) -> np.ndarray:
            return sample.mean(axis=axis)

        return [
            stats.permutation_test(
                (values[0, 0] - values[0, other],),
                mean,
                permutation_type="samples",
                n_resamples=RESAMPLES,
                vectorized=True,
                batch=500,
                random_state=0,
            ).pvalue
            for other in range(1, 1 + options.calls)
        ]

    work = {"intervals": intervals, "scipy intervals": scipy_intervals, "tests": tests, "scipy tests": scipy_tests}
    seconds: dict[str, list[float]] = {name: [] for name in work}
    outcome = {}
    for _ in range(options.rounds):
        for name, call in work.items():
            spent, outcome[name] = timed(call)
            seconds[name].append(spent)
    median = {name: statistics.median(spent) for name, spent in seconds.items()}
    print(f"{generators} generators x {clips} clips x {metrics} metrics, {RESAMPLES} resamples and sign patterns")
    for name, count in (("intervals", len(flat)), ("tests", pairs)):
        peer = median[f"scipy {name}"] / options.calls * count
        print(
            f"{name:9} {count:5}: lsbench {median[name]:6.2f} s, scipy.stats {peer:8.1f} s "
            f"({options.calls} calls timed, x {count / options.calls:g}): {peer / median[name]:.0f} times"
        )
    means = flat[: options.calls].mean(axis=1)
    low, high = (means + side[: options.calls] for side in outcome["intervals"])
    width = high - low
    theirs = np.array([[interval.low, interval.high] for interval in outcome["scipy intervals"]]).T
    off = np.abs(np.stack([low, high]) - theirs).max(axis=0) / width
    print(f"ends of intervals differ by at most {off.max():.1%} of the width, p values by at most ", end="")
    print(f"{np.abs(outcome['tests'][0, 0, 1 : 1 + options.calls] - outcome['scipy tests']).max():.4f}")


if __name__ == "__main__":
    main()
