"""How fast training windows come, beside how fast a step eats them: `python bench/training_data.py --data DATA`.

Samples a second of the windows as the loop gets them (identity frame, target, two mel windows; uint8 and float32), of
the batches made of them (float32, scaled, masked), and of the peer: the same samples one by one from the same arrays.
Rounds take turns; medians, of the clock and of the cores' own time. A step follows for both models, at the width given.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from baselines.training.batch import to_batch
from baselines.training.config import Config
from baselines.training.data import training_data
from baselines.training.group import Group
from baselines.training.loop import update
from baselines.training.recipes import RECIPES
from baselines.training.sampler import Draw, Sampler
from baselines.training.state import State
from baselines.training.toy import toy_data
from baselines.training.windows import MEL_STEPS, Frames

CPU = torch.device("cpu")
GOAL = 5000  # samples a second


def one_by_one(frames: Frames, draw: Draw) -> list[torch.Tensor]:
    """A Dataset's __getitem__ as it is usually written, for every sample of a batch, and its default collation."""
    samples: list[tuple[torch.Tensor, ...]] = []
    choice = draw.choice
    for target, identity, other in zip(choice.targets, choice.identities, choice.others, strict=True):
        pictures, sounds = [], []
        for frame in (identity, target):
            shard, clip = frames.clips[int(frames.clip_of(frame))]
            row = clip.first_frame + int(frame - frames.starts[frames.clip_of(frame)])
            pictures.append(torch.from_numpy(shard.faces[row].copy()).permute(2, 0, 1).float() / 255)
        for frame in (target, other):
            shard, clip = frames.clips[int(frames.clip_of(frame))]
            start = int(3.2 * (frame - frames.starts[frames.clip_of(frame)] - 4))
            steps = np.clip(np.arange(start, start + MEL_STEPS), 0, clip.mel_steps - 1) + clip.first_mel
            sounds.append(torch.from_numpy(shard.mels[steps].T.copy())[None])
        pose = pictures[1].clone()
        pose[:, pose.shape[1] // 2 :] = 0
        samples.append((torch.cat([pictures[0], pose]), pictures[1], *sounds))
    return [torch.stack(parts) for parts in zip(*samples, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="prepared shards; the toy corpus if not given")
    parser.add_argument("--batch", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--width", type=float, default=0.25, help="of the networks whose step is timed")
    options = parser.parse_args()
    settings = [f"batch={options.batch}", f"width={options.width}"]
    config = Config.of("lipgan", settings)
    frames = training_data(options.data or toy_data(), config).train
    sampler = Sampler(frames, config)

    calls: dict[str, Callable[[Draw], object]] = {
        "windows": lambda draw: frames.read(draw.choice),
        "batches": lambda draw: to_batch(frames.read(draw.choice), draw.blend, config.size, CPU),
        "one by one": lambda draw: one_by_one(frames, draw),
    }
    first = sampler.draw(0)
    batch, plain = to_batch(frames.read(first.choice), first.blend, config.size, CPU), one_by_one(frames, first)
    ours = (batch.face, batch.target, batch.mel, batch.other_mel)
    same = all(torch.equal(mine, theirs) for mine, theirs in zip(ours, plain, strict=True))
    wall: dict[str, list[float]] = {name: [] for name in calls}
    core: dict[str, list[float]] = {name: [] for name in calls}
    for step in range(options.rounds):
        for name, call in calls.items():
            draw = sampler.draw(step)
            wall_start, core_start = time.perf_counter(), time.process_time()
            call(draw)
            wall[name].append(time.perf_counter() - wall_start)
            core[name].append(time.process_time() - core_start)
    rates, per_core = (
        {name: options.batch / statistics.median(taken) for name, taken in each.items()} for each in (wall, core)
    )
    print(
        f"{len(frames):,} frames of {len(frames.shards)} speakers, batch {options.batch}, {torch.get_num_threads()} "
        f"threads; the same samples: {same}"
    )
    for name, rate in rates.items():
        print(
            f"{name:11} {rate:8,.0f} samples/s {rate / rates['one by one']:6.2f}x   {per_core[name]:8,.0f} a core-s "
            f"{per_core[name] / per_core['one by one']:6.2f}x   goal {GOAL:,} on two cores"
        )

    for model in ("lipgan", "l1wgangp"):
        config = Config.of(model, settings)
        state, group, taken = State(config, CPU), Group(CPU), []
        state.train()
        for step in range(critic_steps := config.critic_steps):
            draw = sampler.draw(step)
            start = time.perf_counter()
            batch = to_batch(frames.read(draw.choice), draw.blend, config.size, CPU)
            for turn in RECIPES[model].turns(config, step, draw.coin):
                update(state, turn, [batch], group)
            taken.append(time.perf_counter() - start)
        rate = options.batch * critic_steps / sum(taken)
        print(
            f"a step of {model:9} at width {options.width:g}: {rate:6,.1f} samples/s; data takes "
            f"{100 * rate / rates['batches']:.2f} % of its time"
        )


if __name__ == "__main__":
    main()
