"""The Fréchet distance and KID of 2048 features against their peers, in one run: `python bench/frechet.py`.

Every round times all of them in turn; a line gives the median and how many times longer a peer takes. `off` is relative
to lsbench's value. Where N <= 2048 the peer's matrix root is of a singular product, and it is the peer that is off.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
from pytorch_fid.fid_score import calculate_frechet_distance

from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.metrics._sets.kid import kernel_distance

WIDTH = 2048

Features = np.ndarray
Distance = Callable[[Features, Features], float]


def features(count: int, seed: int, scale: float) -> Features:
    """Non-negative features float32 (count, 2048) whose spread falls off as that of a network's."""
    random = np.random.default_rng(seed)
    spread = scale / np.sqrt(1 + np.arange(WIDTH) / 100)
    mixing = np.linalg.qr(np.random.default_rng(9).normal(size=(WIDTH, WIDTH)))[0]
    return np.abs(random.normal(size=(count, WIDTH)) * spread @ mixing).astype(np.float32)


def by_pytorch_fid(reference: Features, generated: Features) -> float:
    sides = [(rows.mean(axis=0), np.cov(rows, rowvar=False)) for rows in (reference, generated)]
    return float(calculate_frechet_distance(*sides[0], *sides[1]))


def by_torch_fidelity(reference: Features, generated: Features) -> float:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    size = min(1000, len(reference))
    sides = torch.from_numpy(reference), torch.from_numpy(generated)
    return float(kid_features_to_metric(*sides, kid_subset_size=size, verbose=False)[KEY_METRIC_KID_MEAN])


def by_lsbench_kid(reference: Features, generated: Features) -> float:
    return float(kernel_distance(reference, generated).mean())


def compare(title: str, ours: Distance, name: str, theirs: Distance, count: int, rounds: int) -> None:
    sides = features(count, 0, 1.0), features(count, 1, 1.1)
    seconds: dict[str, list[float]] = {"lsbench": [], name: []}
    values = {}
    ours(*sides)
    for _ in range(rounds):
        for label, distance in (("lsbench", ours), (name, theirs)):
            start = time.perf_counter()
            values[label] = distance(*sides)
            seconds[label].append(time.perf_counter() - start)
    medians = {label: statistics.median(times) for label, times in seconds.items()}
    off = abs(values[name] / values["lsbench"] - 1)
    print(
        f"{title} N = {count:5}: lsbench {medians['lsbench']:8.4f} s, {name} {medians[name]:8.3f} s, "
        f"{medians[name] / medians['lsbench']:7.1f}x; {values['lsbench']:.6g}, off {off:.1e}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[75, 750, 2500], help="frames a side")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kid", action="store_true", help="KID too, against torch-fidelity")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)
    print(f"{torch.get_num_threads()} threads, {arguments.rounds} rounds in turn, medians")
    for count in arguments.counts:
        compare("Fréchet", frechet_distance, "pytorch-fid", by_pytorch_fid, count, arguments.rounds)
        if arguments.kid:
            compare("KID    ", by_lsbench_kid, "torch-fidelity", by_torch_fidelity, count, arguments.rounds)


if __name__ == "__main__":
    main()
