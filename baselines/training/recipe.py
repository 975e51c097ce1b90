"""How a model is trained, as data: its two networks, and whose turn it is in a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from baselines.training.batch import Batch
from baselines.training.config import Config

Terms = dict[str, Tensor]  # loss terms by the paper's names, scalars
Networks = Mapping[str, nn.Module]  # "generator" and "critic"


@dataclass(frozen=True)
class Turn:
    """One update of one network.

    Attributes:
        network: `generator` or `critic`.
        minimises: The term by which it learns, one of those that `terms` gives.
        terms: Computes loss terms of a batch.
    """

    network: str
    minimises: str
    terms: Callable[[Networks, Batch], Terms]


@dataclass(frozen=True)
class Recipe:
    """How a model is trained.

    Attributes:
        networks: Makes generator and critic of a configuration.
        turns: The updates of a step: of a configuration, the number of the step and how its coin fell.
        totals: Further terms to log, made of those of a step.
    """

    networks: Callable[[Config], tuple[nn.Module, nn.Module]]
    turns: Callable[[Config, int, bool], Iterable[Turn]]
    totals: Callable[[Terms], Terms]
