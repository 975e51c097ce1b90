"""The convolution blocks of the baselines, as Keras computes them. Images are float (N, channels, height, width)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

BATCH_NORM_EPS = 1e-3
BATCH_NORM_MOMENTUM = 0.2  # the share of the new batch; Keras names the other share, 0.8
LEAK = 0.2

Padding = Literal["same", "valid"]


def scaled(channels: int, width: float) -> int:
    """Channels of a layer in a network `width` times as wide; at least 1."""
    return max(1, round(channels * width))


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's padding before and after `size` pixels, so that ceil(size / stride) come out; the odd one after."""
    total = max(kernel - (size % stride or stride), 0)
    return total // 2, total - total // 2


class Conv(nn.Conv2d):
    """A convolution with bias and TensorFlow's padding: "same" is lopsided where a stride asks for an odd number."""

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        kernel: int = 3,
        stride: int | tuple[int, int] = 1,
        padding: Padding = "same",
    ) -> None:
        super().__init__(channels_in, channels_out, kernel, stride)
        self.same = padding == "same"

    def forward(self, image: Tensor) -> Tensor:
        top = bottom = left = right = 0
        if self.same:
            (top, bottom), (left, right) = (
                same_padding(*axis) for axis in zip(image.shape[2:], self.kernel_size, self.stride, strict=True)
            )
        if (top, left) != (bottom, right):
            image, top, left = functional.pad(image, (left, right, top, bottom)), 0, 0
        return functional.conv2d(image, self.weight, self.bias, self.stride, (top, left))


class TransposedConv(nn.ConvTranspose2d):
    """A transposed 3x3 convolution, stride 2 or 3: an image `stride` times as large.

    At stride 2 the full result is 2 N + 1 pixels; TensorFlow's "same" drops the last one, not half of one on each side.
    """

    def __init__(self, channels_in: int, channels_out: int, stride: int = 2) -> None:
        super().__init__(channels_in, channels_out, 3, stride)

    def forward(self, image: Tensor, output_size: list[int] | None = None) -> Tensor:
        height, width = (self.stride[0] * side for side in image.shape[2:])
        return super().forward(image, output_size)[:, :, :height, :width]


def _normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm2d(layer.out_channels, BATCH_NORM_EPS, BATCH_NORM_MOMENTUM), nn.ReLU())


def conv(
    channels_in: int,
    channels_out: int,
    kernel: int = 3,
    stride: int | tuple[int, int] = 1,
    padding: Padding = "same",
) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return _normed(Conv(channels_in, channels_out, kernel, stride, padding))


def tconv(channels_in: int, channels_out: int, stride: int = 2) -> nn.Sequential:
    """Transposed 3x3 convolution, batch norm, ReLU."""
    return _normed(TransposedConv(channels_in, channels_out, stride))


class Residual(nn.Module):
    """Two conv blocks and a skip. The sum needs no ReLU: both terms come from one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convs = nn.Sequential(conv(channels, channels), conv(channels, channels))

    def forward(self, image: Tensor) -> Tensor:
        change: Tensor = self.convs(image)
        return image + change


def residuals(channels: int, count: int) -> list[nn.Module]:
    """`count` residual blocks in a row."""
    return [Residual(channels) for _ in range(count)]


def parameter_count(network: nn.Module) -> int:
    """Trainable parameters: weights, biases, and the scales and shifts of norms."""
    return sum(parameter.numel() for parameter in network.parameters())


def initialise(network: nn.Module, kernels: Callable[[Tensor], object] = nn.init.xavier_uniform_) -> None:
    """Kernels by Glorot's rule, which is Keras' start, or another; biases 0."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            kernels(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
