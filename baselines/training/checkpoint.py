"""Checkpoints: plain dictionaries of tensors and numbers, written whole or not at all, read without running code.

{"format": 2, "model": name, "config": {...}, "step": steps done, "generator": state, "critic": state, "ema": state or
None, "optimisers": {"generator": state, "critic": state}, "random": {"cpu": state, "cuda": [states]}, "sampler":
{"seed", "step"}, "data": sha256 of the shards' indexes, "lsbench": version}
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from baselines.training.config import Config
from lsbench.errors import TrainingError
from lsbench.system.cache import write_atomically

FILE = "checkpoint.pt"
FORMAT = 2
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


def read(path: Path) -> dict[str, Any]:
    """A checkpoint on the CPU, or TrainingError where the file is none or is of another version."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path}: not a readable checkpoint: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict) or "format" not in state or "model" not in state:
        raise TrainingError(f"{path}: not a checkpoint of lsbench train")
    if state["format"] != FORMAT:
        raise TrainingError(f"{path}: checkpoint of format {state['format']!r}; this lsbench reads format {FORMAT}")
    missing = [key for key in KEYS if key not in state]
    if missing:
        raise TrainingError(f"{path}: the checkpoint lacks {', '.join(missing)}; it is damaged or of another version")
    return state


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
