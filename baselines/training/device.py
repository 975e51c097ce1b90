"""Where a run computes."""

from __future__ import annotations

import torch

from lsbench.errors import TrainingError
from lsbench.system.ranks import Ranks


def local_device(name: str, ranks: Ranks) -> torch.device:
    """`auto`: this process's own GPU where there is one, else the CPU. TrainingError where it cannot be used."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(ranks.own_device(name))
        torch.zeros(1, device=device)
        return device
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"device {name}: {str(error).splitlines()[0]}") from error
