"""Inception features of uint8 frames against pytorch-fid, in one run: `python bench/inception.py [CLIP]`.

Every round times all of them in turn; a line gives the median a frame and how many times longer pytorch-fid takes at
its default batch of 50. Weights are the file given, or those of `lsbench weights`, or where they are not there random
ones in the same architecture: then times and agreement count, values do not. `off` is the largest difference of a
feature. FID is between the clip's frames and noisy copies, each engine's features on both sides, by lsbench's algebra;
`moved` is relative to that of pytorch-fid's features.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from peer_networks import pytorch_fid_network, weight_files

from lsbench.media.files import read_clip
from lsbench.metrics._sets.frechet import frechet_distance
from lsbench.networks.features import INCEPTION, frame_features

BATCH = 50  # pytorch-fid's default

Frames = np.ndarray
Extract = Callable[[Frames], np.ndarray]


def by_pytorch_fid(network: torch.nn.Module, batch: int) -> Extract:
    def extract(frames: Frames) -> np.ndarray:
        rows = []
        with torch.no_grad():
            for start in range(0, len(frames), batch):
                images = torch.from_numpy(frames[start : start + batch]).permute(0, 3, 1, 2).contiguous().float() / 255
                rows.append(network(images)[0][:, :, 0, 0].numpy())
        return np.concatenate(rows)

    return extract


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path, nargs="?", help="a video (default: noise of GRID's size)")
    parser.add_argument("--weights", type=Path, help="Inception's weight file")
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--onnx", action="store_true", help="onnxruntime too")
    arguments = parser.parse_args()

    random = np.random.default_rng(0)
    if arguments.clip:
        frames = read_clip(arguments.clip, "clip", sound="optional").frames[: arguments.frames]
    else:
        frames = random.integers(0, 256, (arguments.frames, 288, 360, 3), np.uint8)
    noisy = np.clip(frames + random.normal(0, 12, frames.shape), 0, 255).astype(np.uint8)

    with tempfile.TemporaryDirectory() as folder:
        path = arguments.weights or weight_files(Path(folder))[0]["inception"]
        network = pytorch_fid_network(path)
        extracts: dict[str, Extract] = {
            f"pytorch-fid, batch {BATCH}": by_pytorch_fid(network, BATCH),
            f"pytorch-fid, batch {INCEPTION.batch}": by_pytorch_fid(network, INCEPTION.batch),
            "lsbench": lambda frames: frame_features(frames, INCEPTION, path),
        }
        if arguments.onnx:
            extracts["lsbench, onnx"] = lambda frames: frame_features(frames, INCEPTION, path, engine="onnx")
        features = {name: (extract(frames), extract(noisy)) for name, extract in extracts.items()}
        seconds: dict[str, list[float]] = {name: [] for name in extracts}
        for _ in range(arguments.rounds):
            for name, extract in extracts.items():
                start = time.perf_counter()
                extract(frames)
                seconds[name].append(time.perf_counter() - start)

    medians = {name: statistics.median(times) / len(frames) * 1000 for name, times in seconds.items()}
    first = next(iter(extracts))
    fid = frechet_distance(*features[first])
    print(f"{len(frames)} frames, {torch.get_num_threads()} threads, {arguments.rounds} rounds in turn, medians")
    for name in extracts:
        off = np.abs(features[name][0] - features[first][0]).max()
        moved = abs(frechet_distance(*features[name]) / fid - 1)
        print(
            f"{name:22} {medians[name]:6.1f} ms a frame, {medians[first] / medians[name]:5.2f}x; "
            f"off {off:.1e} of {np.abs(features[first][0]).max():.1f}, FID {fid:.4g} moved by {moved:.1e}"
        )


if __name__ == "__main__":
    main()
