"""LPIPS of uint8 frames against the package lpips, in one run: `python bench/lpips_speed.py`.

Both take the same AlexNet trunk: the trained one where `lsbench weights fetch alexnet` has been, else one of seeded
random weights, which costs as much time. Every round times all of them in turn; a line gives the median and how many
times longer it takes than lsbench, without and with the reference's features at hand. `kept by score` is what a second
generator costs in one process, where they come out of memory without their zeros. Peers start from the same uint8
arrays. `off` is the largest difference from the package frame by frame. Batches of 8 and 25 are the package's best;
lsbench takes its own batches.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import lpips
import numpy as np
import torch

from lsbench.errors import WeightsError
from lsbench.metrics.lpips import lpips_frames, reference_features
from lsbench.networks import alexnet, weights
from lsbench.networks.checkpoint import read_state
from lsbench.networks.kept_features import KEPT
from lsbench.networks.lpips import LPIPS

SIZES = {(96, 96): 75, (60, 60): 75, (288, 360): 25}  # frames of each size

Frames = np.ndarray


def textured(height: int, width: int, frames: int) -> tuple[Frames, Frames]:
    """Moving texture and a blurred, noisy copy: two uint8 (T, H, W, 3)."""
    random = np.random.default_rng(0)
    texture = random.integers(0, 256, (height // 8 + 8, width // 8 + 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
    reference = np.stack([texture[i % 50 : height + i % 50, i % 40 : width + i % 40] for i in range(frames)])
    generated = (reference + np.roll(reference, 1, axis=2)) / 2 + random.normal(0, 10, reference.shape)
    return reference.astype(np.uint8), np.clip(generated, 0, 255).astype(np.uint8)


def same_network() -> tuple[LPIPS, torch.nn.Module]:
    """lsbench's network and the package's, with one trunk."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    own = {name: "features." + name.split(".", 1)[1] for name in package.net.state_dict()}
    try:
        path, _ = weights.require("alexnet", offline=True)
    except WeightsError:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "alexnet.pth")
            torch.save({own[name]: value for name, value in package.net.state_dict().items()}, path)
            return alexnet.load(path), package
    state = read_state(path)
    package.net.load_state_dict({name: state[own[name]] for name in own})
    return alexnet.load(path), package


def compare(height: int, width: int, threads: int, rounds: int) -> None:
    """Time all contenders in turn and print their medians and ratios."""
    torch.set_num_threads(threads)
    network, package = same_network()
    reference, generated = textured(height, width, SIZES[height, width])
    kept = reference_features(reference, network)

    @torch.inference_mode()
    def by_package(batch: int) -> Frames:
        x, y = (torch.from_numpy(frames).permute(0, 3, 1, 2) for frames in (reference, generated))
        pairs = zip(x.split(batch), y.split(batch), strict=True)
        return torch.cat([package(a / 127.5 - 1, b / 127.5 - 1).flatten() for a, b in pairs]).numpy()

    def kept_by_score() -> Frames:
        with KEPT.round():
            return lpips_frames(reference, generated, network)

    contenders: dict[str, Callable[[], Frames]] = {
        "lsbench": lambda: lpips_frames(reference, generated, network),
        "lsbench, reference kept": lambda: lpips_frames(kept, generated, network),
        "lsbench, kept by score": kept_by_score,
        "lpips, frame by frame": lambda: by_package(1),
        "lpips, batches of 8": lambda: by_package(8),
        "lpips, batches of 25": lambda: by_package(25),
    }
    scores = {name: score() for name, score in contenders.items()}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, score in contenders.items():
            start = time.perf_counter()
            score()
            seconds[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    first, second = medians["lsbench"], medians["lsbench, reference kept"]
    print(f"\n{width} x {height}, {threads} thread{'s' * (threads > 1)}     ms a frame   ratio   ratio, kept     off")
    for name, median in medians.items():
        off = np.abs(scores[name] - scores["lpips, frame by frame"]).max()
        milliseconds = 1000 * median / len(reference)
        print(f"{name:<25}{milliseconds:>11.2f}{median / first:>8.2f}x{median / second:>12.2f}x{off:>10.0e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    for threads in arguments.threads:
        for height, width in SIZES:
            compare(height, width, threads, arguments.rounds)
