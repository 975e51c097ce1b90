"""How fast a run goes, and how much memory it takes."""

from __future__ import annotations

import math
import sys
import time

import torch


class Pace:
    """Samples a second since the last restart, and the most memory this process has held."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.restart()

    def __str__(self) -> str:
        return f"{self.samples_per_second():.0f} samples/s, {self.peak_memory_gib():.2f} GiB"

    def restart(self) -> None:
        self._samples, self._since = 0, time.perf_counter()

    def add(self, samples: int) -> None:
        self._samples += samples

    def samples_per_second(self) -> float:
        return self._samples / (time.perf_counter() - self._since)

    def peak_memory_gib(self) -> float:
        """Of the GPU where there is one, else of the process; NaN where the system does not say."""
        if self.device.type == "cuda":
            return torch.cuda.max_memory_allocated(self.device) / 2**30
        try:
            import resource
        except ImportError:  # on Windows
            return math.nan
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (2**30 if sys.platform == "darwin" else 2**20)
