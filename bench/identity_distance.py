"""A trained generator beside copying, by how far away the identity frame is:
`python bench/identity_distance.py CHECKPOINT --data DATA`.

The frames are those of the checkpoint's own held-out clips, --samples of them at equal distances, that have six frames
before them; each is generated from the frame 1, 2, ... 6 before it. SSIM and PSNR of the face crop and of the mouth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from baselines.generator import trained
from baselines.training import checkpoint
from baselines.training.batch import to_batch
from baselines.training.config import Config
from baselines.training.data import training_data
from baselines.training.validation import Samples, generate, means, mouth_boxes, to_levels
from baselines.training.windows import Choice

FARTHEST = 6
CPU = torch.device("cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=64)
    asked = parser.parse_args()

    saved = checkpoint.read(asked.checkpoint)
    config = Config.from_dict(saved["config"])
    network, size = trained(config.model, asked.checkpoint)
    frames = training_data(asked.data, config).validation
    targets = np.linspace(0, len(frames) - 1, asked.samples).astype(np.int64)
    targets = targets[targets - frames.starts[frames.clip_of(targets)] >= FARTHEST]
    mouths = mouth_boxes(frames, targets, size)

    print(f"{asked.checkpoint}: step {saved['step']:,}, {len(targets)} frames; ours, copied\n")
    keys = ("ssim/whole", "psnr/whole", "ssim/mouth", "psnr/mouth")
    print(f"{'away':>4}" + "".join(f"{key:>18}" for key in keys))
    for away in range(1, FARTHEST + 1):
        shown = frames.read(Choice(targets, targets - away, targets))
        batch = to_batch(shown, np.zeros(len(targets), np.float32), size, CPU)
        samples = Samples(batch, to_levels(batch.target), mouths)
        ours, copied = (
            means(samples.score(faces)) for faces in (generate(network, batch), to_levels(batch.face[:, :3]))
        )
        cells = (f"{ours[key]:.3f}, {copied[key]:.3f}" for key in keys)
        print(f"{away:>4}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
