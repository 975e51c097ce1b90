"""Several processes on one training: started by torchrun, they share every batch and average their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from lsbench.errors import TrainingError
from lsbench.system.ranks import Ranks

TIMEOUT = timedelta(minutes=10)  # after which a GPU that does not answer counts as lost


class LostProcess(TrainingError):
    """Another process of the job is gone."""


@dataclass(frozen=True)
class Group:
    """This process, number `rank` from 0 of `size`. The first one writes; all compute.

    channel: the process group of torch.distributed through which they talk; None is the one that join() opened.
    """

    device: torch.device
    rank: int = 0
    size: int = 1
    channel: Any = None

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace floating-point tensors of one dtype by their means over all processes, in one message.

        Done by hand rather than by DistributedDataParallel, whose hooks do not survive a double backward.
        """
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._reduce(flat, distributed.ReduceOp.SUM)
        flat /= self.size
        for tensor, mean in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process; so all have come here."""
        if self.size == 1:
            return flag
        raised = torch.tensor(float(flag), device=self.device)
        self._reduce(raised, distributed.ReduceOp.MAX)
        return bool(raised.item())

    def _reduce(self, tensor: Tensor, how: distributed.ReduceOp.RedOpType) -> None:
        try:
            distributed.all_reduce(tensor, how, group=self.channel)
        except RuntimeError as error:
            raise LostProcess(f"another of the {self.size} processes ended or cannot be reached") from error


def join(device: torch.device) -> Group:
    """The job that torchrun's environment describes; one process where there is none. GPUs talk through NCCL."""
    ranks = Ranks.of_training()
    ranks.join()
    channel = None
    if ranks.size > 1 and device.type == "cuda":
        channel = distributed.new_group(timeout=TIMEOUT, backend="nccl")
    return Group(device, ranks.rank, ranks.size, channel)
