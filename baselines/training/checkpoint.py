"""Checkpoints: plain dictionaries of tensors and numbers, written whole or not at all, read without running code.

{"format": 2, "model": name, "config": {...}, "step": steps done, "generator": state, "critic": state, "ema": state or
None, "optimisers": {"generator": state, "critic": state}, "random": {"cpu": state, "cuda": [states]}, "sampler":
{"seed", "step"}, "data": sha256 of the shards' indexes, "lsbench": version}
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from baselines.training.config import MODELS, Config
from lsbench.errors import TrainingError, reason
from lsbench.networks import plain_torch
from lsbench.networks.plain_torch import tensor
from lsbench.system import shape
from lsbench.system.cache import write_atomically
from lsbench.system.shape import shown

FILE = "checkpoint.pt"
FORMAT = 2
REMEDY = "Take another checkpoint, or train anew under another --out"
KEYS = ("config", "step", "generator", "critic", "ema", "optimisers", "random", "sampler", "data")


def write(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint beside the old one and rename it; TrainingError where that fails, and the old one stays."""
    try:
        write_atomically(path, lambda file: torch.save(state, file))
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        kept = "the checkpoint before it is whole" if path.is_file() else "there is none before it"
        why = cause.strerror or cause
        raise TrainingError(f"{path}: step {state['step']} cannot be written: {why}; {kept}") from error


def read(path: Path, *, whole: bool = False) -> dict[str, Any]:
    """A checkpoint on the CPU, or TrainingError where the file is none or is of another version.

    whole: with all that a run goes on from; a generator does not need it.
    """
    try:
        state = plain_torch.read(path)
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path}: not a readable checkpoint: {reason(error)}; {REMEDY}") from error
    if not isinstance(state, dict) or "format" not in state or "model" not in state:
        raise TrainingError(f"{path}: not a checkpoint of lsbench train")
    if state["format"] != FORMAT:
        raise TrainingError(
            f"{path}: checkpoint of format {shown(state['format'])}; this lsbench reads format {FORMAT}"
        )
    missing = [key for key in KEYS if key not in state]
    if missing:
        raise TrainingError(f"{path}: the checkpoint lacks {', '.join(missing)}; it is damaged or of another version")
    kinds = _CHECKPOINT | (_RESUMED if whole else dict.fromkeys(_RESUMED, shape.anything))
    try:
        content: dict[str, Any] = shape.record(kinds, {"lsbench": shape.text})(state, "")
    except ValueError as fault:
        raise TrainingError(f"{path}: {fault}; not a checkpoint as lsbench train writes it. {REMEDY}") from fault
    return content


_MOMENTS = shape.record({"step": tensor, "exp_avg": tensor, "exp_avg_sq": tensor})
_OPTIMISER = shape.record({"state": shape.table(_MOMENTS, shape.whole()), "param_groups": shape.anything})
_TENSORS = shape.table(tensor)
_CHECKPOINT = {
    "format": shape.choice(FORMAT),
    "model": shape.choice(*MODELS),
    "config": shape.table(shape.anything),
    "step": shape.whole(),
    "generator": _TENSORS,
    "ema": shape.maybe(_TENSORS),
}
_RESUMED = {
    "critic": _TENSORS,
    "optimisers": shape.record(dict.fromkeys(("generator", "critic"), _OPTIMISER)),
    "random": shape.record({"cpu": tensor, "cuda": shape.listed(tensor)}),
    "sampler": shape.record({"seed": shape.whole(), "step": shape.whole()}),
    "data": shape.text,
}


def demand_same_run(out: Path, state: dict[str, Any], config: Config, data: str) -> None:
    """TrainingError unless a checkpoint can go on under a configuration, on the shards with this sha256."""
    if state["model"] != config.model:
        raise TrainingError(f"{out}: checkpoint of {state['model']}; asked for {config.model}. Pass another --out")
    theirs = Config.from_dict(state["config"]).fixed()
    for name, mine in config.fixed().items():
        if theirs[name] != mine:
            raise TrainingError(
                f"{out}: checkpoint of {name}={theirs[name]}; asked for {name}={mine}. A run keeps its {name}: "
                "leave it as it is, or pass another --out"
            )
    if state["data"] != data:
        raise TrainingError(f"{out}: trained on other shards than those given. Pass its --data, or another --out")
