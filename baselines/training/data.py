"""The data of a run: which clips are trained on, which are held out, and whether all of them can be used."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from baselines.training.config import Config
from baselines.training.shards import REMEDY, digest, open_shards
from baselines.training.windows import Frames
from lsbench.errors import TrainingError
from lsbench.media.lipgan_mel import LIMIT


@dataclass(frozen=True)
class TrainingData:
    """The frames to learn from, those held out to watch it by, and the sha256 of what they come from."""

    train: Frames
    validation: Frames
    digest: str


def training_data(folder: Path, config: Config) -> TrainingData:
    """The clips of a folder that a configuration names, in two sets that share no clip (or no speaker).

    What is held out follows from the seed and the names alone.

    Raises:
        TrainingError: There are no such shards, too few clips, a speaker of the test set is named, or a clip's rows
            are missing, not finite or unfit for the configuration.
    """
    shards = open_shards(folder)
    speakers = [shard.speaker for shard in shards]
    absent = [name for name in config.speakers if name not in speakers]
    if absent:
        raise TrainingError(f"{folder}: no shards of speaker {', '.join(absent)}; there are {', '.join(speakers)}")
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
    held_names = held_out(sorted(set(groups)), config.validation_share, config.seed)
    train = Frames([pair for pair, group in zip(clips, groups, strict=True) if group not in held_names])
    validation = Frames([pair for pair, group in zip(clips, groups, strict=True) if group in held_names])
    if len(train.clips) < 2 or not len(validation):
        raise TrainingError(
            f"{folder}: {len(train.clips)} clips to train on and {len(validation.clips)} held out; expected at least 2 "
            f"and 1 (of speakers {', '.join(speakers)}; test speakers {', '.join(config.test_speakers)} are left out)"
        )
    dataset = TrainingData(train, validation, digest(shards))
    _check(dataset, config)
    return dataset


def held_out(names: Sequence[str], share: float, seed: int) -> set[str]:
    """A share of the names, at least 1, chosen by the sha256 of seed and name."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(f"{seed} {name}".encode()).digest())
    return set(ranked[: max(1, round(share * len(names)))])


def _check(dataset: TrainingData, config: Config) -> None:
    """TrainingError at the first clip whose rows are missing, whose numbers are not finite, or that cannot be used."""
    for frames in (dataset.train, dataset.validation):
        for shard, clip in frames.clips:
            where = f"{shard.folder}: clip {clip.id}"
            if clip.frames < 2 or clip.mel_steps < 1 or clip.first_frame < 0 or clip.first_mel < 0:
                length = f"{clip.frames} frames and {clip.mel_steps} mel steps"
                raise TrainingError(f"{where} has {length}; expected at least 2 and 1; {REMEDY}")
            last_frame, last_mel = clip.first_frame + clip.frames, clip.first_mel + clip.mel_steps
            if last_frame > min(len(shard.faces), len(shard.landmarks)) or last_mel > len(shard.mels):
                raise TrainingError(f"{where}: rows are missing, the arrays are cut short; {REMEDY}")
            mels = shard.mels[clip.first_mel : last_mel]
            if not np.isfinite(mels).all() or np.abs(mels).max() > LIMIT * 1.001:
                raise TrainingError(f"{where}: mels are not all within +-{LIMIT:g}; {REMEDY}")
            if shard.face_size % config.size:
                raise TrainingError(f"{where}: faces of {shard.face_size} px do not average down to {config.size} px")
    for shard, clip in dataset.validation.clips:
        if not np.isfinite(shard.landmarks[clip.first_frame : clip.first_frame + clip.frames]).all():
            raise TrainingError(f"{shard.folder}: clip {clip.id}: landmarks are missing in held-out frames; {REMEDY}")
