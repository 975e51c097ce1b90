"""Training windows out of mapped shards: identity frame, masked target, and the sound around it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from baselines.training.config import Config
from baselines.training.shards import REMEDY, Shard, ShardClip, digest, open_shards
from lsbench.errors import TrainingError
from lsbench.media.lipgan_mel import LIMIT


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
        places = {id(shard): place for place, shard in enumerate(self.shards)}
        self._shard = np.array([places[id(shard)] for shard, _ in self.clips], np.int64)
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
        shift, other = random.random((2, len(targets)))
        start, end = self.starts[clips], self.ends[clips]
        before = np.minimum(shift_frames, targets - start)
        after = np.minimum(shift_frames, end - 1 - targets)
        place = (shift * (before + after)).astype(np.int64)
        identities = targets + np.where(place < before, place - before, place - before + 1)
        elsewhere = (other * (len(self) - (end - start))).astype(np.int64)
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

    def _gather(self, name: str, places: np.ndarray, rows: np.ndarray) -> np.ndarray:
        sample = getattr(self.shards[0], name)
        out = np.empty((*rows.shape, *sample.shape[1:]), sample.dtype)
        for place in np.unique(places):
            here = places == place
            out[here] = getattr(self.shards[place], name)[rows[here]]
        return out


@dataclass(frozen=True)
class Batch:
    """Windows on a device, as the networks take them.

    face: float32 (N, 6, size, size) in [0, 1], identity frame and pose prior (the target, its lower half 0). target:
    float32 (N, 3, size, size). mel, other_mel: float32 (N, 1, 80, 27). blend: float32 (N,) in [0, 1), where between
    real and generated the gradient penalty looks.
    """

    face: Tensor
    mel: Tensor
    target: Tensor
    other_mel: Tensor
    blend: Tensor


def to_batch(windows: Windows, blend: np.ndarray, size: int, device: torch.device) -> Batch:
    """Windows moved to a device and scaled: 8-bit levels over 255, faces averaged down to `size` px where larger."""

    def images(levels: Tensor) -> Tensor:
        pixels = levels.permute(0, 3, 1, 2).float().div_(255)
        return pixels if pixels.shape[2] == size else functional.avg_pool2d(pixels, pixels.shape[2] // size)

    def sound(steps: Tensor) -> Tensor:
        return steps.transpose(1, 2).unsqueeze(1).contiguous()

    identity, target, mel, other_mel, where = (
        torch.from_numpy(each).to(device, non_blocking=True)
        for each in (windows.identity, windows.target, windows.mel, windows.other_mel, blend)
    )
    pose = target.clone()
    pose[:, pose.shape[1] // 2 :] = 0
    face = torch.cat([identity, pose], 3)  # of bytes, a quarter of the floats'
    return Batch(images(face), sound(mel), images(target), sound(other_mel), where)


@dataclass(frozen=True)
class TrainingData:
    """The frames to learn from, those held out to watch it by, and the sha256 of what they come from."""

    train: Frames
    validation: Frames
    digest: str


def training_data(folder: Path, config: Config) -> TrainingData:
    """The clips of DATA that a configuration names, in two sets that share no clip (or no speaker).

    What is held out follows from the seed and the names alone.
    """
    shards = open_shards(folder)
    known = [shard.speaker for shard in shards]
    absent = [name for name in config.speakers if name not in known]
    if absent:
        raise TrainingError(f"{folder}: no shards of speaker {', '.join(absent)}; there are {', '.join(known)}")
    forbidden = [name for name in config.speakers if name in config.test_speakers]
    if forbidden:
        raise TrainingError(f"speaker {', '.join(forbidden)} is for testing; see the setting test_speakers")
    chosen = [
        shard
        for shard in shards
        if shard.speaker not in config.test_speakers and (not config.speakers or shard.speaker in config.speakers)
    ]
    clips = [(shard, clip) for shard in chosen for clip in shard.clips]
    groups = [shard.speaker if config.validation_by == "speaker" else clip.id for shard, clip in clips]
    held = held_out(sorted(set(groups)), config.validation_share, config.seed)
    train = Frames([pair for pair, group in zip(clips, groups, strict=True) if group not in held])
    validation = Frames([pair for pair, group in zip(clips, groups, strict=True) if group in held])
    if len(train.clips) < 2 or not len(validation):
        raise TrainingError(
            f"{folder}: {len(train.clips)} clips to train on and {len(validation.clips)} held out; expected at least 2 "
            f"and 1 (of speakers {', '.join(known)}; test speakers {', '.join(config.test_speakers)} are left out)"
        )
    return TrainingData(train, validation, digest(shards))


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """A share of the names, at least 1, chosen by the sha256 of seed and name."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    return set(ranked[: max(1, round(share * len(names)))])


def check(data: TrainingData, config: Config) -> None:
    """TrainingError at the first clip whose rows are missing, whose numbers are not finite, or that cannot be used."""
    for frames in (data.train, data.validation):
        for shard, clip in frames.clips:
            where = f"{shard.folder}: clip {clip.id}"
            if clip.frames < 2 or clip.mel_steps < 1 or clip.first_frame < 0 or clip.first_mel < 0:
                held = f"{clip.frames} frames and {clip.mel_steps} mel steps"
                raise TrainingError(f"{where} has {held}; expected at least 2 and 1; {REMEDY}")
            last_frame, last_mel = clip.first_frame + clip.frames, clip.first_mel + clip.mel_steps
            if last_frame > min(len(shard.faces), len(shard.landmarks)) or last_mel > len(shard.mels):
                raise TrainingError(f"{where}: rows are missing, the arrays are cut short; {REMEDY}")
            mels = shard.mels[clip.first_mel : last_mel]
            if not np.isfinite(mels).all() or np.abs(mels).max() > LIMIT * 1.001:
                raise TrainingError(f"{where}: mels are not all within +-{LIMIT:g}; {REMEDY}")
            if shard.face_size % config.size:
                raise TrainingError(f"{where}: faces of {shard.face_size} px do not average down to {config.size} px")
    for shard, clip in data.validation.clips:
        if not np.isfinite(shard.landmarks[clip.first_frame : clip.first_frame + clip.frames]).all():
            raise TrainingError(f"{shard.folder}: clip {clip.id}: landmarks are missing in held-out frames; {REMEDY}")


MEL_STEPS = 27
STEPS_A_SECOND = 80


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
