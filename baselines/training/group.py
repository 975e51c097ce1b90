"""Several processes on one training: started by torchrun, they share every batch and average their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

from lsbench.errors import TrainingError
from lsbench.system.ranks import ALONE, Ranks, member_lost

TIMEOUT = timedelta(minutes=10)  # after which a GPU that does not answer counts as lost


class LostProcess(TrainingError):
    """Another process of the job is gone."""


@dataclass(frozen=True)
class Group:
    """The processes of a training, of which the first one writes and all compute.

    Attributes:
        device: Where this process computes.
        ranks: Which of them this process is.
        channel: The process group of torch.distributed through which they talk; None: the one that ranks.join() opened.
    """

    device: torch.device
    ranks: Ranks = ALONE
    channel: Any = None

    @classmethod
    def joined(cls, device: torch.device, ranks: Ranks) -> Group:
        """The group of these ranks, once all have come. GPUs talk through NCCL."""
        ranks.join()
        gpus = ranks.size > 1 and device.type == "cuda"
        return cls(device, ranks, distributed.new_group(timeout=TIMEOUT, backend="nccl") if gpus else None)

    @property
    def writes(self) -> bool:
        """Whether this process writes the run's files."""
        return self.ranks.first

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace floating-point tensors of one dtype by their means over all processes, in one message.

        Done by hand rather than by DistributedDataParallel, whose hooks do not survive a double backward.
        """
        if self.ranks.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        self._reduce(flat, distributed.ReduceOp.SUM)
        flat /= self.ranks.size
        for tensor, mean in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(mean.view(tensor.shape))

    def any(self, flag: bool) -> bool:
        """Whether the flag is up in any process; so all have come here."""
        if self.ranks.size == 1:
            return flag
        raised = torch.tensor(float(flag), device=self.device)
        self._reduce(raised, distributed.ReduceOp.MAX)
        return bool(raised.item())

    def _reduce(self, tensor: Tensor, how: distributed.ReduceOp.RedOpType) -> None:
        try:
            distributed.all_reduce(tensor, how, group=self.channel)
        except RuntimeError as error:
            member_lost.set()
            raise LostProcess(f"another of the {self.ranks.size} processes ended or cannot be reached") from error
