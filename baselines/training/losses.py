"""The loss terms of a run, checked step by step and summed up each interval."""

from __future__ import annotations

import math
import statistics

import torch
from torch import Tensor

from baselines.training.group import Group
from lsbench.errors import TrainingError


class NonFiniteLoss(TrainingError):
    """A loss term became NaN or infinite."""


class Losses:
    """The loss terms of the steps since the last summary, checked for NaN and infinity."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self._waiting: list[tuple[int, dict[str, Tensor]]] = []
        self._values: dict[str, list[float]] = {}
        self._latest: dict[str, float] = {}

    def __str__(self) -> str:
        return " ".join(f"{name} {value:.4g}" for name, value in self._latest.items())

    def add(self, step: int, terms: dict[str, Tensor]) -> None:
        """The terms of one step, scalars on their device, still unread: reading them would wait for a GPU."""
        self._waiting.append((step, terms))

    def settle(self) -> None:
        """Average the new terms over processes and read them; TrainingError at the first that is not finite."""
        if not self._waiting:
            return
        values = torch.stack([term.float() for _, terms in self._waiting for term in terms.values()])
        self.group.average([values])
        read = iter(values.tolist())
        for step, terms in self._waiting:
            for name in terms:
                value = next(read)
                if not math.isfinite(value):
                    raise NonFiniteLoss(f"step {step}: {name} is {value}")
                self._latest[name] = value
                if self.group.writes:
                    self._values.setdefault(name, []).append(value)
        self._waiting.clear()

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, least and greatest value of every term since the last summary, which begins anew."""
        means = {
            name: {"mean": statistics.fmean(values), "low": min(values), "high": max(values)}
            for name, values in self._values.items()
        }
        self._values.clear()
        return means
