"""What a run would cost, said without running it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from baselines.blocks import parameter_count
from baselines.training import checkpoint
from baselines.training.batch import to_batch
from baselines.training.config import Config
from baselines.training.data import TrainingData, training_data
from baselines.training.device import local_device
from baselines.training.log import has_tensorboard
from baselines.training.recipes import RECIPES
from baselines.training.sampler import Sampler
from baselines.training.start import configured
from baselines.training.state import precision_on
from baselines.training.windows import MEL_STEPS, Frames
from lsbench.media.lipgan_mel import BANDS
from lsbench.system.ranks import Ranks

Rows = list[tuple[str, ...]]


def plan(
    model: str,
    data: Path,
    out: Path,
    *,
    defaults: Iterable[str] = (),
    settings: Iterable[str] = (),
    resume: bool = False,
    device: str = "auto",
) -> tuple[Rows, Rows]:
    """What `train` with these arguments would do, after the same checks.

    The first batch is read; the networks compute nothing but shapes.

    Returns:
        Rows (what, how much) of the plan, and rows (setting, value, meaning) of every setting.

    Raises:
        TrainingError: Data, settings and checkpoint do not fit.
    """
    ranks = Ranks.of_training()
    config, saved = configured(model, data, out, defaults, settings, resume, ranks.size)
    dataset = training_data(data, config)
    if saved:
        checkpoint.demand_same_run(out, saved, config, dataset.digest)
    facts = _facts(dataset, config, local_device(device, ranks), ranks.size)
    facts.append(("begins", f"at step {saved['step']:,} of {out}" if saved else f"anew in {out}"))
    return facts, list(config.described())


def _facts(data: TrainingData, config: Config, device: torch.device, processes: int) -> Rows:
    with torch.device("meta"):
        generator, critic = RECIPES[config.model].networks(config)
    shares = processes * config.accumulate
    weights = [parameter_count(network) for network in (generator, critic)]
    kept = 16 * sum(weights) + (4 * weights[0] if config.ema_decay else 0)  # weight, gradient, two moments; average
    activations = sum(_saved_bytes(*each, config, config.batch // shares) for each in ((generator, 6), (critic, 3)))
    draw = Sampler(data.train, config).draw(0).part(0, shares)
    first = to_batch(data.train.read(draw.choice), draw.blend, config.size, torch.device("cpu"))
    shown = (f"{name} {tuple(part.shape)} {part.min():.2f} to {part.max():.2f}" for name, part in vars(first).items())
    return [
        ("model", f"{config.model}, {config.variant} generator, width {config.width:g}, {config.size} px"),
        ("parameters", f"generator {weights[0]:,}, critic {weights[1]:,}"),
        ("device", f"{device}, {precision_on(device, config)}"),
        ("training", _described(data.train)),
        ("held out", _described(data.validation)),
        ("batch", f"{config.batch}: {config.batch // shares} in {config.accumulate} parts on {processes} processes"),
        ("steps", f"{config.steps:,}, {config.steps * config.batch / len(data.train):.1f} epochs"),
        ("memory", f"weights and optimisers {kept / 2**30:.2f} GiB, activations about {activations / 2**30:.2f} GiB"),
        ("first batch", ", ".join(shown)),
        ("TensorBoard", "on" if has_tensorboard() else "off; python -m pip install 'lsbench[train]'"),
    ]


def _described(frames: Frames) -> str:
    speakers = sorted({shard.speaker for shard, _ in frames.clips})
    return f"{len(frames):,} frames, {len(frames.clips)} clips, of {len(speakers)} speakers ({', '.join(speakers)})"


def _saved_bytes(network: nn.Module, channels: int, config: Config, samples: int) -> int:
    """Bytes that a forward pass keeps for the backward one, float32, found from shapes alone."""
    saved = 0

    def count(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal saved
        saved += 0 if isinstance(tensor, nn.Parameter) else tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        network(
            torch.empty(samples, channels, config.size, config.size, device="meta"),
            torch.empty(samples, 1, BANDS, MEL_STEPS, device="meta"),
        )
    return saved
