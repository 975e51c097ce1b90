"""What is checked and said before step 0: the data is whole, and what the run will cost."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from baselines.blocks import parameter_count
from baselines.config import Config
from baselines.data import Frames, TrainingData, to_batch
from baselines.log import has_tensorboard
from baselines.recipes import RECIPES
from baselines.sampler import Sampler
from baselines.shards import REMEDY
from baselines.state import precision_on
from baselines.windows import MEL_STEPS
from lsbench.errors import TrainingError
from lsbench.lipgan_audio import BANDS, LIMIT


def check(data: TrainingData, config: Config) -> None:
    """TrainingError at the first clip whose rows are missing, whose numbers are not finite, or that cannot be used."""
    for frames in (data.train, data.validation):
        for shard, clip in frames.clips:
            where = f"{shard.folder}: clip {clip.id}"
            if clip.frames < 2 or clip.mel_steps < 1 or clip.first_frame < 0 or clip.first_mel < 0:
                held = f"{clip.frames} frames and {clip.mel_steps} mel steps"
                raise TrainingError(f"{where} has {held}; expected at least 2 and 1; {REMEDY}")
            last_frame, last_mel = clip.first_frame + clip.frames, clip.first_mel + clip.mel_steps
            if last_frame > min(map(len, (shard.faces, shard.landmarks, shard.boxes))) or last_mel > len(shard.mels):
                raise TrainingError(f"{where}: rows are missing, the arrays are cut short; {REMEDY}")
            mels = shard.mels[clip.first_mel : last_mel]
            if not np.isfinite(mels).all() or np.abs(mels).max() > LIMIT * 1.001:
                raise TrainingError(f"{where}: mels are not all within +-{LIMIT:g}; {REMEDY}")
            if shard.face_size % config.size:
                raise TrainingError(f"{where}: faces of {shard.face_size} px do not average down to {config.size} px")
    for shard, clip in data.validation.clips:
        if not np.isfinite(shard.landmarks[clip.first_frame : clip.first_frame + clip.frames]).all():
            raise TrainingError(f"{shard.folder}: clip {clip.id}: landmarks are missing in held-out frames; {REMEDY}")


def plan(data: TrainingData, config: Config, device: torch.device, processes: int) -> list[tuple[str, str]]:
    """(what, how much) of a run, its first batch among it; the networks compute nothing but shapes."""
    with torch.device("meta"):
        generator, critic = RECIPES[config.model].networks(config)
    mine = config.batch // processes // config.accumulate
    weights = [parameter_count(network) for network in (generator, critic)]
    kept = 16 * sum(weights) + (4 * weights[0] if config.ema_decay else 0)  # weight, gradient, two moments; average
    activations = _saved_bytes(generator, config, 6, mine) + _saved_bytes(critic, config, 3, mine)
    sampler = Sampler(data.train, config.seed, config.batch, config.shift_frames)
    draw = sampler.draw(0).part(0, processes * config.accumulate)
    batch = to_batch(data.train.read(draw.choice), draw.blend, config.size, torch.device("cpu"))
    return [
        ("model", f"{config.model}, {config.variant} generator, width {config.width:g}, {config.size} px"),
        ("parameters", f"generator {weights[0]:,}, critic {weights[1]:,}"),
        ("device", f"{device}, {precision_on(device, config)}, {processes} process{'es' if processes > 1 else ''}"),
        ("training", _described(data.train)),
        ("held out", _described(data.validation)),
        ("batch", f"{config.batch} = {processes} processes x {config.accumulate} parts x {mine}"),
        ("steps", f"{config.steps:,} = {config.steps * config.batch / len(data.train):.1f} epochs"),
        ("memory", f"{kept / 2**30:.2f} GiB of weights and optimisers, "
                   f"about {activations / 2**30:.2f} GiB of activations in float32"),
        ("first batch", f"face {tuple(batch.face.shape)} {_range(batch.face)}, mel {tuple(batch.mel.shape)} "
                        f"{_range(batch.mel)}, target {tuple(batch.target.shape)} {_range(batch.target)}"),
        ("TensorBoard", "on" if has_tensorboard() else "off; python -m pip install 'lsbench[train]'"),
    ]  # fmt: skip


def _described(frames: Frames) -> str:
    speakers = sorted({shard.speaker for shard, _ in frames.clips})
    return f"{len(frames):,} frames, {len(frames.clips)} clips, of {len(speakers)} speakers ({', '.join(speakers)})"


def _range(tensor: torch.Tensor) -> str:
    return f"{tensor.min():.2f} .. {tensor.max():.2f}"


def _saved_bytes(network: nn.Module, config: Config, channels: int, samples: int) -> int:
    """Bytes that a forward pass keeps for the backward one, float32, found from shapes alone."""
    saved = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal saved
        saved += 0 if isinstance(tensor, nn.Parameter) else tensor.nbytes
        return tensor

    keep: Callable[[torch.Tensor], torch.Tensor] = lambda tensor: tensor  # noqa: E731
    with torch.autograd.graph.saved_tensors_hooks(count, keep):
        network(
            torch.empty(samples, channels, config.size, config.size, device="meta"),
            torch.empty(samples, 1, BANDS, MEL_STEPS, device="meta"),
        )
    return saved
