"""LPIPS on VGG16 and DISTS of frames of two real clips, apart and in one pass: `python bench/vgg_pass.py CLIP CLIP`.

Prints milliseconds of one core a pair of frames, so that other work on the machine counts little, on the whole frame
and on a mouth's size; `kept` has the reference's features kept. The values are those of two different clips.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lsbench.media.files import read_clip
from lsbench.metrics._perceptual.frame_distances import Network, frame_distances
from lsbench.networks import alexnet, vgg, weights
from lsbench.networks.kept_features import KEPT

MOUTH = (slice(180, 276), slice(132, 228))  # 96 x 96 px, in the middle of the lower half of a frame of 360 x 288


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs=2)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    files = {name: weights.fetch(name) for name in ("alexnet", "vgg16", "dists")}
    networks: dict[str, Network] = {
        "lpips": alexnet.load(files["alexnet"]),
        "lpips:net=vgg": vgg.load(files["vgg16"]),
        "dists": vgg.load_dists(files["vgg16"], files["dists"]),
        "both in one pass": vgg.load_both(files["vgg16"], files["dists"]),
    }
    frames = [
        read_clip(path, path.stem).frames[:: 75 // arguments.frames][: arguments.frames] for path in arguments.clips
    ]
    for name, place in {"whole": (slice(None), slice(None)), "96 x 96": MOUTH}.items():
        both = [np.ascontiguousarray(side[:, place[0], place[1]]) for side in frames]
        print(f"\n{name:<20}{'ms a pair':>10}{'kept':>8}   values of the first frames")
        for metric, network in networks.items():
            distances = partial(frame_distances, "bench", both[0], both[1], network)
            plain = measured(distances, arguments.rounds, len(both[0]))
            with KEPT.round():
                kept = measured(distances, arguments.rounds, len(both[0]))
            KEPT.forget()
            first = "  ".join(" ".join(f"{number:.4f}" for number in np.atleast_1d(value)) for value in distances()[:3])
            print(f"{metric:<20}{plain:>10.1f}{kept:>8.1f}   {first}")


def measured(work: Callable[[], object], rounds: int, frames: int) -> float:
    """The least milliseconds of processor time a frame, after one round that does not count."""
    work()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1000 * min(times) / frames


if __name__ == "__main__":
    main()
