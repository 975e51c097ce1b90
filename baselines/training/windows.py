"""Training windows out of mapped shards: identity frame, target, and the sound around the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from baselines.training.shards import Shard, ShardClip

MEL_STEPS = 27
STEPS_A_SECOND = 80


@dataclass(frozen=True)
class Windows:
    """What a batch shows and says, as it lies in the shards.

    identity, target: uint8 (N, size, size, 3) RGB. mel, other_mel: float32 (N, 27, 80), the target's and
    another clip's.
    """

    identity: np.ndarray
    target: np.ndarray
    mel: np.ndarray
    other_mel: np.ndarray


@dataclass(frozen=True)
class Choice:
    """Which windows: numbers of frames, int64 (N,). others: whose sound is heard in place of the target's own."""

    targets: np.ndarray
    identities: np.ndarray
    others: np.ndarray

    def part(self, index: int, count: int) -> Choice:
        """Part `index` of `count` equal parts."""
        return Choice(*(rows[index::count] for rows in (self.targets, self.identities, self.others)))


class Frames:
    """The frames of some clips, numbered from 0 in the order of the clips."""

    def __init__(self, clips: Sequence[tuple[Shard, ShardClip]]) -> None:
        self.clips = list(clips)
        self.shards = list({id(shard): shard for shard, _ in self.clips}.values())
        numbers = {id(shard): number for number, shard in enumerate(self.shards)}
        self._shard = np.array([numbers[id(shard)] for shard, _ in self.clips], np.int64)
        frames, first_frame, steps, first_mel = (
            np.array([getattr(clip, name) for _, clip in self.clips], np.int64)
            for name in ("frames", "first_frame", "mel_steps", "first_mel")
        )
        self.ends = np.cumsum(frames)
        self.starts = self.ends - frames
        self._first_frame, self._steps, self._first_mel = first_frame, steps, first_mel

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def clip_of(self, frames: np.ndarray) -> np.ndarray:
        """The number of the clip that each frame belongs to."""
        return np.searchsorted(self.ends, frames, side="right")

    def choose(self, targets: np.ndarray, shift_frames: int, random: np.random.Generator) -> Choice:
        """Identity frames 1 .. shift_frames away in the same clip, and frames of other clips, all equally likely.

        A single clip has no other and is its own. Takes the same numbers from `random` whatever the targets are.
        """
        clips = self.clip_of(targets)
        shift, distance = random.random((2, len(targets)))
        start, end = self.starts[clips], self.ends[clips]
        before = np.minimum(shift_frames, targets - start)
        after = np.minimum(shift_frames, end - 1 - targets)
        step = (shift * (before + after)).astype(np.int64)
        identities = targets + np.where(step < before, step - before, step - before + 1)
        elsewhere = (distance * (len(self) - (end - start))).astype(np.int64)
        others = np.where(elsewhere < start, elsewhere, elsewhere + (end - start)) % len(self)
        return Choice(targets, identities, others)

    def read(self, choice: Choice) -> Windows:
        """The windows of a choice, gathered from the mapped arrays."""
        return Windows(
            self.faces(choice.identities), self.faces(choice.targets), self.mel(choice.targets), self.mel(choice.others)
        )

    def faces(self, frames: np.ndarray) -> np.ndarray:
        """uint8 (N, size, size, 3)."""
        clips = self.clip_of(frames)
        rows = frames - self.starts[clips] + self._first_frame[clips]
        return self._gather("faces", self._shard[clips], rows)

    def mel(self, frames: np.ndarray) -> np.ndarray:
        """The mel windows centred on frames: float32 (N, 27, 80)."""
        clips = self.clip_of(frames)
        steps = window_rows(frames - self.starts[clips], self._steps[clips])
        return self._gather("mels", self._shard[clips], steps + self._first_mel[clips][:, None])

    def _gather(self, name: str, shards: np.ndarray, rows: np.ndarray) -> np.ndarray:
        sample = getattr(self.shards[0], name)
        out = np.empty((*rows.shape, *sample.shape[1:]), sample.dtype)
        for number in np.unique(shards):
            chosen = shards == number
            out[chosen] = getattr(self.shards[number], name)[rows[chosen]]
        return out


def window_starts(frames: np.ndarray, fps: float = 25.0) -> np.ndarray:
    """First mel step of each frame's window, int64, shaped as `frames`: int(3.2 (frame - 4)) at 25 frames a second.

    Negative near the start of a clip. Mel step k is centred on k * 12.5 ms, so step 13 of the window is less than one
    step away from the frame's instant, frame / fps.
    """
    ahead = 4 / 25  # seconds
    return np.trunc((np.asarray(frames, np.float64) - ahead * fps) * STEPS_A_SECOND / fps).astype(np.int64)


def window_rows(frames: np.ndarray, steps: np.ndarray | int, fps: float = 25.0) -> np.ndarray:
    """The mel steps of each frame's window, int64 (N, 27); beyond a clip's ends its first or last step is repeated.

    frames: numbers within their clips, (N,). steps: of the whole clips, (N,) or one for all.
    """
    rows = window_starts(frames, fps)[:, None] + np.arange(MEL_STEPS)
    return np.clip(rows, 0, np.reshape(steps, (-1, 1)) - 1)
