"""The data is checked before step 0: what is missing or damaged stops the run there."""

from __future__ import annotations

import numpy as np

from baselines.config import Config
from baselines.data import TrainingData
from baselines.shards import REMEDY
from lsbench.errors import TrainingError
from lsbench.media.lipgan_mel import LIMIT


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
