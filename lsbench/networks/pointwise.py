"""Convolutions of 1 x 1 by oneDNN, whose kernels the others run on.

On one thread PyTorch gives those of small batches to its BLAS instead, which takes two to two and a half times as long
where it does not know the processor's widest registers.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Network = TypeVar("Network", bound=nn.Module)


def by_onednn(network: Network) -> Network:
    """The network for the CPU, its 1 x 1 convolutions by oneDNN where this PyTorch has it; changed in place."""
    onednn: Any = torch.backends.mkldnn
    if onednn.is_available():
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (1, 1) and layer.groups == 1:
                vars(layer)["_conv_forward"] = _Pointwise(layer)
    return network


class _Pointwise:
    """What nn.Conv2d calls to convolve an image with its weight and bias."""

    def __init__(self, layer: nn.Conv2d) -> None:
        self._padding, self._stride, self._dilation = [list(layer.padding), list(layer.stride), list(layer.dilation)]

    def __call__(self, image: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        convolve = torch.ops.aten.mkldnn_convolution
        result: Tensor = convolve(image, weight, bias, self._padding, self._stride, self._dilation, 1)
        return result
