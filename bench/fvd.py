"""FVD's features against a plain eager port, in one run: `python bench/fvd.py [CLIP]`.

The port (tests/support/plain_i3d.py) has 3-D convolutions, separate batch norms and padding by hand, and sees a batch
of windows; it is given the same resized frames. Reference and generated clip are both looked at, as a job does for each
generator; `kept` has the reference's features on disk, as from the second generator on. Every round times all of them
in turn. Weights are those of `lsbench weights fetch i3d`. `off` is the largest difference of a logit. FVD is by
lsbench's algebra over the windows of the clip and of a noisy copy; `moved` is relative to that of the port's logits.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from lsbench.media.clip import Clip
from lsbench.media.files import read_clip
from lsbench.metrics._base.pair import ClipPair
from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.metrics.fvd import FVD
from lsbench.networks import checkpoint, i3d, weights

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from plain_i3d import PlainI3D

LENGTH, STRIDE = 16, 8

Sides = tuple[np.ndarray, np.ndarray]


def by_port(network: torch.nn.Module, frames: np.ndarray, batch: int) -> np.ndarray:
    with torch.no_grad():
        images = i3d.prepare(torch.tensor(frames).permute(0, 3, 1, 2).float()).transpose(0, 1).contiguous()
        clips = [images[:, start : start + LENGTH] for start in range(0, len(frames) - LENGTH + 1, STRIDE)]
        groups = [torch.stack(clips[start : start + batch]) for start in range(0, len(clips), batch)]
        return torch.cat([network(group) for group in groups]).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", help="a video (default: noise of GRID's size)")
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    random = np.random.default_rng(0)
    if arguments.clip:
        frames = read_clip(arguments.clip, "clip", sound="optional").frames[: arguments.frames]
    else:
        frames = random.integers(0, 256, (arguments.frames, 288, 360, 3), np.uint8)
    noisy = np.clip(frames + random.normal(0, 12, frames.shape), 0, 255).astype(np.uint8)

    path, _ = weights.require("i3d")
    port = PlainI3D()
    port.load_state_dict(checkpoint.read_state(path), strict=False)
    port.eval()
    metric = FVD(frames=str(LENGTH), stride=STRIDE)

    reference, generated = (Clip("clip", video, np.zeros(0, np.float32), 25.0) for video in (frames, noisy))

    def by_lsbench(sha256: str | None) -> Sides:
        pair = ClipPair(reference, generated, weights={"i3d": path}, reference_sha256=sha256)
        stats = metric.measure(pair)
        return stats["reference"], stats["generated"]

    with tempfile.TemporaryDirectory() as cache:
        os.environ["LSBENCH_CACHE"] = cache
        contenders: dict[str, Callable[[], Sides]] = {
            "port, a window a batch": lambda: (by_port(port, frames, 1), by_port(port, noisy, 1)),
            "port, all windows": lambda: (by_port(port, frames, 99), by_port(port, noisy, 99)),
            "lsbench": lambda: by_lsbench(None),
            "lsbench, kept": lambda: by_lsbench("0" * 64),
        }
        logits = {name: run() for name, run in contenders.items()}
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(arguments.rounds):
            for name, run in contenders.items():
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)

    first = next(iter(contenders))
    windows, medians = len(logits[first][0]), {name: statistics.median(times) for name, times in seconds.items()}
    fastest = min(medians[name] for name in contenders if name.startswith("port"))
    fvd, largest = frechet_distance(*logits[first]), np.abs(logits[first][0]).max()
    print(f"{windows} windows a side, {arguments.threads} threads, {arguments.rounds} rounds in turn, medians")
    for name, sides in logits.items():
        off = max(np.abs(one - other).max() for one, other in zip(sides, logits[first], strict=True))
        moved = abs(frechet_distance(*sides) / fvd - 1)
        print(
            f"{name:22} {medians[name] / windows * 1000:5.0f} ms a window of both sides, the port's takes "
            f"{fastest / medians[name]:5.2f}x; off {off:.1e} of {largest:.1f}, FVD {fvd:.5g} moved by {moved:.1e}"
        )


if __name__ == "__main__":
    main()
