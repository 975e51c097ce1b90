"""The order of training: which windows a step sees follows from (seed, step) alone, so a run resumes anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from baselines.training.config import Config
from baselines.training.windows import Choice, Frames, Windows


@dataclass(frozen=True)
class Draw:
    """What chance decides about one step. blend: float32 (N,) in [0, 1). coin: heads or tails."""

    step: int
    choice: Choice
    blend: np.ndarray
    coin: bool

    def part(self, index: int, count: int) -> Draw:
        """Part `index` of `count` equal parts."""
        return Draw(self.step, self.choice.part(index, count), self.blend[index::count], self.coin)


class Sampler:
    """Every training frame once an epoch, each epoch in an order of its own; batches run on across epochs.

    All processes draw the whole batch and keep their own share, so shares never overlap and any number of processes
    sees the same batches.
    """

    def __init__(self, frames: Frames, config: Config) -> None:
        self.frames, self.config = frames, config
        self._epoch, self._order = -1, np.empty(0, np.int64)

    def draw(self, step: int) -> Draw:
        """Step `step` of the run."""
        batch = self.config.batch
        number = 0 if self.config.one_batch else step
        positions = np.arange(number * batch, (number + 1) * batch)
        targets = np.concatenate(
            [
                self._permutation(epoch)[positions[positions // len(self.frames) == epoch] % len(self.frames)]
                for epoch in range(positions[0] // len(self.frames), positions[-1] // len(self.frames) + 1)
            ]
        )
        choice = self.frames.choose(targets, self.config.shift_frames, self._random(1, number))
        random = self._random(2, step)
        return Draw(step, choice, random.random(batch, np.float32), bool(random.random() < 0.5))

    def _permutation(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._random(0, epoch).permutation(len(self.frames))
        return self._order

    def _random(self, purpose: int, number: int) -> np.random.Generator:
        return np.random.default_rng((self.config.seed, purpose, number))


def batches(
    sampler: Sampler, first: int, last: int, share: int, shares: int, parts: int
) -> Iterator[tuple[Draw, list[tuple[Draw, Windows]]]]:
    """For steps first .. last - 1: the step's draw, and the `parts` of this process's share with their windows.

    A thread reads the next step's windows while this one's are in use.
    """

    def read(step: int) -> tuple[Draw, list[tuple[Draw, Windows]]]:
        draw = sampler.draw(step)
        mine = [draw.part(share, shares).part(index, parts) for index in range(parts)]
        return draw, [(part, sampler.frames.read(part.choice)) for part in mine]

    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(read, first)
        for step in range(first, last):
            ready = coming.result()
            if step + 1 < last:
                coming = reader.submit(read, step + 1)
            yield ready
